"""Named reads of saved views."""

from collections.abc import Sequence

from sqlalchemy import Row, bindparam, or_, select
from sqlalchemy.orm import Session, joinedload

from app.storage.desk_models import SavedView

# Every list asks for them: built once, and only what its links are made of.
_LINKS = (
    select(SavedView.name, SavedView.query, SavedView.is_shared)
    .where(
        SavedView.list == bindparam("list"),
        or_(SavedView.user_id == bindparam("user_id"), SavedView.is_shared),
    )
    .order_by(SavedView.name, SavedView.id)
)


def links_of(
    session: Session, list_name: str, *, user_id: int
) -> Sequence[Row[str, str, bool]]:
    """Name, query and is_shared of the views that views_of() finds, in its order."""
    wanted = {"list": list_name, "user_id": user_id}
    return session.connection().execute(_LINKS, wanted).all()


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
