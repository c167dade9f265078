"""The rows of one noun, and the books that hold all nouns of one account and mode."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.sandbox.errors import Obj


class Table:
    """Rows in the order they were made. The fields in `indexed` never change."""

    def __init__(self, *indexed: str) -> None:
        self.rows: dict[str, Obj] = {}
        self.in_order = True  # by time of making, until a past is seeded later
        self._newest = 0
        self._order: list[str] = []
        self._positions: dict[str, int] = {}
        self._indexes: dict[str, dict[str, list[str]]] = {f: {} for f in indexed}

    def add(self, row: Obj) -> Obj:
        self.in_order = self.in_order and row["created"] >= self._newest
        self._newest = row["created"]
        self.rows[row["id"]] = row
        self._positions[row["id"]] = len(self._order)
        self._order.append(row["id"])
        for field, index in self._indexes.items():
            value = value_at(row, field)
            if value is not None:
                index.setdefault(value, []).append(row["id"])
        return row

    def get(self, row_id: str | None) -> Obj | None:
        return None if row_id is None else self.rows.get(row_id)

    def remove(self, row_id: str) -> None:
        del self.rows[row_id]

    def index_again(self, row: Obj, field: str) -> None:
        """Make the row findable by the value this field has only now."""
        self._indexes[field].setdefault(row[field], []).append(row["id"])

    def having(self, field: str, value: str) -> list[Obj]:
        """Return the rows whose indexed field has this value, oldest first."""
        found = (self.rows.get(i) for i in self._indexes[field].get(value, []))
        return [row for row in found if row and value_at(row, field) == value]

    def newest_first(
        self,
        *,
        where: Mapping[str, Any],
        after: str | None = None,
        before: str | None = None,
    ) -> Iterator[Obj]:
        """Yield matching rows from `after` (exclusive) on, or up to `before`.

        With `before` the rows come nearest first, so oldest first.
        """
        for row_id in self._candidates(where, after=after, before=before):
            row = self.rows.get(row_id)
            if row and all(value_at(row, f) == v for f, v in where.items()):
                yield row

    def _candidates(
        self, where: Mapping[str, Any], *, after: str | None, before: str | None
    ) -> Iterator[str]:
        ids = self._narrowest(where)
        if ids is self._order:
            low = self._positions[before] + 1 if before else 0
            high = self._positions[after] if after else len(ids)
            ids = ids[low:high] if before else ids
            places = range(len(ids)) if before else range(high - 1, -1, -1)
            return (ids[place] for place in places)
        if before:
            return (i for i in ids if self._positions[i] > self._positions[before])
        if after:
            start = self._positions[after]
            return (i for i in reversed(ids) if self._positions[i] < start)
        return reversed(ids)

    def _narrowest(self, where: Mapping[str, Any]) -> list[str]:
        for field, index in self._indexes.items():
            if field in where:
                return index.get(where[field], [])
        return self._order


def value_at(row: Obj, path: str) -> Any:
    """Return the value at a dotted path, or None where a part is missing."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


SUBSCRIPTION_OF_INVOICE = "parent.subscription_details.subscription"


class Book:
    """All objects of one account in one mode."""

    def __init__(self, *, account_id: str, livemode: bool) -> None:
        self.account_id = account_id
        self.livemode = livemode
        self.customers = Table()
        self.payment_methods = Table("customer")
        self.products = Table()
        self.prices = Table()
        self.subscriptions = Table("customer")
        self.invoice_items = Table("customer")
        self.invoices = Table(SUBSCRIPTION_OF_INVOICE, "customer")
        self.invoice_payments = Table("invoice", "payment.payment_intent")
        self.payment_intents = Table("customer")
        self.charges = Table("payment_intent", "customer")
        self.events = Table()
        self.webhook_endpoints = Table()
        # What Stripe knows of an object and does not tell, by the object's id.
        self.hidden: dict[str, Obj] = {}

    def table(self, noun: str) -> Table:
        """Return the table of an object name such as `invoice_payment`."""
        found: Table = getattr(self, TABLES[noun])
        return found

    def notes(self, row_id: str) -> Obj:
        """Return what is remembered about an object and never shown."""
        return self.hidden.setdefault(row_id, {})


TABLES = {
    "customer": "customers",
    "payment_method": "payment_methods",
    "product": "products",
    "price": "prices",
    "subscription": "subscriptions",
    "invoiceitem": "invoice_items",
    "invoice": "invoices",
    "invoice_payment": "invoice_payments",
    "payment_intent": "payment_intents",
    "charge": "charges",
    "event": "events",
    "webhook_endpoint": "webhook_endpoints",
}
