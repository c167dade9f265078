"""What a refusal means: its kind, in words, and whether the same card may be tried.

The order of the voices, strongest first:
1. Stripe blocked it: the bank never saw the charge, so no bank's code can speak;
   only "never" still counts.
2. "Never": Stripe's own list of codes it never retries, `do_not_try_again`, and the
   networks' own never-codes.
3. Advice. It outranks our own inference from a code, in both directions.
4. The decline code; where that is vague, the network's code says more.
5. Nothing known: soft with care, few tries, and counted (`known` is False).
"""

from dataclasses import dataclass
from functools import lru_cache

from app.domain.decline_codes import (
    CODES,
    CUSTOMER_SENTENCES,
    NEXT_STEPS,
    NOT_THE_CUSTOMERS,
    CodeFacts,
    JudgedBy,
    NextStep,
    SameCard,
    Space,
)
from app.domain.declines import Codes, DeclineKind
from app.domain.networks import network_name


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one refusal means, for people and for strategies.

    `known` is False when a code, or every code, is none that we have a row for.
    `is_for_good`: the card stays ruled out, whatever a later try is answered.
    `binds_card`: so it is for every invoice that is charged to it, not for this one.
    """

    kind: DeclineKind
    same_card: SameCard
    staff: str
    customer: str
    next_step: NextStep
    known: bool
    judged_by: JudgedBy
    source: str
    is_for_good: bool = False
    binds_card: bool = False

    @property
    def may_retry_same_card(self) -> bool:
        """Whether a charge on the unchanged card makes sense at all."""
        return self.same_card is not SameCard.NO

    @property
    def what_next(self) -> str:
        """A sentence for staff: what to do about it."""
        return NEXT_STEPS[self.next_step]

    @property
    def customer_can_help(self) -> bool:
        """Whether a new card or an action of the customer would help."""
        return self.next_step not in NOT_THE_CUSTOMERS


def classify(codes: Codes) -> DeclineKind:
    """The kind of the decline that carried `codes`."""
    return explain(codes).kind


@lru_cache(maxsize=4096)
def explain(codes: Codes) -> Explanation:
    """All that `codes` say, in words; unknown codes are soft with care."""
    rows = _Rows.of(codes)
    row = _deciding_row(codes, rows)
    return Explanation(
        kind=DeclineKind.BLOCKED if _is_blocked(codes) else row.kind,
        same_card=row.same_card,
        staff=_in_words(row, rows),
        customer=_customer_sentence(row, rows),
        next_step=row.next_step,
        known=_is_known(codes, rows),
        judged_by=row.judged_by,
        source=row.source,
        is_for_good=row.kind is DeclineKind.HARD and row.same_card is SameCard.NO,
        binds_card=not _is_blocked(codes) and any(map(_binds_card, rows.given)),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The table's rows for each of a refusal's codes."""

    code: CodeFacts | None
    advice: CodeFacts | None
    network_advice: CodeFacts | None
    network: CodeFacts | None

    @classmethod
    def of(cls, codes: Codes) -> "_Rows":
        return cls(
            code=CODES.get((Space.STRIPE, codes.decline_code or "")),
            advice=CODES.get((Space.ADVICE, codes.advice_code or "")),
            network_advice=_network_advice_row(codes),
            network=_network_row(codes),
        )

    @property
    def given(self) -> tuple[CodeFacts, ...]:
        every = (self.code, self.advice, self.network_advice, self.network)
        return tuple(row for row in every if row)


def _network_advice_row(codes: Codes) -> CodeFacts | None:
    """Mastercard's advice; nobody else publishes any, so it is read so everywhere."""
    code = codes.network_advice_code or ""
    # Visa sends its stop instructions as decline codes; some read them as advice.
    return CODES.get((Space.MASTERCARD_ADVICE, code)) or (
        CODES.get((Space.VISA, code)) if code in {"R0", "R1", "R3"} else None
    )


def _network_row(codes: Codes) -> CodeFacts | None:
    """The row of the network's code; of an unknown network, the strictest reading."""
    code = (codes.network_decline_code or "").upper()
    if not code:
        return None
    network = network_name(codes.network)
    if network:
        return CODES.get((network, code)) or CODES.get((network, "*"))
    readings = [
        row
        for space in (Space.VISA, Space.MASTERCARD, Space.AMEX)
        if (row := CODES.get((space, code)))
    ]
    return max(readings, key=_strictness, default=None)


def _strictness(row: CodeFacts) -> tuple[bool, int]:
    order = (SameCard.YES, SameCard.RARELY, SameCard.NO)
    return row.is_final, order.index(row.same_card)


_BLOCKED = CodeFacts(
    space=Space.STRIPE,
    code="(blocked)",
    kind=DeclineKind.BLOCKED,
    same_card=SameCard.RARELY,
    next_step=NextStep.REVIEW,
    customer_sentence=CUSTOMER_SENTENCES["declined"],
    judged_by=JudgedBy.OURS,
    source="https://docs.stripe.com/declines (2026-04-15)",
    meaning="Stripe refused the payment itself and did not send it to the bank.",
)
_UNKNOWN = CodeFacts(
    space=Space.STRIPE,
    code="(unknown)",
    kind=DeclineKind.SOFT,
    same_card=SameCard.RARELY,
    next_step=NextStep.CALL_ISSUER,
    customer_sentence=CUSTOMER_SENTENCES["declined"],
    judged_by=JudgedBy.OURS,
    source="no row for any of its codes",
    meaning="The payment was declined with a code that is not known here.",
)


def _is_blocked(codes: Codes) -> bool:
    row = CODES.get((Space.STRIPE, codes.decline_code or ""))
    return (
        codes.outcome_type == "blocked"
        or codes.network_status == "not_sent_to_network"
        or (row is not None and row.kind is DeclineKind.BLOCKED)
    )


def _deciding_row(codes: Codes, rows: _Rows) -> CodeFacts:
    never = _never(rows)
    if _is_blocked(codes):
        return never or _blocked_row(rows)
    return never or _advised(codes, rows) or _by_code(rows)


def _blocked_row(rows: _Rows) -> CodeFacts:
    """Only a reason of Stripe's own, or one that never passes, says more."""
    row = rows.code
    if row and (row.kind is DeclineKind.BLOCKED or row.same_card is SameCard.NO):
        return row
    return _BLOCKED


def _never(rows: _Rows) -> CodeFacts | None:
    """The first voice that rules the card out by Stripe's or the network's own word.

    Advice to correct the card's data is no such word: an updater may correct it.
    """
    return next(
        (
            row
            for row in rows.given
            if row.is_final and not (row is rows.advice and _says_fix_data(row))
        ),
        None,
    )


def _binds_card(row: CodeFacts) -> bool:
    """Whether a network, or Stripe's list, rules the card itself out: lost, stolen, all
    of Visa's category 1, Mastercard's advice 03 and 21. Networks count by card and
    merchant. Stripe's `do_not_try_again` speaks of one purchase, and a fault on the
    merchant's side of none."""
    return (
        row.is_final
        and row.kind is DeclineKind.HARD
        and row.space is not Space.ADVICE
        and row.next_step not in (NextStep.MERCHANT, NextStep.REVIEW)
    )


def _says_fix_data(row: CodeFacts) -> bool:
    return row.next_step is NextStep.FIX_DATA


def _advised(codes: Codes, rows: _Rows) -> CodeFacts | None:
    """The advice that outranks our inference from the codes, if any."""
    advice, network_advice, inferred = rows.advice, rows.network_advice, _by_code(rows)
    if _wants_authentication(codes):
        return CODES[Space.STRIPE, "authentication_required"]
    if advice and _says_fix_data(advice):
        return inferred if inferred.next_step is NextStep.UPDATED else advice
    if network_advice and network_advice.same_card is not SameCard.YES:
        return network_advice if inferred.same_card is SameCard.YES else None
    later = network_advice or advice
    return later if later and _may_be_lifted(inferred) else None


def _wants_authentication(codes: Codes) -> bool:
    """Mastercard's security group with advice 01: again, but with 3D Secure.

    https://help.maast.com, advice codes by group (read 2026-11).
    """
    return (
        network_name(codes.network) == Space.MASTERCARD
        and codes.network_decline_code == "83"
        and codes.network_advice_code == "01"
    )


# Stripe's decline codes whose own words leave nothing to infer.
_PLAIN_NO = frozenset({"do_not_try_again", "invalid_account"})


def _may_be_lifted(inferred: CodeFacts) -> bool:
    """Advice to try later beats an inference, but no plain word, wish or law."""
    return (
        inferred.same_card is not SameCard.YES
        and inferred.next_step not in NOT_THE_CUSTOMERS
        and not (inferred.space is Space.STRIPE and inferred.code in _PLAIN_NO)
    )


def _by_code(rows: _Rows) -> CodeFacts:
    if rows.code and not rows.code.is_vague:
        return rows.code
    return rows.network or rows.code or rows.network_advice or rows.advice or _UNKNOWN


def _in_words(row: CodeFacts, rows: _Rows) -> str:
    """The deciding row's meaning, and the decline code's or the advice's beside it."""
    advice = rows.network_advice or rows.advice
    beside = [
        other.meaning
        for other in (rows.code, advice)
        if other and other is not row and not other.is_vague
    ]
    return " ".join(dict.fromkeys([row.meaning, *beside]))


def _customer_sentence(row: CodeFacts, rows: _Rows) -> str:
    """What may be said: the decline code's sentence, unless it would not be true."""
    said = rows.code or row
    if row.kind is DeclineKind.NEEDS_CUSTOMER or said.is_vague:
        said = row
    is_over = row.same_card is SameCard.NO and row is not said
    if is_over and said.customer_sentence == CUSTOMER_SENTENCES["temporary"]:
        return CUSTOMER_SENTENCES["declined"]
    return said.customer_sentence


def _is_known(codes: Codes, rows: _Rows) -> bool:
    """Whether each code given has a row; networks that publish none are passed over."""
    has_list = network_name(codes.network) in {space.value for space in Space}
    pairs = (
        (codes.decline_code, rows.code),
        (codes.advice_code, rows.advice),
        (codes.network_advice_code, rows.network_advice),
        (codes.network_decline_code if has_list else None, rows.network),
    )
    if not any(code for code, _ in pairs):
        return _is_blocked(codes)
    return all(row is not None for code, row in pairs if code)
