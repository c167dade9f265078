"""What stands around every page: navigation and the banner."""

from dataclasses import dataclass

from flask import Blueprint, request

from app import current
from app.domain.people import Role
from app.services import clock_watch
from app.web.accounts_seen import standing

bp = Blueprint("frame", __name__)  # no routes: it lends its values to templates


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation."""

    path: str
    label: str
    role: Role = Role.VIEWER

    @property
    def is_here(self) -> bool:
        """Whether the page shown belongs to this entry."""
        if self.path == "/":
            return request.path == "/"
        section = "/account" if self.path.startswith("/account") else self.path
        return request.path == section or request.path.startswith(f"{section}/")


NAVIGATION = (
    Link("/", "Dashboard"),
    Link("/subscriptions", "Subscriptions"),
    Link("/declines", "Declines"),
    Link("/strategies", "Strategies"),
    Link("/events", "Events", Role.STAFF),
    Link("/account/profile", "Account Profile"),
)


def navigation(role: Role) -> list[Link]:
    """The entries that `role` may open."""
    return [link for link in NAVIGATION if role.may(link.role)]


def banner() -> str | None:
    """What a person must know before believing any number on the page."""
    wrong_clock = clock_watch.warning()
    if wrong_clock:
        return wrong_clock
    if not current.clock().is_real:
        return "Sandbox: no real money moves, and time runs faster than yours."
    modes = [each.livemode for each in standing().accounts if each.is_connected]
    if modes and not any(modes):
        return (
            "Test mode: only Stripe test accounts are connected. No real money moves."
        )
    return None


@bp.app_context_processor
def _lend() -> dict[str, object]:
    return {"navigation": navigation, "banner": banner}
