"""Asks for the password again before what matters."""

from app import current
from app.services import people
from app.services.people import PersonRefused
from app.web.access import me
from app.web.throttle import tries


def confirm_password(password: str, *, field: str = "current_password") -> None:
    """Raise PersonRefused unless this is the password of whoever is signed in."""
    user, now = me(), current.wall()
    # Apart from the sign-in form's counts: whoever is signed in is no stranger.
    session = f"session of {user.id}"
    if tries().wait_seconds(user.email, None, device=session, now=now):
        raise PersonRefused(field, "Too many tries. Wait a quarter of an hour.")
    if people.with_password(user.email, password) is None:
        tries().count_failure(user.email, None, device=session, now=now)
        raise PersonRefused(field, "This is not your current password.")
    tries().forget(user.email, None, device=session)
