"""Why a card is refused, and until when: the seeded customers' hidden troubles.

Each cause is a small object {"kind": ..., ...} that a control call can set too; times
in it are epoch seconds.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.sandbox.answers import Answer, blocked, mastercard_advice, refused
from app.sandbox.clock import DAY, HOUR, moment_of
from app.sandbox.errors import Obj, bad_parameter

ADVISED_WAITS = {
    "24": HOUR,
    "25": DAY,
    "26": 2 * DAY,
    "27": 4 * DAY,
    "28": 6 * DAY,
    "29": 8 * DAY,
    "30": 10 * DAY,
}


@dataclass(frozen=True, slots=True)
class Asked:
    now: int
    brand: str
    off_session: bool


def answer_of_cause(
    cause: Obj, *, now: int, brand: str, off_session: bool
) -> Answer | None:
    """Return the refusal that this cause gives now, or None where it gives none."""
    asked = Asked(now=now, brand=brand, off_session=off_session)
    return KINDS[cause["kind"]](cause, asked)


def demand_known(cause: Obj) -> None:
    if cause.get("kind") not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise bad_parameter(f"Unknown cause; one of {known}", param="kind")


def _no_money(cause: Obj, asked: Asked) -> Answer | None:
    """{"calendar": "weekly"|"biweekly"|"monthly", "day": n, "hour": h, "lasts": days}

    `day` is a weekday (Monday is 0) or a day of the month; a biweekly payday falls in
    even ISO weeks. Money comes at `hour` UTC and lasts for `lasts` days.
    """
    if has_money(cause, now=asked.now):
        return None
    code = cause.get("decline_code", "insufficient_funds")
    advice = cause.get("network_advice_code") if asked.brand == "mastercard" else None
    return refused(code, brand=asked.brand, network_advice_code=advice)


def has_money(cause: Obj, *, now: int) -> bool:
    lasts = cause.get("lasts", 5)
    opening = timedelta(hours=cause.get("hour", 6))
    for back in range(lasts + 1):
        day = (moment_of(now) - timedelta(days=back)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        arrives = day + opening
        lasted = arrives <= moment_of(now) < arrives + timedelta(days=lasts)
        if _is_payday(cause, day.weekday(), day.day, day.isocalendar().week) and lasted:
            return True
    return False


def _is_payday(cause: Obj, weekday: int, day: int, week: int) -> bool:
    calendar = cause.get("calendar", "monthly")
    if calendar == "monthly":
        return day == int(cause.get("day", 1))
    right_week = calendar == "weekly" or week % 2 == 0
    return right_week and weekday == int(cause.get("day", 4))


def _until(code: str) -> Callable[[Obj, Asked], Answer | None]:
    def refuse(cause: Obj, asked: Asked) -> Answer | None:
        if asked.now >= cause.get("clears_at", asked.now + 1):
            return None
        return refused(cause.get("decline_code", code), brand=asked.brand)

    return refuse


def _outage(cause: Obj, asked: Asked) -> Answer | None:
    if cause["from"] <= asked.now < cause["to"]:
        return refused("processing_error", brand=asked.brand)
    return None


def _velocity(cause: Obj, asked: Asked) -> Answer | None:
    """{"limit": n, "window": seconds}: more than n tries in the window are refused.

    Refused tries count, so hammering keeps the block alive.
    """
    window = cause.get("window", DAY)
    tries = [at for at in cause.setdefault("tries", []) if at > asked.now - window]
    cause["tries"] = [*tries, asked.now]
    if len(tries) < cause.get("limit", 1):
        return None
    return refused("card_velocity_exceeded", brand=asked.brand)


def _authentication(_cause: Obj, asked: Asked) -> Answer | None:
    if not asked.off_session:
        return None
    return refused("authentication_required", brand=asked.brand)


def _advised(cause: Obj, asked: Asked) -> Answer | None:
    """{"code": "25"}: refused until as long as the advice says has passed.

    A try before that starts the wait again; 03, 21 and other codes never clear.
    """
    wait = ADVISED_WAITS.get(cause["code"])
    refused_at = cause.get("refused_at")
    if wait and refused_at is not None and asked.now >= refused_at + wait:
        return None
    cause["refused_at"] = asked.now
    return mastercard_advice(cause["code"])


def _moody(cause: Obj, asked: Asked) -> Answer | None:
    """{"rate": 0.3, "salt": "x"}: refused in some hours; nights are worse."""
    hour = asked.now // HOUR
    digest = hashlib.sha256(f"{cause.get('salt', '')}-{hour}".encode()).digest()
    chance = digest[0] / 256
    night = moment_of(asked.now).hour < 6
    worse = 1.5 if night else 1.0
    if chance >= cause.get("rate", 0.3) * worse:
        return None
    return refused(cause.get("decline_code", "do_not_honor"), brand=asked.brand)


def _blocked(cause: Obj, asked: Asked) -> Answer | None:
    if asked.now >= cause.get("clears_at", asked.now + 1):
        return None
    return blocked(cause.get("reason", "highest_risk_level"))


KINDS: dict[str, Callable[[Obj, Asked], Answer | None]] = {
    "no_money": _no_money,
    "fraud_block": _until("do_not_honor"),
    "expired": _until("expired_card"),
    "lost": _until("lost_card"),
    "stolen": _until("stolen_card"),
    "revoked": _until("revocation_of_authorization"),
    "refused": _until("generic_decline"),
    "outage": _outage,
    "velocity": _velocity,
    "authentication": _authentication,
    "advised": _advised,
    "moody": _moody,
    "blocked": _blocked,
}
