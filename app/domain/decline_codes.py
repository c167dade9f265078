"""The table of every code a refusal may carry, and what each means for us.

The rows are in `decline_codes.csv`, one a code, keyed by the space it belongs to:
networks give one value different meanings (82 is a policy at Mastercard and a failed
security code at Visa). `judged_by` says whose judgement the kind is: Stripe publishes
nine codes that it never retries, Visa and Mastercard their own; the rest is ours.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.domain.declines import DeclineKind


class Space(StrEnum):
    """Where a code comes from; the same value means different things in two of them."""

    STRIPE = "stripe"  # decline codes, outcome reasons and error codes
    ADVICE = "advice"  # Stripe's advice_code
    MASTERCARD_ADVICE = "mastercard-advice"  # network_advice_code (MAC)
    VISA = "visa"  # network_decline_code, by network
    MASTERCARD = "mastercard"
    AMEX = "amex"
    DISCOVER = "discover"


class SameCard(StrEnum):
    """May the same card be tried again, as long as nobody has changed it?"""

    YES = "yes"
    RARELY = "rarely"  # only an account updater or a change of mind can help: few tries
    NO = "no"


class JudgedBy(StrEnum):
    """Whose judgement it is that a code is soft or hard."""

    STRIPE = "stripe"
    VISA = "visa"
    MASTERCARD = "mastercard"
    OURS = "ours"


class NextStep(StrEnum):
    """What staff should do about a code."""

    WAIT = "wait"
    LIMIT = "limit"
    CALL_ISSUER = "call_issuer"
    CHECK = "check"
    UPDATED = "updated"
    NEW_CARD = "new_card"
    FIX_DATA = "fix_data"
    AUTHENTICATE = "authenticate"
    MERCHANT = "merchant"
    REVIEW = "review"
    RESPECT = "respect"


# Steps that are not the customer's to take: asking for another card would be useless
# (the merchant's own side), or against a wish the customer has already stated.
NOT_THE_CUSTOMERS = frozenset({NextStep.MERCHANT, NextStep.REVIEW, NextStep.RESPECT})

NEXT_STEPS: dict[NextStep, str] = {
    NextStep.WAIT: "Nothing to do: a later try may pass.",
    NextStep.LIMIT: "Nothing to do: limits reset with the day, the week or the month.",
    NextStep.CALL_ISSUER: "Later tries may pass; else the customer asks the bank.",
    NextStep.CHECK: "Look whether the same amount was already paid a moment before.",
    NextStep.UPDATED: "Ask for the new card; an updater may bring it by itself.",
    NextStep.NEW_CARD: "Ask the customer for another card.",
    NextStep.FIX_DATA: "Ask the customer to enter the card's data again.",
    NextStep.AUTHENTICATE: "Send the customer to the invoice page to confirm.",
    NextStep.MERCHANT: "Put the fault on your own side right; ask Stripe's support.",
    NextStep.REVIEW: "Look into it in Stripe (Radar, disputes) and decide by hand.",
    NextStep.RESPECT: "Do not charge again until the customer has agreed anew.",
}

# Stripe asks not to reveal lost, stolen, fraudulent and block-listed cards
# (https://docs.stripe.com/declines/codes, 2026-04-15): those rows, and all that hint
# at them, say "declined".
CUSTOMER_SENTENCES: dict[str, str] = {
    "declined": (
        "Your payment was declined. Please use another card, or ask your bank about it."
    ),
    "funds": (
        "Your bank declined the payment because there was not enough money available."
    ),
    "limit": (
        "The payment was above what your card may spend at present. "
        "Please use another card, or ask your bank about its limits."
    ),
    "expired": "Your card has expired or was replaced. Please enter your new card.",
    "data": "Some of your card's details are wrong. Please enter them again.",
    "authenticate": "Your bank wants you to confirm this payment. Please confirm it.",
    "temporary": "The payment could not be processed just now. It was not your fault.",
    "unsupported": "Your card cannot be used for this payment. Please use another one.",
    "mandate": (
        "Your permission for this payment is no longer valid. "
        "Please set up a payment method again if you wish to continue."
    ),
}

SOURCES: dict[str, str] = {
    "stripe_codes": "https://docs.stripe.com/declines/codes (2026-04-15)",
    "stripe_local": (
        "https://docs.stripe.com/declines/codes, local payment methods (2026-04-15)"
    ),
    "stripe_hard": (
        "https://docs.stripe.com/billing/revenue-recovery/smart-retries: "
        "the codes that Stripe never retries (2026-04-12)"
    ),
    "stripe_outcome": "stripe 16.1.0, Charge.outcome.reason (API 2026-10-28)",
    "stripe_errors": "stripe 16.1.0, last_payment_error.code (API 2026-10-28)",
    "stripe_excessive": (
        "https://support.stripe.com/questions/payment-blocked-due-to-excessive-retries"
        " (read 2026-11)"
    ),
    "stripe_advice": (
        "https://docs.stripe.com/declines/card; stripe 16.1.0, Charge.outcome "
        "(API 2026-10-28)"
    ),
    "mac": (
        "https://developers.tabapay.com/docs/merchant-advice-code-mac; "
        "https://docs.payabl.com/docs/mastercard-merchant-advice-codes; CyberSource "
        "mandate of April 2024 (Mastercard's own text is not public; read 2026-11)"
    ),
    "mac_unconfirmed": (
        "processors' lists (Antom, Solidgate; read 2026-11); "
        "not confirmed at Mastercard"
    ),
    "visa_1": "Visa Core Rules 18 Apr 2026, 7.3.6.3, table 7-2, category 1",
    "visa_57": (
        "Visa Core Rules 18 Apr 2026, table 7-2, category 1; sources differ for the "
        "year before 25 Oct 2026, so never at any date"
    ),
    "visa_stop": "Visa Core Rules 18 Apr 2026, ID 0030640, table 7-2, category 1",
    "visa_2": "Visa Core Rules 18 Apr 2026, 7.3.6.3, table 7-2, category 2",
    "visa_83": (
        "Visa Core Rules 18 Apr 2026, table 7-2, category 2; in force from 25 Jul "
        "2026 by the rules, 25 Oct 2026 by TabaPay"
    ),
    "visa_3": "Visa Core Rules 18 Apr 2026, 7.3.6.3, table 7-2, category 3",
    "visa_4": "Visa Core Rules 18 Apr 2026, 7.3.6.3, table 7-2, category 4",
    "mc_iso": (
        "ISO 8583 field 39 as listed by IanFoxDev/decline-codes (2026-10-05); "
        "Mastercard has no categories, its advice code decides"
    ),
    "mc_groups": "https://help.qualpay.com; https://help.maast.com (read 2026-11)",
    "amex": "docs.lyra.com, amex_global; doc.seerbit.com (read 2026-11)",
    "unconfirmed": "no public list found (2026-11)",
}


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What one code means. `meaning` is for staff, `customer_sentence` may be sent."""

    space: Space
    code: str
    kind: DeclineKind
    same_card: SameCard
    next_step: NextStep
    customer_sentence: str
    judged_by: JudgedBy
    source: str
    meaning: str

    @property
    def is_final(self) -> bool:
        """True when Stripe or the network itself, not we, rules the same card out."""
        return self.same_card is SameCard.NO and self.judged_by is not JudgedBy.OURS

    @property
    def is_vague(self) -> bool:
        """True when the code says that it was declined, and nothing about why."""
        return (self.space, self.code) in _VAGUE


_VAGUE = frozenset(
    (Space.STRIPE, code)
    for code in (
        *("generic_decline", "do_not_honor", "call_issuer", "no_action_taken"),
        *("partner_generic_decline", "service_not_allowed"),
    )
)


def _rows() -> Iterator[CodeFacts]:
    path = Path(__file__).with_name("decline_codes.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield CodeFacts(
                space=Space(row["space"]),
                code=row["code"],
                kind=DeclineKind(row["kind"]),
                same_card=SameCard(row["again"]),
                next_step=NextStep(row["then"]),
                customer_sentence=CUSTOMER_SENTENCES[row["say"]],
                judged_by=JudgedBy(row["judged_by"]),
                source=SOURCES[row["source"]],
                meaning=row["meaning"],
            )


ROWS: tuple[CodeFacts, ...] = tuple(_rows())
CODES: dict[tuple[str, str], CodeFacts] = {(row.space, row.code): row for row in ROWS}
