"""The tables of the strategies that merchants build and compare."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.storage.base import Base, Id, UTCDateTime
from app.storage.models import User


class OwnStrategy(Base):
    """One version of a merchant's own strategy. Never edited: an edit adds a row."""

    __tablename__ = "own_strategy"
    __table_args__ = (Index("uq_own_strategy_version", "name", "version", unique=True),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    # Set on every version at once: nothing new may choose it.
    retired_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    created_by: Mapped[User] = relationship()
