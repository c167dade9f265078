"""Which hidden trouble a seeded card falls into, and what will cure it.

The mix follows published shares of decline reasons for recurring charges: most are
want of money or an unexplained refusal, few are lost or stolen cards. The shares are
ours; only their order matters here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.sandbox.clock import DAY, HOUR
from app.sandbox.errors import Obj
from app.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Trouble:
    """Causes of a card; the cures, if any, in seconds from now."""

    causes: list[Obj]
    updated_after: int | None = None
    customer_acts_after: int | None = None
    customer_does: str = field(default="new_card")


def trouble_for(world: World, *, brand: str) -> Trouble:
    """Return a trouble drawn from the world's seeded chance."""
    kinds, weights = zip(*MIX, strict=True)
    make = world.random.choices(kinds, weights=weights)[0]
    trouble: Trouble = make(world, brand)
    return trouble


def _no_money(world: World, brand: str) -> Trouble:
    calendar = world.random.choice(("weekly", "biweekly", "monthly", "monthly"))
    day = world.random.randrange(1, 29) if calendar == "monthly" else 4
    cause: Obj = {
        "kind": "no_money",
        "calendar": calendar,
        "day": day,
        "hour": world.random.choice((5, 6, 9, 14)),
        "lasts": world.random.randint(2, 6),
    }
    if brand == "mastercard":
        cause["network_advice_code"] = world.random.choice((None, "24", "25", "26"))
    return Trouble([cause])


def _fraud_block(world: World, _brand: str) -> Trouble:
    clears = world.now + DAY + world.random.randrange(2 * HOUR, 9 * DAY)
    return Trouble([{"kind": "fraud_block", "clears_at": clears}])


def _velocity(world: World, _brand: str) -> Trouble:
    blocked = {"kind": "velocity", "limit": 1, "window": 2 * DAY}
    short = {
        "kind": "fraud_block",
        "decline_code": "card_velocity_exceeded",
        "clears_at": world.now + DAY + world.random.randrange(HOUR, 3 * DAY),
    }
    return Trouble([short, blocked])


def _outage(world: World, _brand: str) -> Trouble:
    lasts = 2 * DAY + world.random.randrange(HOUR, 12 * HOUR)
    return Trouble([{"kind": "outage", "from": world.now, "to": world.now + lasts}])


def _expired(world: World, _brand: str) -> Trouble:
    updated = world.random.random() < 0.5
    after = world.random.randrange(2 * DAY, 10 * DAY)
    late = world.random.randrange(4 * DAY, 15 * DAY)
    return Trouble(
        [{"kind": "expired"}],
        updated_after=after if updated else None,
        customer_acts_after=None if updated else late,
    )


def _lost(world: World, _brand: str) -> Trouble:
    kind = world.random.choice(("lost", "stolen", "revoked"))
    replaced = world.random.random() < 0.4
    after = world.random.randrange(3 * DAY, 12 * DAY) if replaced else None
    return Trouble([{"kind": kind}], customer_acts_after=after)


def _authentication(world: World, _brand: str) -> Trouble:
    comes = world.random.random() < 0.5
    after = world.random.randrange(2 * DAY, 8 * DAY) if comes else None
    return Trouble(
        [{"kind": "authentication"}],
        customer_acts_after=after,
        customer_does="pay_on_page",
    )


def _advised(world: World, brand: str) -> Trouble:
    if brand != "mastercard":
        return _moody(world, brand)
    code = world.random.choice(("03", "21", "24", "25", "26", "27", "28", "29", "30"))
    return Trouble([{"kind": "advised", "code": code}])


def _blocked(world: World, _brand: str) -> Trouble:
    reason = world.random.choice(("highest_risk_level", "rule"))
    return Trouble([{"kind": "blocked", "reason": reason}])


def _moody(world: World, _brand: str) -> Trouble:
    code = world.random.choice(("do_not_honor", "generic_decline", "call_issuer"))
    rate = world.random.choice((0.35, 0.6, 0.8))
    salt = world.ids.text(8)
    cause = {"kind": "moody", "rate": rate, "salt": salt, "decline_code": code}
    return Trouble([cause])


MIX: tuple[tuple[Callable[[World, str], Trouble], int], ...] = (
    (_no_money, 44),
    (_moody, 16),
    (_fraud_block, 8),
    (_expired, 9),
    (_lost, 5),
    (_velocity, 4),
    (_outage, 4),
    (_advised, 5),
    (_authentication, 3),
    (_blocked, 2),
)
