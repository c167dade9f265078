"""What people write down about a case, and the cards that changed meanwhile."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.card_changes import CardChangeKind
from app.storage.base import Base, Id, UTCDateTime, Word
from app.storage.models import User


class StaffNote(Base):
    """What somebody of the staff wrote about a subscription or one of its recoveries.

    Never edited and never taken back: the next one says that it was wrong.
    """

    __tablename__ = "staff_note"
    __table_args__ = (
        Index("ix_staff_note_subscription_id", "subscription_id", "id"),
        Index("ix_staff_note_recovery_id", "recovery_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    # At least one of the two; a note about a recovery is its subscription's as well.
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscription.id"))
    recovery_id: Mapped[int | None] = mapped_column(ForeignKey("recovery.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    text: Mapped[str] = mapped_column(Text)

    user: Mapped[User] = relationship()


class CardChange(Base):
    """The next charge of a recovery takes another card than before. Never edited."""

    __tablename__ = "card_change"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    recovery_id: Mapped[int] = mapped_column(ForeignKey("recovery.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    kind: Mapped[CardChangeKind] = mapped_column(Word(CardChangeKind))
    # None where no card is left; the rest only where Stripe was asked about the card.
    stripe_payment_method_id: Mapped[str | None] = mapped_column(String(64))
    set_on: Mapped[str | None] = mapped_column(String(16))
    brand: Mapped[str | None] = mapped_column(String(24))
    last4: Mapped[str | None] = mapped_column(String(4))
    funding: Mapped[str | None] = mapped_column(String(16))
    card_expiry: Mapped[str | None] = mapped_column(String(7))  # "2027-04"
    effect: Mapped[str] = mapped_column(Text)  # what it changed, a sentence
    next_try_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
