"""Hidden causes that the worlds mix: each makes one Holder for a draft."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks.issuers.kit import TOLERANT, Codes, Draft, Holder, Temper
from benchmarks.issuers.money import (
    Account,
    Moment,
    PaydayMaker,
    broke_account,
    us_paydays,
)

NO_FUNDS = Codes("insufficient_funds", "try_again_later", "51")
DO_NOT_HONOR = Codes("do_not_honor", "try_again_later", "05")
GENERIC = Codes("generic_decline", "try_again_later", "05")

Slip = Callable[[int], float]


def by_day(hour: int) -> float:
    """Recurly saw declines at 18 % by day and 25-28 % between 01:00 and 04:00; the
    part that is not lack of money is taken as 4 % and 12 %."""
    return 0.12 if 0 <= hour < 6 else 0.04


def no_money(
    draft: Draft,
    *,
    paydays: PaydayMaker = us_paydays,
    shares: tuple[float, ...] = (0.06, 0.12, 0.25, 0.5),
    never: float = 0.2,
    masked: float = 0.35,
    temper: Temper = TOLERANT,
    slip: Slip = by_day,
) -> Holder:
    """No money until payday; a share `never` has none within the window.

    Issuers hide part of these refusals behind do_not_honor and generic_decline
    (`masked`): Adyen is quoted with about half of do_not_honor.
    """
    rng = draft.rng
    code = rng.choice([DO_NOT_HONOR, GENERIC]) if rng.random() < masked else NO_FUNDS
    if rng.random() < never:
        return stays_shut(draft, "never", code, temper=temper)
    account = broke_account(rng, draft.moment(), paydays, shares)
    return _money_holder(draft, account, code, temper, slip)


def _money_holder(
    draft: Draft, account: Account, code: Codes, temper: Temper, slip: Slip
) -> Holder:
    zone = draft.zone
    return Holder(
        cause="money",
        ready=lambda at: account.has_money(Moment.of(at, zone)),
        refusal=lambda at: code,
        zone=zone,
        temper=temper,
        slip=slip,
    )


def opens_after(
    draft: Draft,
    cause: str,
    wait: timedelta,
    code: Codes,
    *,
    temper: Temper = TOLERANT,
    slip: Slip = by_day,
) -> Holder:
    """Refused until `wait` after the decline, approved from then on."""
    opens = draft.declined_at + wait
    return Holder(
        cause=cause,
        ready=lambda at: at >= opens,
        refusal=lambda at: code,
        zone=draft.zone,
        temper=temper,
        slip=slip,
    )


def stays_shut(
    draft: Draft, cause: str, code: Codes, *, temper: Temper = TOLERANT
) -> Holder:
    """Never approved on this card within the window."""
    return Holder(cause, lambda at: False, lambda at: code, draft.zone, temper)


def fraud_block(draft: Draft, *, temper: Temper = TOLERANT) -> Holder:
    """An issuer's suspicion that lapses after hours or days, a tenth never."""
    rng = draft.rng
    code = rng.choices([DO_NOT_HONOR, GENERIC, Codes("fraudulent")], [5, 4, 1])[0]
    if rng.random() < 0.25:
        return stays_shut(draft, "never", code, temper=temper)
    wait = timedelta(
        hours=rng.choice([6, 24, 48, 72, 168, 336]) * rng.uniform(0.5, 1.2)
    )
    return opens_after(draft, "block", wait, code, temper=temper)


def outage(draft: Draft) -> Holder:
    """A technical refusal: hours, rarely days."""
    code = Codes(draft.rng.choice(["processing_error", "issuer_not_available"]))
    hours = draft.rng.choices([0.5, 2, 6, 18, 60], [25, 30, 25, 15, 5])[0]
    return opens_after(draft, "outage", timedelta(hours=hours), code)


def stale_card(draft: Draft, *, updated: float = 0.35) -> Holder:
    """Expired or replaced; an account updater brings the new number on some day."""
    code = Codes("expired_card", "confirm_card_data", "54")
    if draft.rng.random() >= updated:
        return stays_shut(draft, "stale", code)
    days = draft.rng.choice([1, 2, 4, 8, 14, 21]) * draft.rng.uniform(0.7, 1.2)
    return opens_after(draft, "stale", timedelta(days=days), code)


def hard_stop(draft: Draft) -> Holder:
    """A card that must never be tried again."""
    codes = [
        Codes("stolen_card", "do_not_try_again", "43"),
        Codes("lost_card", "do_not_try_again", "41"),
        Codes("incorrect_number", "confirm_card_data", "14"),
        Codes("transaction_not_allowed", "do_not_try_again", "57"),
        Codes("do_not_honor", "do_not_try_again", "05", "03"),
        Codes("generic_decline", "do_not_try_again", "05", "21"),
    ]
    return stays_shut(draft, "hard", draft.rng.choice(codes))


def resets(draft: Draft, *, every: str) -> Holder:
    """A spending limit, used up again some time after it resets.

    `every` is "day" (local midnight), "week" (Monday) or "month" (the 1st).
    """
    rng, zone = draft.rng, draft.zone
    lasts = {"day": 1.0, "week": 7.0, "month": 30.0}[every] * rng.uniform(0.25, 0.9)
    luck = rng.getrandbits(32)
    first = draft.declined_at

    def ready(at: datetime) -> bool:
        start = _last_reset(at.astimezone(zone), every)
        if start <= first.astimezone(zone):
            return False
        heavy = random.Random(f"{luck}/{start}").random() < 0.25
        used_up = timedelta(days=lasts * (0.3 if heavy else 1.0))
        return at - start.astimezone(UTC) < used_up

    code = Codes(
        rng.choice(["card_velocity_exceeded", "withdrawal_count_limit_exceeded"]),
        "try_again_later",
        rng.choice(["61", "65"]),
    )
    return Holder("limit", ready, lambda at: code, zone, TOLERANT, by_day)


def _last_reset(local: datetime, every: str) -> datetime:
    start = local.replace(hour=0, minute=0, second=0, microsecond=0)
    match every:
        case "week":
            return start - timedelta(days=start.weekday())
        case "month":
            return start.replace(day=1)
        case _:
            return start


def advised(draft: Draft, holder: Holder) -> Holder:
    """The same holder whose issuer sends Mastercard's advice of when to come back.

    Codes 24-30: 1 h, 24 h, 2, 4, 6, 8, 10 days. The advice is the first that is not
    before the account is ready, and absent when none is.
    """
    waits = {"24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240}
    plain = holder.refusal

    def refusal(at: datetime) -> Codes:
        codes = plain(at)
        for advice, hours in waits.items():
            if holder.ready(at + timedelta(hours=hours)):
                return Codes(codes.decline_code, "try_again_later", "51", advice)
        return codes

    draft.brand = "mastercard"
    return Holder(
        holder.cause, holder.ready, refusal, holder.zone, holder.temper, holder.slip
    )
