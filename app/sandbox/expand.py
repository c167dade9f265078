"""`expand[]`: ids become objects, four levels deep at most, if the key may read them.

https://docs.stripe.com/expand
"""

from typing import Any

from app.sandbox.calls import Call, list_object
from app.sandbox.errors import ApiError, Obj, invalid
from app.sandbox.permissions import PERMISSION_OF, demand

DEEPEST = 4
# (object, path from it to a field that holds an id) -> what the id names.
EXPANDABLE = {
    ("charge", "customer"): "customer",
    ("charge", "payment_intent"): "payment_intent",
    ("customer", "invoice_settings.default_payment_method"): "payment_method",
    ("invoice", "customer"): "customer",
    ("invoice", "default_payment_method"): "payment_method",
    ("invoice", "parent.subscription_details.subscription"): "subscription",
    ("invoice_payment", "invoice"): "invoice",
    ("invoice_payment", "payment.charge"): "charge",
    ("invoice_payment", "payment.payment_intent"): "payment_intent",
    ("line_item", "pricing.price_details.price"): "price",
    ("payment_intent", "customer"): "customer",
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "payment_method"): "payment_method",
    ("payment_method", "customer"): "customer",
    ("plan", "product"): "product",
    ("price", "product"): "product",
    ("product", "default_price"): "price",
    ("subscription", "customer"): "customer",
    ("subscription", "default_payment_method"): "payment_method",
    ("subscription", "latest_invoice"): "invoice",
}
# Lists that are left out unless they are asked for.
INCLUDED = {
    ("customer", "subscriptions"): ("subscription", "customer"),
    ("invoice", "payments"): ("invoice_payment", "invoice"),
}
Tree = dict[str, Any]


def demand_depth(paths: list[str]) -> None:
    """Raise Stripe's 400 for a path of more than four parts."""
    for path in paths:
        if len(path.split(".")) > DEEPEST:
            raise _too_deep(path)


def expanded(call: Call, answer: Obj, paths: list[str]) -> Obj:
    """Return a copy of the answer in which these paths are objects."""
    tree: Tree = {}
    for path in paths:
        place = tree
        for part in path.split("."):
            place = place.setdefault(part, {})
    return _expand(call, answer, tree, "", "") if tree else answer


def _expand(call: Call, value: Obj, tree: Tree, noun: str, trail: str) -> Obj:
    if value.get("object") == "list":
        return _expand_list(call, value, tree)
    if "object" in value:
        noun, trail = value["object"], ""
    copy = dict(value)
    for name, below in tree.items():
        path = f"{trail}{name}"
        if (noun, path) in EXPANDABLE:
            copy[name] = _looked_up(call, copy[name], below, (noun, path))
        elif (noun, path) in INCLUDED:
            rows = _included(call, value, (noun, path))
            copy[name] = _expand(call, rows, below, "", "")
        elif isinstance(copy.get(name), dict) and below:
            copy[name] = _expand(call, copy[name], below, noun, f"{path}.")
        elif name not in copy or copy[name] is not None:
            raise _not_expandable(path)
    return copy


def _expand_list(call: Call, value: Obj, tree: Tree) -> Obj:
    for name in tree:
        if name != "data":
            raise _not_expandable(name)
    below = tree.get("data")
    if not below:
        return value
    rows = [_expand(call, row, below, "", "") for row in value["data"]]
    return {**value, "data": rows}


def _looked_up(call: Call, value: Any, below: Tree, where: tuple[str, str]) -> Any:
    noun = EXPANDABLE[where]
    permission = f"{PERMISSION_OF[noun]}_read"
    demand(call.key, permission, account_id=call.account.id)
    row = call.book.table(noun).get(value) if isinstance(value, str) else value
    if row is None:
        return value
    return _expand(call, row, below, "", "") if below else row


def _included(call: Call, owner: Obj, where: tuple[str, str]) -> Obj:
    noun, field = INCLUDED[where]
    demand(call.key, f"{PERMISSION_OF[noun]}_read", account_id=call.account.id)
    rows = call.book.table(noun).having(field, owner["id"])
    shown = [row for row in rows if row["status"] != "canceled" or field == "invoice"]
    url = f"/v1/{noun}s?{field}={owner['id']}"
    return list_object(shown, url=url)


def _too_deep(path: str) -> ApiError:
    return invalid(
        f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}",
        code="property_expansion_max_depth",
        param="expand",
        began=False,
    )


def _not_expandable(path: str) -> ApiError:
    return invalid(
        f"This property cannot be expanded ({path}).", param="expand", began=False
    )
