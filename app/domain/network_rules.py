"""What the networks and Stripe allow on one card, as functions over values.

Nothing here is traded against value: a strategy may choose only among the times that
are left. Charges that Stripe itself blocked never reached a network and do not count.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.cases import CardAttempt, Case
from app.domain.classify import Explanation, explain
from app.domain.decline_codes import NextStep
from app.domain.declines import Codes, Decline
from app.domain.money import Money
from app.domain.network_rules_data import (
    ADVISED_REFUSAL,
    ADVISED_WITH,
    OTHER,
    PUBLISHED,
    STOP_ORDER_FROM_TRY,
    Cap,
    Fee,
    FeeFor,
    NetworkRules,
)
from app.domain.networks import network_name, network_of, with_network

# Stripe recommends at most eight retries (https://docs.stripe.com/declines/card), and
# a payment has a hidden upper limit of confirmations after which it is canceled and
# the invoice can never be paid again: ten declines were measured in 2026. Eight
# retries and the first charge make nine, which leaves one for the customer's own try.
MAX_RETRIES = 8
MAX_CHARGES = 9

# Bank debits have rules of their own, and each refusal its fee. Stripe itself makes at
# most two retries of an ACH debit
# (https://docs.stripe.com/billing/revenue-recovery/smart-retries, April 2026); that the
# other schemes bear no more is our caution.
BANK_DEBITS = frozenset(
    {
        *("us_bank_account", "ach_debit", "acss_debit", "sepa_debit", "bacs_debit"),
        *("au_becs_debit", "nz_bank_account"),
    }
)
MAX_DEBITS = 3

# A wait or a window that ends on the second may still be counted by the other side's
# clock as not over.
_CLOCK_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why this card is never to be charged again for this invoice."""

    reason: str
    customer_can_help: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """No charge before `until`; `rule` says why, in words."""

    until: datetime
    rule: str


@dataclass(frozen=True, slots=True)
class CapBreach:
    """A charge would be one too many; it fits again at `fits_at`."""

    rule: str
    fits_at: datetime


def explain_decline(decline: Decline, case: Case) -> Explanation:
    """What a decline of the case means, read with the network of its card."""
    return explain(with_network(decline.codes, case.card))


def hard_stop(case: Case) -> Stop | None:
    """Why the present card may not be tried again at all; None when it may.

    A never-code stands for good, whatever a later try was answered; of everything
    else the newest refusal speaks. What rules the card itself out counts from
    whichever invoice it was said.
    """
    for decline in reversed(case.card_declines):
        told = explain_decline(decline, case)
        is_newest = decline is case.card_declines[-1]
        if not told.may_retry_same_card and (is_newest or told.is_for_good):
            return Stop(_stop_reason(told), told.customer_can_help)
    for decline in reversed(case.declines_elsewhere):
        told = explain_decline(decline, case)
        if told.binds_card:
            reason = f"{_stop_reason(told)} It was said of the card on another invoice."
            return Stop(reason, told.customer_can_help)
    return None


def _stop_reason(told: Explanation) -> str:
    return f"{told.staff} Another try on this card is ruled out. {told.what_next}"


def earliest_allowed(
    case: Case, now: datetime, *, rules: NetworkRules = PUBLISHED
) -> Wait | None:
    """The longest wait that an answer has asked for and that is not over at `now`."""
    waits = [
        wait
        for decline in case.card_declines
        for wait in _waits_after(decline, rules)
        if wait.until > now
    ]
    return max(waits, key=lambda wait: wait.until, default=None)


def _waits_after(decline: Decline, rules: NetworkRules) -> list[Wait]:
    codes, waits = decline.codes, []
    advised = rules.advice_waits.get(codes.network_advice_code or "")
    if advised is not None:
        code = codes.network_advice_code
        rule = f"Mastercard advice {code}: wait {_spelled(advised)}"
        waits.append(Wait(decline.occurred_at + advised + _CLOCK_MARGIN, rule))
    by_code = rules.code_waits.get(codes.decline_code or "")
    if by_code is not None:
        rule = f"{codes.decline_code}: wait {_spelled(by_code)}"
        waits.append(Wait(decline.occurred_at + by_code + _CLOCK_MARGIN, rule))
    return waits


def _spelled(wait: timedelta) -> str:
    hours = int(wait.total_seconds() // 3600)
    if hours >= 48 and hours % 24 == 0:
        return f"{hours // 24} days"
    return "1 hour" if hours == 1 else f"{hours} hours"


def caps_for(case: Case, at: datetime, *, rules: NetworkRules = PUBLISHED) -> list[Cap]:
    """The caps on the case's card that are in force at `at`."""
    named = {cap.network for cap in rules.caps}
    network = network_of(case.card)
    key = network if network in named else OTHER
    country = (case.card.country or "").upper()
    return [
        cap
        for cap in rules.caps
        if cap.network == key
        and cap.since <= at.date()
        and cap.card_country in {None, country}
    ]


def cap_breach(
    case: Case, at: datetime, *, rules: NetworkRules = PUBLISHED
) -> CapBreach | None:
    """The cap that a charge at `at` would break, and when it would break none."""
    breaches = [
        breach
        for cap in caps_for(case, at, rules=rules)
        if (breach := _breach_of(cap, case, at))
    ]
    return max(breaches, key=lambda breach: breach.fits_at, default=None)


def _breach_of(cap: Cap, case: Case, at: datetime) -> CapBreach | None:
    tries = sorted(a.at for a in network_tries(case) if _counts(a, cap, case, at))
    if len(tries) < cap.tries:
        return None
    # Room for one more appears when all but (tries - 1) of them have left the window.
    leaves = tries[len(tries) - cap.tries] + cap.window + _CLOCK_MARGIN
    return CapBreach(_cap_sentence(cap), leaves)


def _counts(attempt: CardAttempt, cap: Cap, case: Case, at: datetime) -> bool:
    if cap.same_amount and (attempt.amount, attempt.currency) != (
        case.amount.amount,
        case.amount.currency,
    ):
        return False
    return attempt.at + cap.window + _CLOCK_MARGIN > at


def network_tries(case: Case) -> tuple[CardAttempt, ...]:
    """The refused charges of this card that a network saw, whoever made them.

    An approved charge is nobody's retry and counts against no cap.
    """
    known = tuple(a for a in case.card_attempts if a.declined and a.reached_network)
    times = {attempt.at for attempt in known}
    missing = tuple(
        CardAttempt(d.occurred_at, case.amount.amount, case.amount.currency)
        for d in case.card_declines
        if d.reached_network and d.occurred_at not in times
    )
    return known + missing


def _cap_sentence(cap: Cap) -> str:
    whose = "this network" if cap.network == OTHER else cap.network.capitalize()
    amount = " of the same amount" if cap.same_amount else ""
    return (
        f"{whose} allows {cap.tries} refused charges{amount} on a card in "
        f"{_spelled(cap.window)}"
    )


def expected_fee(
    case: Case,
    at: datetime,
    *,
    merchant_country: str | None = None,
    rules: NetworkRules = PUBLISHED,
) -> Money | None:
    """What the network would bill for a charge at `at`; None when nothing.

    A charge against a rule costs, and so does a refusal with Mastercard's advice: after
    one, the next is taken to come with it too. Where it is not known whether the card
    is foreign to the merchant, it is taken to be: the dearer fee is shown.
    """
    reasons = _billable(case, at, rules)
    fees = [
        fee.amount
        for fee in fees_in_force(network_of(case.card), at, rules=rules)
        if fee.charged_for in reasons
        and fee.cross_border in {None, _is_cross_border(case, merchant_country)}
    ]
    return Money(max(fees), "usd") if fees else None


def _billable(case: Case, at: datetime, rules: NetworkRules) -> set[FeeFor]:
    reasons = {FeeFor.EXCESS} if cap_breach(case, at, rules=rules) else set()
    told = [explain_decline(decline, case) for decline in case.card_declines]
    if any(each.is_for_good for each in told):
        reasons.add(FeeFor.NEVER)
    stops = [each for each in told if each.next_step is NextStep.RESPECT]
    if len(stops) >= STOP_ORDER_FROM_TRY - 1:
        reasons.add(FeeFor.STOP_ORDER)
    if case.card_declines and _is_advised(case.card_declines[-1].codes):
        reasons.add(FeeFor.ADVISED)
    return reasons


def _is_advised(codes: Codes) -> bool:
    return (
        codes.network_decline_code == ADVISED_REFUSAL
        and codes.network_advice_code in ADVISED_WITH
    )


def _is_cross_border(case: Case, merchant_country: str | None) -> bool:
    card_country = case.card.country
    if not card_country or not merchant_country:
        return True
    return card_country.upper() != merchant_country.upper()


def fees_in_force(
    network: str | None, at: datetime, *, rules: NetworkRules = PUBLISHED
) -> list[Fee]:
    """The newest fee of each sort that the network charges at `at`."""
    newest: dict[tuple[FeeFor, bool | None], Fee] = {}
    for fee in sorted(rules.fees, key=lambda fee: fee.since):
        if fee.network == network_name(network) and fee.since <= at.date():
            newest[fee.charged_for, fee.cross_border] = fee
    return list(newest.values())
