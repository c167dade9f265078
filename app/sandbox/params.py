"""Checks a request's parameters against the types in the installed stripe package.

`stripe.params` holds one TypedDict for each call, generated from Stripe's own API
description. A parameter that is not in it is refused, as Stripe does.
"""

import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import (
    Any,
    ForwardRef,
    Literal,
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
)

import stripe.params
from stripe import RequestOptions
from typing_extensions import is_typeddict

from app.sandbox.errors import ApiError, Obj, bad_parameter

NOT_SENT = frozenset(RequestOptions.__annotations__)  # headers, not parameters


@dataclass(frozen=True, slots=True)
class Shape:
    """What one parameter may be; several of the fields may hold at once."""

    fields: Mapping[str, "Shape"] | None = None
    required: frozenset[str] = frozenset()
    item: "Shape | None" = None
    words: frozenset[str] = frozenset()
    integer: bool = False
    number: bool = False
    boolean: bool = False
    text: bool = False
    any_keys: bool = False


def checked(name: str, params: Obj) -> Obj:
    """Return `params` with numbers and booleans read, or raise a 400.

    `name` is a class of `stripe.params`, such as `InvoicePayParams`; a dotted one
    lies in a package below it, such as `billing_portal.SessionCreateParams`.
    """
    return cast("Obj", _read(shape_named(name), params, ""))


@cache
def shape_named(name: str) -> Shape:
    place: Any = stripe.params
    for part in name.split("."):
        place = getattr(place, part)
    return _of_typed_dict(place)


def _of_typed_dict(kind: Any) -> Shape:
    fields: dict[str, Shape] = {}
    required: set[str] = set()
    module = vars(sys.modules[kind.__module__])
    # A TypedDict's annotations hold its parents' fields too.
    for field, noted in kind.__annotations__.items():
        if field in NOT_SENT:
            continue
        note = _resolved(noted, module)
        if get_origin(note) is not NotRequired:
            required.add(field)
        if get_origin(note) in (NotRequired, Required):
            note = get_args(note)[0]
        fields[field] = _of(note, module)
    return Shape(fields=fields, required=frozenset(required))


def _resolved(note: Any, module: Mapping[str, Any]) -> Any:
    while isinstance(note, (str, ForwardRef)):
        text = note if isinstance(note, str) else note.__forward_arg__
        # The text is the stripe package's own source, never a caller's.
        note = eval(text, dict(module))  # noqa: S307
    return note


def _of(note: Any, module: Mapping[str, Any]) -> Shape:
    note = _resolved(note, module)
    origin = get_origin(note)
    if origin in (Union, types.UnionType):
        return _merged([_of(part, module) for part in get_args(note)])
    if origin is Literal:
        return Shape(words=frozenset(str(word) for word in get_args(note)))
    if origin is list:
        return Shape(item=_of(get_args(note)[0], module))
    if is_typeddict(note):
        return _of_typed_dict(note)
    return _of_plain(note, origin)


def _of_plain(note: Any, origin: Any) -> Shape:
    if note is bool:
        return Shape(boolean=True)
    if note is int:
        return Shape(integer=True)
    if note is str:
        return Shape(text=True)
    if origin is dict or note is Any or "Untyped" in getattr(origin, "__name__", ""):
        return Shape(any_keys=True)
    return Shape(number=True, text=True)  # float, Decimal and file contents


def _merged(shapes: list[Shape]) -> Shape:
    words = frozenset[str]().union(*(s.words for s in shapes))
    return Shape(
        fields=next((s.fields for s in shapes if s.fields is not None), None),
        required=frozenset[str]().union(*(s.required for s in shapes)),
        item=next((s.item for s in shapes if s.item), None),
        words=words,
        integer=any(s.integer for s in shapes),
        number=any(s.number for s in shapes),
        boolean=any(s.boolean for s in shapes),
        # `Literal['a', 'b'] | str` is how the package writes an enumeration that
        # may grow, so the words bind; `Literal[''] | str` is text that may be empty.
        text=any(s.text for s in shapes) and not (words - {""}),
        any_keys=any(s.any_keys for s in shapes),
    )


def _read(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return _read_object(shape, value, path)
    if isinstance(value, list):
        return _read_list(shape, value, path)
    return _read_leaf(shape, str(value), path)


def _read_object(shape: Shape, value: Obj, path: str) -> Obj:
    if shape.any_keys:
        return value
    if shape.fields is None:
        raise _wrong("Invalid object", path, "parameter_invalid_object")
    for field in shape.required:
        if field not in value:
            raise _missing(_inside(path, field))
    read: Obj = {}
    for field, inner in value.items():
        known = shape.fields.get(field)
        if known is None:
            raise _unknown(_inside(path, field))
        read[field] = _read(known, inner, _inside(path, field))
    return read


def _read_list(shape: Shape, value: list[Any], path: str) -> list[Any]:
    if shape.item is None:
        raise _wrong("Invalid array", path, "parameter_invalid_array")
    item = shape.item
    return [_read(item, inner, f"{path}[{n}]") for n, inner in enumerate(value)]


def _read_leaf(shape: Shape, value: str, path: str) -> Any:
    if value in shape.words:
        return value
    if shape.boolean and value in ("true", "false"):
        return value == "true"
    if shape.integer and value.lstrip("-").isdecimal():
        return int(value)
    if shape.text or (shape.number and _is_number(value)):
        return value
    raise _unreadable(shape, value, path)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _unreadable(shape: Shape, value: str, path: str) -> ApiError:
    if shape.words:
        known = ", ".join(sorted(shape.words - {""}))
        return _wrong(f"Invalid {path}: must be one of {known}", path, None)
    if shape.integer:
        return _wrong(f"Invalid integer: {value}", path, "parameter_invalid_integer")
    if shape.boolean:
        return _wrong(f"Invalid boolean: {value}", path, None)
    if value == "":
        return _wrong("Invalid empty value", path, "parameter_invalid_empty")
    return _wrong("Invalid value", path, None)


def _wrong(message: str, path: str, code: str | None) -> ApiError:
    return bad_parameter(message, param=path, code=code)


def _missing(path: str) -> ApiError:
    return bad_parameter(
        f"Missing required param: {path}.", param=path, code="parameter_missing"
    )


def _unknown(path: str) -> ApiError:
    return bad_parameter(
        f"Received unknown parameter: {path}", param=path, code="parameter_unknown"
    )


def _inside(path: str, field: str) -> str:
    return f"{path}[{field}]" if path else field
