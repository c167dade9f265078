"""The tables of connecting a Stripe account and of staying in step with it."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.account import ImportStage
from app.storage.base import Base, Id, UTCDateTime, Word


class AccountAccess(Base):
    """An account that a member who does not see all of them may see."""

    __tablename__ = "account_access"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )


class OAuthState(Base):
    """One trip to Stripe's sign-in page and back: valid once, and not for long."""

    __tablename__ = "oauth_state"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    nonce_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class PlatformWebhook(Base):
    """The Connect platform's webhook endpoint, where we made it ourselves."""

    __tablename__ = "platform_webhook"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    stripe_webhook_endpoint_id: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(Text)
    sealed_secret: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ImportRun(Base):
    """How far the first import of an account has come; one row an account."""

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), unique=True
    )
    stage: Mapped[ImportStage] = mapped_column(Word(ImportStage))
    # The last object of the last page taken: where the stage goes on after a crash.
    cursor: Mapped[str | None] = mapped_column(String(64))
    declines_since: Mapped[datetime] = mapped_column(UTCDateTime)
    # How far back the list of charges has come; from started_at to declines_since.
    declines_until: Mapped[datetime] = mapped_column(UTCDateTime)
    declines: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # No step before this time: another process is at it, or Stripe said not now.
    try_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    tries: Mapped[int] = mapped_column(default=0)
    trouble: Mapped[str | None] = mapped_column(Text)  # a sentence


class ImportItem(Base):
    """One open invoice that the import found, and whether it was looked at."""

    __tablename__ = "import_item"
    __table_args__ = (Index("ix_import_item_next", "account_id", "done_at"),)

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    stripe_invoice_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str | None] = mapped_column(Text)  # why it could not be read


class UnreadInvoice(Base):
    """An invoice that Stripe does not show although it answers everything else.

    It keeps nobody waiting, is asked for less and less often, and goes when it is read.
    """

    __tablename__ = "unread_invoice"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    stripe_invoice_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    tries: Mapped[int]
    try_at: Mapped[datetime] = mapped_column(UTCDateTime)
    fault: Mapped[str] = mapped_column(Text)  # a sentence


class StripeReads(Base):
    """How often we read from Stripe for one account on one day."""

    __tablename__ = "stripe_reads"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    calls: Mapped[int] = mapped_column(default=0)
