"""What was decided, and all that it rested on."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.storage.base import Base, Id, PackedJSON, UTCDateTime
from app.storage.models import Recovery


class Decision(Base):
    """One answer of a strategy, kept so that it can be computed again. Never edited.

    Of a retry, the attempt with this `number` holds the rest of the answer.
    """

    __tablename__ = "decision"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    recovery_id: Mapped[int] = mapped_column(ForeignKey("recovery.id"), index=True)
    number: Mapped[int | None]  # of the retry that it planned; None: it planned none
    decided_at: Mapped[datetime] = mapped_column(UTCDateTime)
    strategy: Mapped[str] = mapped_column(String(64))
    # Of an Adaptive that has learned, with its model's: 3.7.
    strategy_version: Mapped[str] = mapped_column(String(32))
    program: Mapped[str] = mapped_column(String(16))  # see services.decisions.program
    step: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # of a retry
    reason: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(PackedJSON)  # domain.case_json

    recovery: Mapped[Recovery] = relationship()
