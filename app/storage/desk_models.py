"""The tables of what staff do at the lists: saved views."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.storage.base import Base, Id, UTCDateTime
from app.storage.models import User


class SavedView(Base):
    """Filters, order and columns of a list under a name.

    One of each person's is nameless (""): the columns they chose last, `query` being
    their words. It is never shared.
    """

    __tablename__ = "saved_view"
    __table_args__ = (
        Index("uq_saved_view_name", "list", "user_id", "name", unique=True),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    list: Mapped[str] = mapped_column(String(24))  # "subscriptions", "declines"
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(Text)  # as it stands in an address
    is_shared: Mapped[bool] = mapped_column(default=False)
    saved_at: Mapped[datetime] = mapped_column(UTCDateTime)

    user: Mapped[User] = relationship()
