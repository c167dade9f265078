"""Named reads of saved views."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.storage.desk_models import SavedView


def views_of(session: Session, list_name: str, *, user_id: int) -> Sequence[SavedView]:
    """The person's own views of the list and the shared ones, by name; first of all the
    nameless one, where there is one."""
    return session.scalars(
        select(SavedView)
        .where(
            SavedView.list == list_name,
            or_(SavedView.user_id == user_id, SavedView.is_shared),
        )
        .order_by(SavedView.name, SavedView.id)
        .options(joinedload(SavedView.user))
    ).all()
