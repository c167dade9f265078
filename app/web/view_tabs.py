"""The saved views above a list: each a link; and the columns a person chose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from app.extensions import db
from app.storage.saved_views import links_of
from app.web.access import me


@dataclass(frozen=True, slots=True)
class Tab:
    """One view: `address` opens it; `is_here`: it is what the page shows."""

    name: str
    address: str
    is_here: bool
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Views:
    """A person's views of one list, and the columns they chose (None: never)."""

    tabs: list[Tab]
    columns: tuple[str, ...] | None
    query: str  # of the page shown, for saving it

    @property
    def is_plain(self) -> bool:
        """Whether the page shows the list as it is, without anything to save."""
        return not self.query


def views_on(
    list_name: str, kept: Mapping[str, str], *, columns: Iterable[str] = ()
) -> Views:
    """The views of `list_name`, around a page that shows what `kept` asks for."""
    found = links_of(db.session(), list_name, user_id=me().id)
    mine = next((view.query for view in found if not view.name), None)
    chosen = tuple(name for name in columns if name in (mine or "").split(","))
    tabs = [
        Tab(
            view.name,
            f"/{list_name}?{view.query}" if view.query else f"/{list_name}",
            dict(parse_qsl(view.query)) == dict(kept),
            view.is_shared,
        )
        for view in found
        if view.name
    ]
    return Views(tabs, chosen or None, urlencode(kept))
