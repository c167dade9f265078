"""Read fields out of JSON without trusting it: what is missing or odd is None."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import cast

Json = Mapping[str, object]

NOTHING: Json = {}


def part(json: object, *path: str) -> Json:
    """The object at `path`, empty when there is none."""
    found = _at(json, path)
    return cast(Json, found) if isinstance(found, Mapping) else NOTHING


def text(json: object, *path: str) -> str | None:
    """The text at `path`, in a form that every database can hold."""
    found = _at(json, path)
    if not isinstance(found, str) or not found:
        return None
    if found.isascii():
        return found.replace("\x00", "")
    return found.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def number(json: object, *path: str) -> int | None:
    """The integer at `path`."""
    found = _at(json, path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def flag(json: object, *path: str) -> bool:
    """Whether `path` is true; missing is false."""
    return _at(json, path) is True


def moment(json: object, *path: str) -> datetime | None:
    """The time at `path`, which Stripe counts in seconds since 1970."""
    seconds = number(json, *path)
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def reference(json: object, *path: str) -> str | None:
    """The id at `path`, whether Stripe expanded the object there or not."""
    return text(json, *path) or text(json, *path, "id")


def items(json: object, *path: str) -> Iterator[Json]:
    """The objects in the array at `path`."""
    found = _at(json, path)
    for item in found if isinstance(found, list) else ():
        if isinstance(item, Mapping):
            yield item


def _at(json: object, path: tuple[str, ...]) -> object:
    for name in path:
        if not isinstance(json, Mapping):
            return None
        json = json.get(name)
    return json
