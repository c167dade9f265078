"""One API call, and what every handler needs of it: finding, listing, paging."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any

from app.sandbox.accounts import Account
from app.sandbox.errors import Obj, bad_parameter, in_other_mode, missing
from app.sandbox.permissions import ApiKey
from app.sandbox.tables import Book
from app.sandbox.world import World

Keep = Callable[[Obj], bool]


PAGING = ("ending_before", "limit", "starting_after")


@dataclass(slots=True)
class Call:
    """An API call whose key, parameters and permission have been checked."""

    world: World
    account: Account
    key: ApiKey
    params: Obj
    ids: list[str] = field(default_factory=list)
    path: str = ""

    @property
    def book(self) -> Book:
        return self.account.book(livemode=self.key.livemode)

    @property
    def now(self) -> int:
        return self.world.now

    def the(self, noun: str) -> Obj:
        """Return the object that the path names, or raise a 404."""
        return self.find(noun, self.ids[0], param="id")

    def find(self, noun: str, wanted: str, *, param: str) -> Obj:
        """Return an object of this account and mode, or raise Stripe's refusal."""
        row = self.book.table(noun).get(wanted)
        if row is not None:
            return row
        livemode = self.key.livemode
        if self.account.book(livemode=not livemode).table(noun).get(wanted):
            raise in_other_mode(noun, wanted, livemode=livemode, param=param)
        raise missing(noun, wanted, param=param, status=404 if param == "id" else 400)

    def named(self, noun: str, param: str) -> Obj | None:
        """Return the object that a parameter names, or None where it is not given."""
        wanted = self.params.get(param)
        return self.find(noun, wanted, param=param) if wanted else None

    def page(
        self,
        noun: str,
        *,
        where: Mapping[str, Any] | None = None,
        keep: Keep | None = None,
    ) -> Obj:
        """Return one page of a list, newest first, by the usual parameters.

        `where` holds fields and values (a None is no condition), `keep` the rest.
        """
        after, before = (
            self.params.get("starting_after"),
            self.params.get("ending_before"),
        )
        for name, cursor in (("starting_after", after), ("ending_before", before)):
            if cursor:
                self.find(noun, cursor, param=name)
        set_only = {f: v for f, v in (where or {}).items() if v is not None}
        rows = self.book.table(noun).newest_first(
            where=set_only, after=after, before=before
        )
        created = self.params.get("created")
        if before is None and self.book.table(noun).in_order:
            oldest = earliest(created)
            rows = takewhile(lambda row: row["created"] >= oldest, rows)
        wanted = (
            row
            for row in rows
            if within(row["created"], created) and (keep is None or keep(row))
        )
        return self.cut(wanted, backwards=before is not None)

    def cut(self, rows: Iterable[Obj], *, backwards: bool = False) -> Obj:
        """Return the list object with the first `limit` rows."""
        limit = self.params.get("limit", 10)
        if not 1 <= limit <= 100:
            raise bad_parameter(
                "Invalid integer: limit must be between 1 and 100.",
                param="limit",
                code="parameter_invalid_integer",
            )
        found = list(islice(rows, limit + 1))
        shown = found[:limit]
        if backwards:
            shown.reverse()
        return list_object(shown, url=self.path, has_more=len(found) > limit)


Handler = Callable[[Call], Obj]
HONOURED: dict[Handler, frozenset[str]] = {}


def honours(*names: str) -> Callable[[Handler], Handler]:
    """Register which parameters, apart from `expand`, have an effect on a call."""

    def register(handler: Handler) -> Handler:
        HONOURED[handler] = frozenset(names)
        return handler

    return register


def demand_honoured(handler: Handler, params: Obj) -> None:
    """Raise a 400 for what Stripe knows and the sandbox would silently pass over."""
    for name in params.keys() - HONOURED.get(handler, frozenset()) - {"expand"}:
        raise bad_parameter(
            f"The sandbox has not learned the parameter '{name}' yet.", param=name
        )


def list_object(rows: list[Obj], *, url: str, has_more: bool = False) -> Obj:
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}


def within(at: int, wanted: int | Mapping[str, int] | None) -> bool:
    """Say whether a time passes a `created`-like filter."""
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return at == wanted
    return (
        at > wanted.get("gt", at - 1)
        and at >= wanted.get("gte", at)
        and at < wanted.get("lt", at + 1)
        and at <= wanted.get("lte", at)
    )


def earliest(wanted: int | Mapping[str, int] | None) -> int:
    """Return a time before which nothing passes the filter."""
    if wanted is None or isinstance(wanted, int):
        return wanted or 0
    return max(wanted.get("gt", 0), wanted.get("gte", 0))


def merge(target: Obj, params: Obj, fields: Iterable[str]) -> None:
    """Copy the given parameters onto an object; an empty string unsets."""
    for name in fields:
        if name in params:
            target[name] = params[name] if params[name] != "" else None


def merge_metadata(target: Obj, params: Obj) -> None:
    """Merge metadata as Stripe does: an empty value removes its key."""
    given = params.get("metadata")
    if given == "":
        target["metadata"] = {}
    elif given:
        merged = {**target["metadata"], **given}
        target["metadata"] = {k: v for k, v in merged.items() if v != ""}
