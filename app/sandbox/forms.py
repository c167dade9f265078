"""Reads `a[b][]=1` form bodies and query strings as nested values."""

from typing import Any
from urllib.parse import parse_qsl

from app.sandbox.errors import Obj, bad_parameter


def parse_form(text: str) -> Obj:
    """Return the nested parameters of a form body or query string.

    Lists come as `a[]=1&a[]=2` or `a[0]=1&a[1]=2`; every leaf is a string.
    """
    root: Obj = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        _put(root, _parts(key), value)
    lifted: Obj = _lift_lists(root)
    return lifted


def _parts(key: str) -> list[str]:
    head, *rest = key.split("[")
    if any(not part.endswith("]") for part in rest):
        raise bad_parameter(
            f"Invalid parameter name: {key}", param=key, code="parameter_unknown"
        )
    return [head, *(part[:-1] for part in rest)]


def _put(root: Obj, parts: list[str], value: str) -> None:
    place = root
    for part in parts[:-1]:
        inner = place.setdefault(part or str(len(place)), {})
        if not isinstance(inner, dict):
            raise bad_parameter(
                f"Invalid object: {parts[0]}",
                param=parts[0],
                code="parameter_invalid_object",
            )
        place = inner
    place[parts[-1] or str(len(place))] = value


def _lift_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    lifted = {key: _lift_lists(inner) for key, inner in value.items()}
    if lifted and all(key.isdigit() for key in lifted):
        return [lifted[key] for key in sorted(lifted, key=int)]
    return lifted
