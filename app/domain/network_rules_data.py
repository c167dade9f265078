"""The card networks' published caps, waits and fees: dated data, with sources.

Edit a row, or add one with its date: every cap in force on a day is obeyed, so the
strictest wins. Read in November 2026. Networks publish little in the open; most
sources are processors who pass the rules on. Amex and Discover publish no limit:
"other" is our own caution.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

OTHER = "other"  # every network that is not named in a table here


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `tries` refused charges of one card within a rolling `window`.

    `same_amount`: only charges of the same amount and currency count together.
    `card_country` limits the cap to cards of that country (upper-case ISO code).
    """

    network: str
    tries: int
    window: timedelta
    since: date
    source: str
    same_amount: bool = False
    card_country: str | None = None


class FeeFor(StrEnum):
    """What a network charges for."""

    EXCESS = "excess"  # a try above a cap
    NEVER = "never"  # a try after a never-code
    STOP_ORDER = "stop_order"  # a try after the cardholder's stop instruction
    ADVISED = "advised"  # a decline that came with advice when to try again


@dataclass(frozen=True, slots=True)
class Fee:
    """What one such charge costs the merchant, in `amount` US cents.

    `cross_border` None: the same at home and abroad. The newest row in force counts.
    """

    network: str
    charged_for: FeeFor
    amount: int
    since: date
    source: str
    cross_border: bool | None = None


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """One edition of the rules; tests and editors build their own."""

    caps: tuple[Cap, ...]
    fees: tuple[Fee, ...]
    advice_waits: dict[str, timedelta]  # by network_advice_code
    code_waits: dict[str, timedelta]  # by Stripe's decline or error code


_MONTH = timedelta(days=30)
# For rules whose first day no source gives: in force for as long as we look back.
_LONG_AGO = date(2020, 1, 1)
_STRIPE_EXCESSIVE = (
    "https://support.stripe.com/questions/payment-blocked-due-to-excessive-retries: "
    "Stripe itself blocks from 15 on"
)
_VISA_RULES = "Visa Core Rules 18 Apr 2026; docs.cielo.com.br; developers.tabapay.com"
_MC_RULES = "developers.tabapay.com; Braintree network updates (mastercard-f23)"

CAPS: tuple[Cap, ...] = (
    # Visa raised its own limit in May 2025; Stripe's page still says 15, and Stripe
    # is the one who blocks.
    Cap("visa", 20, _MONTH, date(2025, 5, 25), _VISA_RULES),
    Cap("visa", 15, _MONTH, _LONG_AGO, _STRIPE_EXCESSIVE),
    # Some texts say "a day", some "24 hours": the rolling window keeps both.
    Cap("mastercard", 10, timedelta(hours=24), date(2022, 10, 1), _MC_RULES),
    Cap("mastercard", 35, _MONTH, date(2022, 10, 1), _MC_RULES, same_amount=True),
    # Brazil bills from the 8th retry in a month: the first charge and 7 retries fit.
    Cap(
        *("mastercard", 8, _MONTH, _LONG_AGO, "docs.payzu.com.br"),
        card_country="BR",
    ),
    Cap(OTHER, 15, _MONTH, _LONG_AGO, "ours: the strictest of the others"),
)

_CHECKOUT = "checkout.com notices of Apr 2023 and 4 Mar 2026; payway.com"

FEES: tuple[Fee, ...] = (
    Fee("visa", FeeFor.EXCESS, 10, _LONG_AGO, _CHECKOUT, cross_border=False),
    Fee("visa", FeeFor.EXCESS, 15, _LONG_AGO, _CHECKOUT, cross_border=True),
    Fee("visa", FeeFor.EXCESS, 25, date(2026, 4, 25), _CHECKOUT, cross_border=True),
    Fee("visa", FeeFor.NEVER, 10, _LONG_AGO, _CHECKOUT, cross_border=False),
    Fee("visa", FeeFor.NEVER, 15, _LONG_AGO, _CHECKOUT, cross_border=True),
    Fee("visa", FeeFor.NEVER, 25, date(2026, 4, 25), _CHECKOUT, cross_border=True),
    # From the 4th try after a stop instruction; 1 euro or dollar.
    Fee("visa", FeeFor.STOP_ORDER, 100, date(2023, 4, 1), _CHECKOUT),
    Fee("mastercard", FeeFor.EXCESS, 15, date(2023, 1, 1), _MC_RULES),
    Fee("mastercard", FeeFor.EXCESS, 30, date(2024, 1, 1), _MC_RULES),
    Fee("mastercard", FeeFor.EXCESS, 50, date(2025, 1, 1), _MC_RULES),
    # Published only as "3 cents and up" (Maast): taken to be as dear as an excess
    # try, so that nobody is shown less than may be billed. Not confirmed.
    Fee("mastercard", FeeFor.NEVER, 50, date(2025, 1, 1), "https://help.maast.com"),
    Fee("mastercard", FeeFor.ADVISED, 2, date(2023, 10, 1), _MC_RULES),
)

# The refusals that ADVISED is charged for: code 51 of a recurring charge without the
# card present, with one of these advice codes (developers.tabapay.com).
ADVISED_REFUSAL = "51"
ADVISED_WITH = frozenset({"24", "25", "26", "27", "28", "29", "30"})

# A stop instruction's fee falls due only from this try on (checkout.com, Apr 2023).
STOP_ORDER_FROM_TRY = 4

# developers.tabapay.com/docs/merchant-advice-code-mac; docs.payabl.com (2026-11).
ADVICE_WAITS: dict[str, timedelta] = {
    # "Try later": 72 hours is what processors advise; not confirmed at Mastercard.
    "02": timedelta(hours=72),
    "24": timedelta(hours=1),
    "25": timedelta(hours=24),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}

CODE_WAITS: dict[str, timedelta] = {
    # Stripe's error-code documentation: wait 24 hours (stripe 16.1.0).
    "card_decline_rate_limit_exceeded": timedelta(hours=24),
    # A thousand updates of a payment in an hour trip it (docs.stripe.com/rate-limits).
    "payment_intent_rate_limit_exceeded": timedelta(hours=1),
    # The bank took the charge for a copy of another one: let a day pass (ours).
    "duplicate_transaction": timedelta(hours=24),
    "partner_duplicate_transaction": timedelta(hours=24),
    # Stripe would judge a charge a moment later alike (ours).
    "low_probability_of_authorization": timedelta(hours=24),
}

PUBLISHED = NetworkRules(CAPS, FEES, ADVICE_WAITS, CODE_WAITS)
