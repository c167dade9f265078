"""A decline: one refusal of one charge, with its codes and time. Never edited."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


class DeclineKind(StrEnum):
    """What a decline means for the next try."""

    SOFT = "soft"  # may pass later
    HARD = "hard"  # never on this card
    NEEDS_CUSTOMER = "needs_customer"  # 3D Secure, a new card, corrected data
    BLOCKED = "blocked"  # Stripe refused; the bank never saw it
    TECHNICAL = "technical"  # the machinery failed on the way; no opinion of the bank


class MadeBy(StrEnum):
    """Who made a charge."""

    FIRST = "first"  # the renewal's first charge, by Stripe Billing
    METRICSCO = "metricsco"
    STRIPE = "stripe"  # Stripe's own retry
    STAFF = "staff"  # a person or another program of the merchant
    CUSTOMER = "customer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Codes:
    """What was said with a refusal, as Stripe spells it; None where it said nothing.

    `outcome_type` and `network_status` are those of Stripe's Charge.outcome;
    `network` is the network that carried the charge (may differ from the brand).
    """

    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    outcome_type: str | None = None
    network_status: str | None = None
    network: str | None = None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The codes of anything that has one attribute for each."""
        return cls(
            decline_code=row.decline_code,
            advice_code=row.advice_code,
            network_decline_code=row.network_decline_code,
            network_advice_code=row.network_advice_code,
            outcome_type=row.outcome_type,
            network_status=row.network_status,
            network=row.network,
        )


@dataclass(frozen=True, slots=True)
class Decline:
    """One refused charge."""

    occurred_at: datetime
    codes: Codes
    made_by: MadeBy = MadeBy.UNKNOWN

    @property
    def reached_network(self) -> bool:
        """False when Stripe refused by itself: no network attempt was made."""
        return (
            self.codes.outcome_type != "blocked"
            and self.codes.network_status != "not_sent_to_network"
        )
