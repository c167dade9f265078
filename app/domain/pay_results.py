"""What came of asking Stripe to charge an invoice.

`replayed` is true when Stripe answered from its memory of the same idempotency key:
no new charge was made by this call, the first call with that key made it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.declines import Codes


@dataclass(frozen=True, slots=True)
class Paid:
    """The invoice is paid, by this charge."""

    amount_paid: int
    currency: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Processing:
    """Accepted, but not decided yet (bank debits): wait, do not charge again."""

    status: str | None = None  # the invoice's
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Stripe tells with a refused charge. `charge_id` is None if none was made."""

    codes: Codes = field(default_factory=Codes)
    error_code: str | None = None  # "card_declined", "expired_card", ...
    message: str = ""
    charge_id: str | None = None
    payment_intent_id: str | None = None
    payment_method_id: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Declined(Refusal):
    """The charge was refused."""


@dataclass(frozen=True, slots=True)
class NeedsAction(Refusal):
    """The customer must authenticate: no charge without them can pass."""


class NotPayableKind(StrEnum):
    """Why Stripe would not charge at all: a hint from its words, not the truth."""

    ALREADY_PAID = "already_paid"
    VOID = "void"
    DEAD = "dead"
    NO_PAYMENT_METHOD = "no_payment_method"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class NotPayable:
    """No charge was made. Read the invoice again to learn how it stands."""

    hint: NotPayableKind
    error_code: str | None = None
    message: str = ""
    replayed: bool = False


PayResult = Paid | Processing | Declined | NeedsAction | NotPayable
