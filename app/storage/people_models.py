"""The tables of signing in: sessions, second factors."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
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


class SecondFactor(Base):
    """The secret that a person's authenticator app shares with us."""

    __tablename__ = "second_factor"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(Text)
    on_since: Mapped[datetime | None] = mapped_column(UTCDateTime)  # None: being set up
    # The half minute of the last code taken: that one and those before are used up.
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)


class RecoveryCode(Base):
    """One way in for whoever lost the authenticator app; works once."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
