"""The tables of bulk actions: the work is rows, so it survives a restart."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.bulk import BulkAction, BulkStatus, ItemState
from app.storage.base import Base, Id, UTCDateTime, Word
from app.storage.models import Recovery, User


class BulkJob(Base):
    """One action on many recoveries, from its preview to its end."""

    __tablename__ = "bulk_job"
    __table_args__ = (Index("ix_bulk_job_status", "status", "made_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    action: Mapped[BulkAction] = mapped_column(Word(BulkAction))
    status: Mapped[BulkStatus] = mapped_column(Word(BulkStatus))
    # The list it was chosen from, as it stands in an address: the way back.
    query: Mapped[str] = mapped_column(Text, default="")
    # More was chosen than is done at once.
    is_cut: Mapped[bool] = mapped_column(default=False)
    # Chosen subscriptions without a recovery that the action could be for.
    without: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text, default="")  # why, of a stop
    note: Mapped[str] = mapped_column(Text, default="")  # why it was canceled
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    user: Mapped[User] = relationship()


class BulkItem(Base):
    """One recovery of a bulk action, and what became of it."""

    __tablename__ = "bulk_item"
    __table_args__ = (
        Index("uq_bulk_item_recovery", "job_id", "recovery_id", unique=True),
        Index("ix_bulk_item_state", "job_id", "state", "id"),
        Index("ix_bulk_item_recovery_id", "recovery_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("bulk_job.id", ondelete="CASCADE"))
    recovery_id: Mapped[int] = mapped_column(
        ForeignKey("recovery.id", ondelete="CASCADE")
    )
    state: Mapped[ItemState] = mapped_column(Word(ItemState))
    # What the preview was made of (services.overtaking); None: not checked yet.
    seen: Mapped[str | None] = mapped_column(String(40))
    # What the network would bill for the charge, in US cents.
    fee: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text, default="")  # why skipped
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    recovery: Mapped[Recovery] = relationship()
