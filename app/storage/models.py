"""The tables. Times end in `_at`, Stripe's ids are `stripe_..._id`, amounts are in
minor units beside `currency`."""

from datetime import datetime
from typing import Any

from flask_login import UserMixin
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.account import ConnectionKind, ConnectionStatus, EventStatus
from app.domain.declines import Codes, DeclineKind, MadeBy
from app.domain.lifecycle import Lifecycle
from app.domain.money import Money
from app.domain.people import Role
from app.domain.recovery import AttemptStatus, ClosedAs, PauseCause, RecoveryStatus
from app.storage.base import Base, Id, UTCDateTime, Word

# The order of the words is that of the indexes below; see storage/spelled.py.
OPEN_WORDS = (
    RecoveryStatus.IN_RETRY,
    RecoveryStatus.WAITING_FOR_CUSTOMER,
    RecoveryStatus.PAUSED,
)
UNFINISHED_WORDS = (
    AttemptStatus.RUNNING,
    AttemptStatus.UNKNOWN,
    AttemptStatus.PROCESSING,
)
LIVE_WORDS = (AttemptStatus.SCHEDULED, *UNFINISHED_WORDS)
LIVE_ATTEMPT = text("status IN ('scheduled', 'running', 'unknown', 'processing')")
SCHEDULED_ATTEMPT = text("status = 'scheduled'")
UNFINISHED_ATTEMPT = text("status IN ('running', 'unknown', 'processing')")
PENDING_EVENT = text("status = 'pending'")
WISHED_FOR = {"sqlite": text("look_again = 1"), "postgresql": text("look_again")}
PAUSED_RECOVERY = text("status = 'paused'")
IGNORED_EVENT = text("status = 'ignored'")
OPEN_RECOVERY = text("status IN ('in_retry', 'waiting_for_customer', 'paused')")
# Open recoveries that no retry can help along.
NEEDS_PERSON = text(
    "ended_at IS NULL AND "
    "(status = 'waiting_for_customer' OR paused_because = 'person' OR card_trap)"
)
# How Stripe's own settings end a subscription.
FAILED_SUBSCRIPTION = text(
    "(cancellation_reason = 'payment_failed' OR status = 'unpaid')"
)
BELIEVED_ATTEMPT = text("probability IS NOT NULL AND finished_at IS NOT NULL")
BILLABLE_ATTEMPT = text("expected_fee > 0")
UNSEALED_ENTRY = text("position IS NULL")
SEALED_ENTRY = text("position IS NOT NULL")
ENTRY_OF_PERSON = text("user_id IS NOT NULL")
ANSWERED_ATTEMPT = text("started_at IS NOT NULL AND finished_at IS NOT NULL")


def _partial(name: str, *columns: str, where: Any, unique: bool = False) -> Index:
    return Index(
        name, *columns, unique=unique, sqlite_where=where, postgresql_where=where
    )


class User(UserMixin, Base):  # type: ignore[misc]
    """A person who signs in."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(120), default="")
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(Word(Role))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # False: only the accounts of `account_access`.
    sees_all_accounts: Mapped[bool] = mapped_column(default=True)
    # Raised when every session ends: what was begun before is not finished after.
    session_epoch: Mapped[int] = mapped_column(default=0)
    # A removed person keeps the row: the audit trail names it.
    removed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # No column: the token of the session that begins; see web/access.begin_session.
    session_token = ""

    @property
    def called(self) -> str:
        """How to speak of this person: the name, or the address where none is given."""
        return self.name or self.email

    @property
    def is_restricted(self) -> bool:
        """Whether some accounts may be out of this person's sight; never an owner's."""
        return not self.sees_all_accounts and self.role is not Role.OWNER

    def get_id(self) -> str:
        """What flask-login keeps in the cookie."""
        return self.session_token


class OneTimeLink(Base):
    """A link that lets one person in once: first owner, invitation."""

    __tablename__ = "one_time_link"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    role: Mapped[Role] = mapped_column(Word(Role))
    email: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class StripeAccount(Base):
    """One connection to one Stripe account, in one mode."""

    __tablename__ = "stripe_account"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    stripe_account_id: Mapped[str] = mapped_column(String(64), index=True)
    livemode: Mapped[bool]
    kind: Mapped[ConnectionKind] = mapped_column(Word(ConnectionKind))
    name: Mapped[str] = mapped_column(String(255), default="")
    country: Mapped[str | None] = mapped_column(String(2))
    timezone: Mapped[str | None] = mapped_column(String(64))
    # Unguessable; the last part of this account's own webhook address.
    connection_key: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_api_key: Mapped[str | None] = mapped_column(Text)
    sealed_webhook_secret: Mapped[str | None] = mapped_column(Text)
    # The secret before the last replacement: what it signed is still accepted.
    sealed_old_webhook_secret: Mapped[str | None] = mapped_column(Text)
    # Why the endpoint must be made by hand, a sentence; None: we made it.
    webhook_note: Mapped[str | None] = mapped_column(Text)
    bad_signature_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    stripe_webhook_endpoint_id: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[ConnectionStatus] = mapped_column(Word(ConnectionStatus))
    trouble: Mapped[str | None] = mapped_column(Text)  # a sentence for the owner
    is_on: Mapped[bool] = mapped_column(default=True)  # the switch
    switched_at: Mapped[datetime] = mapped_column(UTCDateTime)
    connected_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disconnected_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_event_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The last whole comparison with Stripe.
    reconciled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Events that Stripe made, and how many of them it delivered, from `since` until
    # before `at`. Both None after a comparison: the key may not list events.
    events_expected: Mapped[int | None]
    events_received: Mapped[int | None]
    events_compared_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    events_compared_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # What came due before this moment is planned anew instead of being charged: the
    # switch was off, or the key refused, until then.
    charges_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # No call before this time: Stripe asked us to slow down, or did not answer.
    hold_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The database was put back then: no charge before Stripe was asked about all that
    # is open. None once it was.
    restored_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    strategy: Mapped[str] = mapped_column(String(64), default="even-spread")
    # The version of an own strategy, as an experiment tested it; None: the newest.
    strategy_version: Mapped[str | None] = mapped_column(String(32))
    # What the networks' fees for retries may come to in a month, in US cents.
    fee_budget: Mapped[int | None] = mapped_column(BigInteger)
    # First invoices are left alone unless the owner opts in.
    with_first_invoices: Mapped[bool] = mapped_column(default=False)
    permissions: Mapped[list[Any]] = mapped_column(JSON, default=list)


class Subscription(Base):
    """A subscription as Stripe last showed it, with what we did for it."""

    __tablename__ = "subscription"
    # The lists: newest first, alone or under one filter, and in the other orders.
    # Search: storage/search_index.
    __table_args__ = (
        # With what an amount is checked by, so that rows without it need no look.
        Index("ix_subscription_created", "created_at", "id", "currency", "amount"),
        Index("ix_subscription_lifecycle", "lifecycle", "created_at", "id"),
        Index("ix_subscription_status", "status", "created_at", "id"),
        Index("ix_subscription_account", "account_id", "created_at", "id"),
        Index("ix_subscription_code", "last_decline_code", "created_at", "id"),
        Index("ix_subscription_amount", "currency", "amount", "id"),
        Index("ix_subscription_recovered", "currency", "recovered_amount", "id"),
        Index("ix_subscription_declines", "declines", "id"),
        Index("ix_subscription_next_retry", "next_retry_at", "id"),
        _partial("ix_subscription_failed", "account_id", where=FAILED_SUBSCRIPTION),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    stripe_subscription_id: Mapped[str] = mapped_column(String(64), unique=True)
    stripe_customer_id: Mapped[str] = mapped_column(String(64), index=True)
    customer_name: Mapped[str] = mapped_column(Text, default="")
    customer_email: Mapped[str] = mapped_column(Text, default="")
    customer_country: Mapped[str | None] = mapped_column(String(2))
    customer_timezone: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(24))  # as Stripe spells it
    lifecycle: Mapped[Lifecycle | None] = mapped_column(Word(Lifecycle))
    plan: Mapped[str] = mapped_column(Text, default="")
    interval: Mapped[str | None] = mapped_column(String(8))
    interval_count: Mapped[int] = mapped_column(default=1, server_default="1")
    amount: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    current_period_end: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancel_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancellation_reason: Mapped[str | None] = mapped_column(String(64))
    # Its own card outranks the customer's default: the wrong-card trap.
    stripe_payment_method_id: Mapped[str | None] = mapped_column(String(64))
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Kept sums, so that a list needs no counting.
    declines: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    next_retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    recovered_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    # Of the newest decline that we know of.
    last_declined_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_decline_code: Mapped[str | None] = mapped_column(String(64))

    account: Mapped[StripeAccount] = relationship()
    recoveries: Mapped[list["Recovery"]] = relationship(
        back_populates="subscription", order_by="Recovery.id"
    )


class Recovery(Base):
    """The effort to collect one declined renewal invoice."""

    __tablename__ = "recovery"
    __table_args__ = (
        _partial("ix_recovery_open", "account_id", "deadline_at", where=OPEN_RECOVERY),
        _partial(
            "ix_recovery_stripe_retries", "stripe_retries_at", where=PAUSED_RECOVERY
        ),
        _partial(
            "ix_recovery_paused", "paused_because", "looked_at", where=PAUSED_RECOVERY
        ),
        Index(
            "ix_recovery_look_again",
            "looked_at",
            sqlite_where=WISHED_FOR["sqlite"],
            postgresql_where=WISHED_FOR["postgresql"],
        ),
        _partial("ix_recovery_needs_person", "deadline_at", where=NEEDS_PERSON),
        Index("ix_recovery_strategy", "strategy", "started_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    subscription_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscription.id"), index=True
    )
    stripe_invoice_id: Mapped[str] = mapped_column(String(64), unique=True)
    invoice_number: Mapped[str | None] = mapped_column(String(64))
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(64), index=True)
    # The newest charge we know of. Another one at Stripe: somebody charged meanwhile.
    stripe_latest_charge_id: Mapped[str | None] = mapped_column(String(64))
    stripe_customer_id: Mapped[str] = mapped_column(String(64), index=True)
    hosted_invoice_url: Mapped[str | None] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(BigInteger)  # what is still due
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[RecoveryStatus] = mapped_column(Word(RecoveryStatus), index=True)
    # Why it stands where it stands, in a sentence a person can read.
    status_reason: Mapped[str] = mapped_column(Text, default="")
    # How a closed one ended: what was paid elsewhere is not lost.
    closed_as: Mapped[ClosedAs | None] = mapped_column(Word(ClosedAs))
    paused_because: Mapped[PauseCause | None] = mapped_column(Word(PauseCause))
    strategy: Mapped[str] = mapped_column(String(64))
    # The version it began with; None in rows older than this column.
    strategy_version: Mapped[str | None] = mapped_column(String(32))
    seed: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    deadline_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    recovered_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    charges: Mapped[int] = mapped_column(default=0)  # everyone's, on this invoice
    retries: Mapped[int] = mapped_column(default=0)  # ours among them
    # While set, Stripe itself is about to charge: we keep still.
    stripe_retries_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Which card the next charge takes, and what decided it: invoice, subscription,
    # customer (Stripe's order of precedence).
    stripe_payment_method_id: Mapped[str | None] = mapped_column(String(64))
    card_set_on: Mapped[str | None] = mapped_column(String(16))
    card_trap: Mapped[bool] = mapped_column(default=False)
    # That card as it was last read: its payment method's id, and the fields of a Card.
    chosen_card: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # Declines before this moment speak of a card that has been replaced since.
    card_changed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # When Stripe last refused to charge at all, without asking a bank.
    stripe_refused_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # How often in a row it has, since the last charge or change of the card.
    stripe_refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    # When Stripe was last asked about the invoice; a later answer outranks.
    looked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # News came while a charge was in flight: look again when it has landed.
    look_again: Mapped[bool] = mapped_column(default=False)

    account: Mapped[StripeAccount] = relationship()
    subscription: Mapped[Subscription | None] = relationship(
        back_populates="recoveries"
    )
    declines: Mapped[list["Decline"]] = relationship(
        back_populates="recovery", order_by="Decline.occurred_at"
    )
    attempts: Mapped[list["RetryAttempt"]] = relationship(
        back_populates="recovery", order_by="RetryAttempt.number"
    )

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Decline(Base):
    """One refusal of one charge. Never edited."""

    __tablename__ = "decline"
    __table_args__ = (
        Index("ix_decline_card", "fingerprint", "occurred_at"),
        Index("ix_decline_history", "occurred_at", "id"),
        Index("ix_decline_code", "decline_code", "occurred_at", "id"),
        Index("ix_decline_kind", "kind", "occurred_at", "id"),
        Index("ix_decline_account", "account_id", "occurred_at", "id"),
        Index("ix_decline_advice", "advice_code", "occurred_at", "id"),
        Index("ix_decline_brand", "brand", "occurred_at", "id"),
        Index("ix_decline_funding", "funding", "occurred_at", "id"),
        Index("ix_decline_country", "country", "occurred_at", "id"),
        Index("ix_decline_made_by", "made_by", "occurred_at", "id"),
        Index("ix_decline_amount", "currency", "amount", "id"),
        Index("ix_decline_customer", "stripe_customer_id", "occurred_at", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    # Absent for a refused charge that is no renewal: it counts for the card's limits.
    recovery_id: Mapped[int | None] = mapped_column(
        ForeignKey("recovery.id"), index=True
    )
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("retry_attempt.id"))
    stripe_charge_id: Mapped[str] = mapped_column(String(64), unique=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(String(64))
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    decline_code: Mapped[str | None] = mapped_column(String(64))
    advice_code: Mapped[str | None] = mapped_column(String(32))
    network_decline_code: Mapped[str | None] = mapped_column(String(8))
    network_advice_code: Mapped[str | None] = mapped_column(String(8))
    outcome_type: Mapped[str | None] = mapped_column(String(32))
    network_status: Mapped[str | None] = mapped_column(String(32))
    kind: Mapped[DeclineKind] = mapped_column(Word(DeclineKind))
    code_is_known: Mapped[bool] = mapped_column(default=True)
    brand: Mapped[str | None] = mapped_column(String(24))
    network: Mapped[str | None] = mapped_column(String(24))
    funding: Mapped[str | None] = mapped_column(String(16))
    country: Mapped[str | None] = mapped_column(String(2))
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    last4: Mapped[str | None] = mapped_column(String(4))
    card_expiry: Mapped[str | None] = mapped_column(String(7))  # "2027-04"
    stripe_payment_method_id: Mapped[str | None] = mapped_column(String(64))
    payment_method_kind: Mapped[str | None] = mapped_column(String(32))
    # Only for learning; Stripe names the bank on some accounts.
    issuer: Mapped[str | None] = mapped_column(String(100))
    iin: Mapped[str | None] = mapped_column(String(6))
    made_by: Mapped[MadeBy] = mapped_column(Word(MadeBy))

    recovery: Mapped[Recovery | None] = relationship(back_populates="declines")

    @property
    def codes(self) -> Codes:
        """The codes as the domain knows them."""
        return Codes.of(self)

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Payment(Base):
    """One approved charge of a customer: when the money was there, on which card."""

    __tablename__ = "payment"
    __table_args__ = (
        Index("ix_payment_card", "fingerprint", "occurred_at"),
        Index("ix_payment_customer", "stripe_customer_id", "occurred_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    stripe_charge_id: Mapped[str] = mapped_column(String(64), unique=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(String(64))
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    fingerprint: Mapped[str | None] = mapped_column(String(64))


class RetryAttempt(Base):
    """One planned or made charge of a recovery's invoice."""

    __tablename__ = "retry_attempt"
    __table_args__ = (
        # At most one live attempt a recovery: an index, not a habit.
        _partial(
            "uq_retry_attempt_live", "recovery_id", where=LIVE_ATTEMPT, unique=True
        ),
        # By account, so that one with a long queue cannot keep the others waiting.
        _partial(
            # The word, though always the same: SQLite prefers what fits more terms.
            "ix_retry_attempt_due",
            "account_id",
            "status",
            "due_at",
            where=SCHEDULED_ATTEMPT,
        ),
        _partial("ix_retry_attempt_unfinished", "started_at", where=UNFINISHED_ATTEMPT),
        Index("uq_retry_attempt_number", "recovery_id", "number", unique=True),
        _partial("ix_retry_attempt_answered", "finished_at", where=ANSWERED_ATTEMPT),
        _partial("ix_retry_attempt_believed", "finished_at", where=BELIEVED_ATTEMPT),
        _partial(
            "ix_retry_attempt_billable",
            "account_id",
            "started_at",
            where=BILLABLE_ATTEMPT,
        ),
        # The one order of the list, for every filter: each further index is a tenth of
        # what planning an attempt costs the database, and only exports filter here.
        Index("ix_retry_attempt_history", "due_at", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    recovery_id: Mapped[int] = mapped_column(ForeignKey("recovery.id"))
    number: Mapped[int]  # 1, 2, 3 within the recovery
    status: Mapped[AttemptStatus] = mapped_column(Word(AttemptStatus))
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    planned_at: Mapped[datetime] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # the claim
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    idempotency_key: Mapped[str] = mapped_column(String(128), unique=True)
    # How often Stripe was asked under this key; more than once only after no answer.
    asked: Mapped[int] = mapped_column(default=0)
    strategy: Mapped[str] = mapped_column(String(64))
    strategy_version: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)
    rules: Mapped[list[Any]] = mapped_column(JSON, default=list)
    alternatives: Mapped[list[Any]] = mapped_column(JSON, default=list)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    probability: Mapped[float | None]  # believed chance of approval
    propensity: Mapped[float] = mapped_column(default=1.0)
    # What the card's network would bill for it by its rules, in US cents.
    expected_fee: Mapped[int | None] = mapped_column(BigInteger)
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    outcome: Mapped[str | None] = mapped_column(Text)  # a sentence
    decline_code: Mapped[str | None] = mapped_column(String(64))
    stripe_charge_id: Mapped[str | None] = mapped_column(String(64))
    amount: Mapped[int | None] = mapped_column(BigInteger)  # collected

    recovery: Mapped[Recovery] = relationship(back_populates="attempts")
    requested_by: Mapped[User | None] = relationship()


class StripeEvent(Base):
    """An event as it was delivered, and what became of it."""

    __tablename__ = "stripe_event"
    __table_args__ = (
        _partial(
            "ix_stripe_event_pending", "account_id", "try_at", where=PENDING_EVENT
        ),
        Index("ix_stripe_event_received", "received_at"),
        _partial("ix_stripe_event_ignored", "received_at", where=IGNORED_EVENT),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    stripe_event_id: Mapped[str] = mapped_column(String(255), unique=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("stripe_account.id"))
    type: Mapped[str] = mapped_column(String(128))
    object_id: Mapped[str | None] = mapped_column(String(255))
    livemode: Mapped[bool]
    # domain.errands.HINTS as they came; None: read them from the payload.
    hints: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    payload: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[EventStatus] = mapped_column(Word(EventStatus))
    tries: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime] = mapped_column(UTCDateTime)
    handled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str | None] = mapped_column(Text)  # why ignored, or the last error


class AuditEntry(Base):
    """Who changed what, and when; what was charged. Only ever added to: triggers
    refuse the rest, see storage/audit_trail.py."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        _partial("ix_audit_entry_unsealed", "id", where=UNSEALED_ENTRY),
        _partial(
            "uq_audit_entry_position", "position", where=SEALED_ENTRY, unique=True
        ),
        _partial("ix_audit_entry_user", "user_id", "at", "id", where=ENTRY_OF_PERSON),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # None: engine
    account_id: Mapped[int | None] = mapped_column(ForeignKey("stripe_account.id"))
    recovery_id: Mapped[int | None] = mapped_column(
        ForeignKey("recovery.id"), index=True
    )
    action: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(Text, default="")
    # Its place in the chain and its seal (domain/audit_chain.py); None: not yet.
    position: Mapped[int | None] = mapped_column(BigInteger)
    seal: Mapped[str | None] = mapped_column(String(64))

    user: Mapped[User | None] = relationship()
