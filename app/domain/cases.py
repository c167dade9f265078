"""A case: all that a strategy may know about one declined invoice."""

from dataclasses import dataclass, field
from datetime import datetime

from app.domain.declines import Decline
from app.domain.money import Money


@dataclass(frozen=True, slots=True)
class Card:
    """The card that was refused, as far as Stripe tells.

    `kind` is Stripe's word for the payment method ("card", "us_bank_account"): what is
    no card has nothing of the rest.
    """

    brand: str | None = None
    network: str | None = None  # for network rules; may differ from the brand
    funding: str | None = None
    country: str | None = None
    fingerprint: str | None = None
    issuer: str | None = None
    iin: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """The cardholder, as far as anybody tells.

    `timezone` is an IANA name and outranks `utc_offset_minutes`.
    """

    stripe_id: str
    country: str | None = None
    timezone: str | None = None
    utc_offset_minutes: int | None = None
    months_active: int | None = None


@dataclass(frozen=True, slots=True)
class CardAttempt:
    """One charge tried on the same card, by anyone, for any invoice."""

    at: datetime
    amount: int
    currency: str
    declined: bool = True
    reached_network: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One declined renewal invoice as it stands now.

    `declines` are this invoice's refused charges, oldest first, whoever made them;
    `charges` counts every charge made on the invoice, `retries` ours among them.
    `deadline_at` is the last moment at which a retry may start. `card_attempts` are
    all charges tried on this card in the last 30 days or more, this invoice's
    included. `past_successes` and `past_declines` are of the customer's earlier
    renewals. `declines_elsewhere` are the refusals of this card for other invoices, of
    the last 30 days or more, since a charge of it was last approved. `seed` makes any
    random choice repeatable. `card_changed_at` is when `card` took the place of another
    one: earlier declines speak of the old card.
    """

    invoice_id: str
    amount: Money
    declines: tuple[Decline, ...]
    deadline_at: datetime
    customer: Customer
    card: Card = field(default_factory=Card)
    charges: int = 1
    retries: int = 0
    interval: str | None = None  # "month", "year", ...
    plan: str | None = None  # the subscription's, by its name
    card_attempts: tuple[CardAttempt, ...] = ()
    past_successes: tuple[datetime, ...] = ()
    past_declines: tuple[datetime, ...] = ()
    declines_elsewhere: tuple[Decline, ...] = ()
    seed: int = 0
    card_changed_at: datetime | None = None

    @property
    def last_decline(self) -> Decline:
        """The newest refusal; there is none where no card has been tried yet."""
        return self.declines[-1]

    @property
    def declined_at(self) -> datetime:
        """When the renewal was first refused: the window opens here."""
        return self.declines[0].occurred_at

    @property
    def card_declines(self) -> tuple[Decline, ...]:
        """The refusals of the present card; none when it has not been tried yet."""
        changed_at = self.card_changed_at
        if changed_at is None:
            return self.declines
        return tuple(d for d in self.declines if d.occurred_at >= changed_at)
