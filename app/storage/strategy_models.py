"""The tables of the strategies that merchants build and compare."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.experiments import Arm
from app.storage.base import Base, Id, ReadableJSON, UTCDateTime, Word
from app.storage.models import StripeAccount, User

LIVE_EXPERIMENT = text("stopped_at IS NULL")


class OwnStrategy(Base):
    """One version of a merchant's own strategy. Never edited: an edit adds a row."""

    __tablename__ = "own_strategy"
    __table_args__ = (Index("uq_own_strategy_version", "name", "version", unique=True),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    definition: Mapped[dict[str, Any]] = mapped_column(ReadableJSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    # Set on every version at once: nothing new may choose it.
    retired_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    created_by: Mapped[User] = relationship()


class Experiment(Base):
    """Two strategies compared on one account; ended when `stopped_at` is set, or from
    `stops_at` on."""

    __tablename__ = "experiment"
    __table_args__ = (
        # One at a time for each account: an index, not a habit.
        Index(
            "uq_experiment_live",
            "account_id",
            unique=True,
            sqlite_where=LIVE_EXPERIMENT,
            postgresql_where=LIVE_EXPERIMENT,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    name: Mapped[str] = mapped_column(String(80))
    control: Mapped[str] = mapped_column(String(64))
    control_version: Mapped[str] = mapped_column(String(32))
    treatment: Mapped[str] = mapped_column(String(64))
    treatment_version: Mapped[str] = mapped_column(String(32))
    treatment_percent: Mapped[int]
    points: Mapped[int]  # the difference it is sized for
    planned: Mapped[int]  # renewals an arm that this takes
    seed: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # The day that was set for its end beforehand.
    stops_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    adopted: Mapped[Arm | None] = mapped_column(Word(Arm))

    account: Mapped[StripeAccount] = relationship()

    def ended_at(self, now: datetime) -> datetime | None:
        """When it ended; None while it has not."""
        if self.stopped_at is not None:
            return self.stopped_at
        is_over = self.stops_at is not None and self.stops_at <= now
        return self.stops_at if is_over else None


class Allocation(Base):
    """The arm that a recovery fell into when it began. Never edited.

    `window_ends_at` is the same distance from the first decline in both arms, whatever
    becomes of the subscription: what is paid by then counts.
    """

    __tablename__ = "allocation"
    __table_args__ = (
        Index("ix_allocation_experiment", "experiment_id", "window_ends_at"),
    )

    recovery_id: Mapped[int] = mapped_column(
        ForeignKey("recovery.id"), primary_key=True
    )
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"))
    arm: Mapped[Arm] = mapped_column(Word(Arm))
    window_ends_at: Mapped[datetime] = mapped_column(UTCDateTime)


class StrategyModel(Base):
    """What a strategy that learns had learned of an account, version by version."""

    __tablename__ = "strategy_model"
    __table_args__ = (
        Index("uq_strategy_model_version", "account_id", "version", unique=True),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("stripe_account.id"))
    version: Mapped[int]
    learned_at: Mapped[datetime] = mapped_column(UTCDateTime)
    closed: Mapped[int]  # cases it was learned from
    answered: Mapped[int]  # of them with an answered retry
    skill: Mapped[float]  # above zero: better than rates by code and number
    body: Mapped[str] = mapped_column(Text)
