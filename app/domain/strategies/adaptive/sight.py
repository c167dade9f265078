"""A case in numbers: what the model sees of it, and the chances under each hypothesis.

Times are days (floats, UTC) since 1 January 2015; `offset` turns them to the customer's
own clock. What was not known is named in `unknown`, for the decision card.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import lgamma

import numpy as np

from app.domain.cases import Case
from app.domain.declines import Codes
from app.domain.local_time import zone_of
from app.domain.strategies.adaptive.hypotheses import (
    OPEN,
    RESETS,
    SHUT,
    Cause,
    Hypotheses,
    hypotheses,
)
from app.domain.strategies.adaptive.paydays import (
    DAY_ZERO,
    DAYS,
    Floats,
    month_days,
)

ZERO = datetime(DAY_ZERO.year, 1, 1, tzinfo=UTC)
TURN = 5 / 24  # pay is on the account by 05:00
CODE_GROUPS = (
    frozenset({"insufficient_funds", "partner_insufficient_funds"}),
    frozenset({"do_not_honor", "no_action_taken", "call_issuer"}),
    frozenset({"generic_decline", "partner_generic_decline", "try_again_later"}),
    frozenset({"card_velocity_exceeded", "withdrawal_count_limit_exceeded"}),
    frozenset({"processing_error", "issuer_not_available", "reenter_transaction"}),
    frozenset({"expired_card", "new_account_information_available"}),
    frozenset({"fraudulent", "security_violation", "restricted_card"}),
)
OTHER_CODE = len(CODE_GROUPS)
GROUPS = len(CODE_GROUPS) + 1
US, ABROAD, SOMEWHERE = range(3)
REGIONS = 3
FUNDINGS = 2  # credit, and everything that spends what is there
# Mastercard's advice to come back after so many hours (merchant advice codes 24-30).
ADVICE_HOURS = {"24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240}
MOST_PAST = 12  # older renewals tell little of today's pay
# Of earlier renewals that passed, the share taken to be from better times, when there
# was money on every day: people come into straits, and change jobs and banks.
BETTER_TIMES = 0.35
# How often renewals pass where there is no calendar: Beta(this, 1) from person to
# person, so that no calendar is believed merely because it fits their own rate.
WITHOUT_CALENDAR, WITH_WINDOWS = 3.0, 2.0
USUAL_DAYS = 28  # after the decline, whatever the window: see usual_chances


@dataclass(frozen=True, slots=True)
class Sight:
    """What the model sees of a case."""

    first: float
    last: float
    deadline: float
    offset: float
    group: int
    funding: int
    region: int
    country: str  # of the customer, else of the card; may be empty
    issuer: str  # its name, else the card number's first digits; may be empty
    tries: Floats  # the first decline included
    groups: tuple[int, ...]
    advised: Floats
    past_successes: Floats
    past_declines: Floats
    unknown: tuple[str, ...]

    @property
    def context(self) -> int:
        return self.group * FUNDINGS + self.funding


def day_number(at: datetime) -> float:
    """Days since the model's day zero."""
    return (at - ZERO).total_seconds() / 86400


def seen(case: Case) -> Sight:
    """The case in numbers. Raises OverflowError outside the calendar's years."""
    first, deadline = day_number(case.declined_at), day_number(case.deadline_at)
    if first < 400 or deadline > DAYS - 40:
        raise OverflowError(f"no calendar for {case.declined_at:%Y}")
    groups = tuple(code_group(one.codes) for one in case.declines)
    advised = [
        day_number(one.occurred_at) + hours / 24
        for one in case.declines
        if (hours := ADVICE_HOURS.get(one.codes.network_advice_code or ""))
    ]
    country = (case.customer.country or case.card.country or "").upper()
    return Sight(
        first=first,
        last=day_number(case.last_decline.occurred_at),
        deadline=deadline,
        offset=_offset(case),
        group=groups[0],
        funding=0 if case.card.funding == "credit" else 1,
        region=SOMEWHERE if not country else US if country == "US" else ABROAD,
        country=country,
        issuer=(case.card.issuer or case.card.iin or "").strip().lower(),
        tries=np.array([day_number(one.occurred_at) for one in case.declines]),
        groups=groups,
        advised=np.array(advised),
        past_successes=_past(case.past_successes, first),
        past_declines=_past(case.past_declines, first),
        unknown=_unknown(case),
    )


def code_group(codes: Codes) -> int:
    """Which of the groups of codes that mean much the same."""
    for number, group in enumerate(CODE_GROUPS):
        if codes.decline_code in group:
            return number
    return OTHER_CODE


def chances(sight: Sight, at: Floats) -> Floats:
    """Chance of approval by hypothesis (rows) at each of the times (columns)."""
    h = hypotheses()
    local = at + sight.offset
    calendars = len(h.table)
    result = np.empty((len(h), len(at)))
    result[:calendars] = h.table[:, np.floor(local - TURN).astype(int)]
    since = at - sight.first
    into = (since - h.offsets[:, None]) % h.periods[:, None]
    is_open = into < (h.closings - h.offsets)[:, None]
    result[calendars:] = np.where(is_open, h.heights[:, None], h.constants[:, None])
    first_limit = int(np.argmax(h.cause == Cause.LIMIT))
    result[first_limit : first_limit + len(RESETS)] = _resets(sight, local)
    return result


def usual_chances(sight: Sight) -> Floats:
    """Mean chance by hypothesis over four weeks: what is left of it for those who know
    nothing of days. Not over the window, or more time would lower what is planned."""
    first = np.floor(sight.first + sight.offset) + 1
    days = first + np.arange(USUAL_DAYS) + 0.5 - sight.offset
    return np.asarray(chances(sight, days).mean(axis=1))


def believed_chances(sight: Sight, at: Floats, *, timing: float) -> Floats:
    """As `chances`, with differences between times taken at so much of their word."""
    usual = usual_chances(sight)[:, None]
    return np.asarray(timing * chances(sight, at) + (1 - timing) * usual)


def past_evidence(sight: Sight) -> Floats:
    """Log-likelihood of earlier renewals' outcomes by hypothesis.

    Only pay calendars say anything about days; the other causes know how often a
    renewal of such a customer passes.
    """
    h = hypotheses()
    wins, losses = sight.past_successes, sight.past_declines
    result = np.full(len(h), _at_any_rate(len(wins), len(losses), WITHOUT_CALENDAR))
    of_windows = _at_any_rate(len(wins), len(losses), WITH_WINDOWS)
    result[h.cause == Cause.WINDOW] = of_windows
    won = _calendar_days(h, wins, sight.offset)
    lost = _calendar_days(h, losses, sight.offset)
    hard = 1 - BETTER_TIMES
    passed = np.log(BETTER_TIMES + hard * won).sum(axis=1)
    result[: len(h.table)] = passed + np.log(hard * (1 - lost)).sum(axis=1)
    return result


def _at_any_rate(wins: int, losses: int, a: float) -> float:
    """Log-likelihood where each person's own rate is drawn from Beta(a, 1)."""
    return lgamma(a + 1) - lgamma(a) + _log_beta(a + wins, 1 + losses)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _calendar_days(h: Hypotheses, at: Floats, offset: float) -> Floats:
    days = np.floor(at + offset - TURN).astype(int)
    # A renewal passes for other reasons than pay now and then, and fails likewise.
    return 0.05 + 0.9 * h.table[:, days].astype(float)


def _resets(sight: Sight, local: Floats) -> Floats:
    """Limits: shut until the first reset after the decline, then open for a while."""
    day = np.floor(local)
    starts = {
        "day": day,
        "week": day - (day + DAY_ZERO.weekday()) % 7,
        "month": day - month_days()[day.astype(int)] + 1,
    }
    start = np.array([starts[every] for every, _ in RESETS])
    lasts = np.array([lasts for _, lasts in RESETS])[:, None]
    good = np.where(local - start < lasts, OPEN, 0.25)
    return np.where(start > sight.first + sight.offset, good, SHUT)


def _offset(case: Case) -> float:
    """Days that the customer's clock is ahead of UTC when the case begins.

    A clock change within the window is an hour: nothing to a belief about days.
    """
    local = zone_of(case)
    there = case.declined_at.astimezone(local.zone).utcoffset()
    return there.total_seconds() / 86400 if there else 0.0


def _past(moments: tuple[datetime, ...], first: float) -> Floats:
    days = sorted(day_number(at) for at in moments)
    return np.array([day for day in days if 30 < day < first][-MOST_PAST:])


def _unknown(case: Case) -> tuple[str, ...]:
    missing = []
    if not case.customer.timezone and case.customer.utc_offset_minutes is None:
        missing.append("time zone")
    if not (case.customer.country or case.card.country):
        missing.append("country")
    if not case.card.funding:
        missing.append("kind of card (credit, debit, prepaid)")
    if not (case.past_successes or case.past_declines):
        missing.append("earlier renewals")
    if code_group(case.last_decline.codes) == OTHER_CODE:
        missing.append("what this decline code stands for")
    return tuple(missing)
