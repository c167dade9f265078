"""Broken rules, counted beside the strategies: shares no code with the rules that the
product obeys, so that a fault there shows here."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.declines import Codes

# docs.stripe.com/billing/revenue-recovery/smart-retries, "hard decline codes", read in
# a copy of April 2026; invalid_account and transaction_not_allowed from Stripe's page
# of decline codes: the same card cannot pass without a change by the customer.
NEVER_CODES = frozenset(
    {"incorrect_number", "lost_card", "pickup_card", "stolen_card"}
    | {"revocation_of_authorization", "revocation_of_all_authorizations"}
    | {"authentication_required", "highest_risk_level", "transaction_not_allowed"}
    | {"invalid_account", "stop_payment_order", "do_not_try_again"}
)
# Mastercard merchant advice codes 03 and 21: not within 30 days (tabapay, payabl).
NEVER_MASTERCARD = frozenset({"03", "21"})
# Visa Core Rules of 18 April 2026, table 7-2, category 1: never.
NEVER_VISA = frozenset(
    {"04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"}
)
# Mastercard advice codes 24-30: hours to wait.
WAITS = {"24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240}
MONTH = timedelta(days=30)


@dataclass
class Breaches:
    """How often each rule was broken, by the names that the back-test prints."""

    never_retry: int = 0
    advice_wait: int = 0
    network_cap: int = 0
    after_deadline: int = 0
    cards: dict[str, list[datetime]] = field(default_factory=dict)

    def note_first(self, card: str, at: datetime) -> None:
        """A charge that nobody could help: counted, never a breach."""
        self.cards.setdefault(card, []).append(at)

    def note_retry(
        self,
        card: str,
        at: datetime,
        *,
        brand: str | None,
        refusals: list[tuple[datetime, Codes]],
        deadline_at: datetime,
    ) -> None:
        """A retry about to be made after these refusals of the same invoice."""
        self.never_retry += any(_forbids(codes, brand) for _, codes in refusals)
        self.advice_wait += any(
            at < told_at + 0.9 * _wait(codes) for told_at, codes in refusals
        )
        self.after_deadline += at > deadline_at
        earlier = self.cards.setdefault(card, [])
        self.network_cap += _over_cap(earlier, at, brand)
        earlier.append(at)

    def note_approved(self, card: str) -> None:
        """The retry noted last was approved: it counts against no cap."""
        self.cards[card].pop()

    def as_dict(self) -> dict[str, int]:
        return {
            "never_retry": self.never_retry,
            "advice_wait": self.advice_wait,
            "network_cap": self.network_cap,
            "after_deadline": self.after_deadline,
        }


def _forbids(codes: Codes, brand: str | None) -> bool:
    return (
        codes.decline_code in NEVER_CODES
        or codes.advice_code == "do_not_try_again"
        or codes.network_advice_code in NEVER_MASTERCARD
        or (brand == "visa" and codes.network_decline_code in NEVER_VISA)
    )


def _wait(codes: Codes) -> timedelta:
    return timedelta(hours=WAITS.get(codes.network_advice_code or "", 0))


def _over_cap(earlier: list[datetime], at: datetime, brand: str | None) -> bool:
    """Visa 20 re-attempts in 30 days (since 25 May 2025); Mastercard 35 in 30 days and
    10 in 24 hours; 15 in 30 days where no rule was found."""
    month = sum(at - moment < MONTH for moment in earlier)
    day = sum(at - moment < timedelta(days=1) for moment in earlier)
    match brand:
        case "visa":
            return month > 20
        case "mastercard":
            return month >= 35 or day >= 10
        case _:
            return month >= 15
