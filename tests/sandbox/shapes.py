"""Holds JSON objects to the resource classes of the installed stripe package.

Every field must be one of the class, have its type, and one of its words where the
class names words; every field that the class says is always there must be there.
"""

import decimal
import inspect
import types
from collections.abc import Iterator
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe._stripe_object import UntypedStripeObject

RENAMED = {"CardResource": "Card"}  # how some modules import it
PRIMITIVES: dict[Any, type[Any] | tuple[type[Any], ...]] = {
    bool: bool,
    int: int,
    str: str,
    float: (int, float),
    decimal.Decimal: str,  # a string on the wire
}


def faults(value: Any, kind: Any, path: str = "") -> Iterator[str]:
    """Yield what is wrong with a value, one sentence for each fault."""
    kind = _resolved(kind)
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if origin in (Union, types.UnionType):
        yield from _faults_of_union(value, [_resolved(a) for a in args], path)
    elif origin is Literal:
        if value not in args:
            yield f"{path}: {value!r} is none of {args}"
    elif kind in PRIMITIVES:
        if not isinstance(value, PRIMITIVES[kind]) or _is_bool_for_int(value, kind):
            yield f"{path}: {value!r} is no {kind.__name__}"
    elif origin is list or origin is stripe.ListObject:
        yield from _faults_of_rows(value, args[0], path, listed=origin is not list)
    elif issubclass(origin or kind, UntypedStripeObject):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
    else:
        yield from _faults_of_object(value, kind, path)


def _resolved(kind: Any) -> Any:
    if isinstance(kind, (str, ForwardRef)):
        name = kind if isinstance(kind, str) else kind.__forward_arg__
        name = RENAMED.get(name, name)
        if name.startswith("List["):
            return list[_resolved(name[5:-1])]  # type: ignore[misc]
        for place in (stripe, stripe.billing, stripe.test_helpers):
            if hasattr(place, name):
                return getattr(place, name)
        return Any
    return kind


def _is_bool_for_int(value: Any, kind: Any) -> bool:
    return kind is int and isinstance(value, bool)


def _faults_of_union(value: Any, kinds: list[Any], path: str) -> Iterator[str]:
    if value is None:
        if type(None) not in kinds:
            yield f"{path}: is null and must not be"
        return
    literals = [k for k in kinds if get_origin(k) is Literal]
    rest = [k for k in kinds if k is not type(None)]
    if literals and isinstance(value, str):
        # `Literal[...] | str`: the words bind, the str is for words to come.
        rest = literals
    found = [list(faults(value, kind, path)) for kind in rest]
    if all(found):
        yield from min(found, key=len)


def _faults_of_rows(value: Any, kind: Any, path: str, *, listed: bool) -> Iterator[str]:
    rows = value
    if listed:
        if not isinstance(value, dict) or value.get("object") != "list":
            yield f"{path}: {value!r} is no list object"
            return
        yield from (f"{path}.{f} is missing" for f in LIST_FIELDS - value.keys())
        rows = value["data"]
    if not isinstance(rows, list):
        yield f"{path}: {value!r} is no list"
        return
    for number, row in enumerate(rows):
        yield from faults(row, kind, f"{path}[{number}]")


LIST_FIELDS = {"object", "data", "has_more", "url"}


def _faults_of_object(value: Any, kind: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {kind.__name__}"
        return
    fields = fields_of(kind)
    for name, inner in value.items():
        if name not in fields:
            yield f"{path}.{name} is no field of {kind.__qualname__}"
        else:
            yield from faults(inner, fields[name], f"{path}.{name}")
    for name, noted in fields.items():
        if name not in value and not _may_be_absent(noted):
            yield f"{path}.{name} of {kind.__qualname__} is missing"


def fields_of(kind: Any) -> dict[str, Any]:
    """Return the fields that the class and its parents annotate."""
    fields: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("stripe") and base not in BASES:
            fields |= inspect.get_annotations(base)
    return {n: note for n, note in fields.items() if "ClassVar" not in str(note)}


BASES = set(stripe.StripeObject.__mro__)


def _may_be_absent(noted: Any) -> bool:
    return type(None) in get_args(noted)


CLASSES: dict[str, Any] = {
    "account": stripe.Account,
    "application": stripe.Application,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "customer": stripe.Customer,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "subscription": stripe.Subscription,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


def faults_of(value: dict[str, Any]) -> list[str]:
    """Return what is wrong with an object, held to the class that `object` names."""
    return list(faults(value, CLASSES[value["object"]], value["object"]))
