"""Views of the lists that people save: their own, and shared with the team."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.people import Role
from app.services import audit
from app.storage.desk_models import SavedView
from app.storage.models import User
from app.storage.transaction import transaction

LONGEST_NAME = 60
# More tabs than this help nobody, and a list reads them all.
MOST_VIEWS = 30


class ViewRefused(Exception):
    """Nothing was saved; the text says why, for the person who asked."""


def save(
    list_name: str,
    name: str,
    query: str,
    *,
    is_shared: bool,
    user_id: int,
    now: datetime,
) -> None:
    """Keep the list as `query` has it; the same name again replaces what it was."""
    with transaction() as session:
        user = _locked(session, user_id)
        name = _named(name)
        _refuse_sharing(user, is_shared=is_shared)
        view = _own(session, list_name, name, user)
        if view is None:
            _refuse_more(session, list_name, user)
            view = SavedView(list=list_name, user_id=user.id, name=name)
            session.add(view)
        was_shared = bool(view.is_shared)
        view.query, view.is_shared, view.saved_at = query, is_shared, now
        if was_shared or is_shared:
            _note(session, "view saved", view, user_id=user_id, now=now)


def change(
    view_id: int, *, name: str, is_shared: bool, user_id: int, now: datetime
) -> SavedView:
    """Give the view another name, share it or keep it to oneself."""
    with transaction() as session:
        user = _locked(session, user_id)
        view = _to_change(session, view_id, user)
        name = _named(name)
        if is_shared and not view.is_shared:
            _refuse_sharing(user, is_shared=True)
        other = _own(session, view.list, name, view.user)
        if other is not None and other is not view:
            raise ViewRefused(f"There is a view named “{name}” already.")
        was_shared = view.is_shared
        view.name, view.is_shared = name, is_shared
        if was_shared or is_shared:
            _note(session, "view changed", view, user_id=user_id, now=now)
        return view


def remove(view_id: int, *, user_id: int, now: datetime) -> SavedView:
    """Take the view away, from everybody who saw it."""
    with transaction() as session:
        view = _to_change(session, view_id, _locked(session, user_id))
        session.delete(view)
        if view.is_shared:
            _note(session, "view removed", view, user_id=user_id, now=now)
        return view


def remember_columns(
    list_name: str, columns: tuple[str, ...], *, user_id: int, now: datetime
) -> None:
    """Show the person these columns from now on; none: those of the beginning."""
    with transaction() as session:
        user = _locked(session, user_id)
        kept = _own(session, list_name, "", user)
        if kept is None:
            kept = SavedView(list=list_name, user_id=user.id, name="")
            session.add(kept)
        kept.query, kept.saved_at = ",".join(columns), now


def may_change(view: SavedView, user: User) -> bool:
    """One's own; and an owner may what is shared."""
    return view.user_id == user.id or (view.is_shared and user.role is Role.OWNER)


def _note(
    session: Session, action: str, view: SavedView, *, user_id: int, now: datetime
) -> None:
    """What the team sees goes into the trail; what one person alone sees does not."""
    shared = "shared" if view.is_shared else "not shared"
    detail = f"{view.list}: {view.name}, {shared}"
    audit.note(session, action, user_id=user_id, now=now, detail=detail)


def _locked(session: Session, user_id: int) -> User:
    """The person; who saves twice at once saves one after the other."""
    return session.get_one(User, user_id, with_for_update=True)


def _own(session: Session, list_name: str, name: str, user: User) -> SavedView | None:
    return session.scalar(
        select(SavedView).where(
            SavedView.list == list_name,
            SavedView.user_id == user.id,
            SavedView.name == name,
        )
    )


def _to_change(session: Session, view_id: int, user: User) -> SavedView:
    view = session.get(SavedView, view_id)
    if view is None or not view.name:
        raise ViewRefused("This view is gone: somebody removed it.")
    if not may_change(view, user):
        raise ViewRefused("This view is somebody else's.")
    return view


def _named(name: str) -> str:
    name = " ".join(name.replace("\0", " ").split())
    if not name:
        raise ViewRefused("Give the view a name.")
    if len(name) > LONGEST_NAME:
        raise ViewRefused(f"A view's name has at most {LONGEST_NAME} characters.")
    return name


def _refuse_sharing(user: User, *, is_shared: bool) -> None:
    if is_shared and not user.role.may(Role.STAFF):
        raise ViewRefused("Views are shared by staff and owners.")


def _refuse_more(session: Session, list_name: str, user: User) -> None:
    kept = session.scalar(
        select(func.count()).where(
            SavedView.user_id == user.id,
            SavedView.list == list_name,
            SavedView.name != "",
        )
    )
    if (kept or 0) >= MOST_VIEWS:
        raise ViewRefused(f"You have {MOST_VIEWS} views already: remove one first.")
