"""The tables of signing in: sessions."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.base import Base, Id, UTCDateTime


class UserSession(Base):
    """One browser that is signed in. Without its row a cookie is worth nothing."""

    __tablename__ = "user_session"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    address: Mapped[str] = mapped_column(String(45), default="")
    browser: Mapped[str] = mapped_column(String(200), default="")  # User-Agent
    signed_in_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Written down once a minute at most; see services/sessions.py.
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # When the password was last given in this session.
    confirmed_at: Mapped[datetime] = mapped_column(UTCDateTime)
