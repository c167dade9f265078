"""The recorded objects have no field that the installed stripe package does not know.

What we read is read off these; a field that Stripe dropped or renamed shows here.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from stripe._object_classes import get_object_class

from tests.gateway.conftest import FIXTURES, recorded

NAMES = sorted(path.stem for path in FIXTURES.glob("*.json"))
# Maps whose keys are the merchant's or the event's.
FREE = ("metadata", "previous_attributes", "fraud_details")


def unknown_fields(json: Any, kind: Any = None, path: str = "") -> Iterator[str]:
    """Where `json` has a field that its class in the SDK does not."""
    if isinstance(json, list):
        for item in json:
            yield from unknown_fields(item, kind, path)
    if not isinstance(json, dict):
        return
    if isinstance(json.get("object"), str):
        kind = get_object_class("V1", json["object"])
    known = _annotations(kind)
    for name, value in json.items():
        if kind is not None and name not in {*known, "object"}:
            yield f"{path}.{name}"
        if name not in FREE:
            inner = getattr(kind, "_inner_class_types", {}).get(name)
            yield from unknown_fields(value, inner, f"{path}.{name}")


def _annotations(kind: Any) -> set[str]:
    bases = kind.__mro__ if kind is not None else ()
    return {name for base in bases for name in getattr(base, "__annotations__", {})}


@pytest.mark.parametrize("name", NAMES)
def test_no_recorded_field_is_unknown_to_the_sdk(name: str) -> None:
    assert list(unknown_fields(recorded(name))) == []


def test_an_unknown_field_would_be_found() -> None:
    invoice = recorded("invoice", paid=True)
    invoice["status_transitions"]["lost_at"] = 1

    found = list(unknown_fields(invoice))

    assert set(found) == {".status_transitions.lost_at", ".paid"}
