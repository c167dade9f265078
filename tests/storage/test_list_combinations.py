"""Filters combined at random, in every order: the pages show what there is, and on
SQLite no statement that they send reads a table through."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from app.domain.lifecycle import Lifecycle
from app.extensions import db
from app.storage.listings.keyset import Cursor, Order, Page, parts_of
from app.storage.listings.listing import Amounts, Asked
from app.storage.listings.subscriptions import (
    SORTS,
    SUBSCRIPTIONS,
    SubscriptionFilter,
    subscription_order,
)
from app.storage.transaction import reading
from tests.builders import a_account, a_subscription
from tests.conftest import MONDAY

LIFECYCLES = (Lifecycle.CONVERTED, Lifecycle.IN_RETRY)
STATUSES = ("active", "past_due", "unpaid")
CODES = ("stolen_card", "expired_card", None)
CURRENCIES = ("eur", "jpy")
CHOICES: dict[str, tuple[Any, ...]] = {
    "status": STATUSES,
    "lifecycle": LIFECYCLES,
    "code": (*CODES[:2], "nobody_has_it"),
    "amounts": (Amounts("eur"), Amounts("eur", 300, 600), Amounts("jpy", least=800)),
    "since": (MONDAY + timedelta(days=2),),
    "before": (MONDAY + timedelta(days=5), MONDAY),
    "accounts": (frozenset({1}), frozenset({1, 2}), frozenset({9})),
}


def _many() -> None:
    dice = random.Random(5)
    first, second = a_account(), a_account()
    assert (first.id, second.id) == (1, 2)
    for n in range(70):
        a_subscription(
            account_id=dice.choice((first.id, first.id, second.id)),
            created_at=MONDAY + timedelta(days=n // 9),
            status=dice.choice(STATUSES),
            lifecycle=dice.choice(LIFECYCLES),
            last_decline_code=dice.choice(CODES),
            currency=dice.choice(CURRENCIES),
            amount=100 * dice.randrange(10),
            recovered_amount=100 * dice.randrange(3),
            declines=dice.randrange(4),
            next_retry_at=dice.choice((None, MONDAY + timedelta(hours=n // 4))),
        )


def _combined(seed: int) -> tuple[SubscriptionFilter, Order]:
    dice = random.Random(seed)
    names = dice.sample(list(CHOICES), dice.randint(1, 4))
    wanted = SubscriptionFilter(**{name: dice.choice(CHOICES[name]) for name in names})
    currency = wanted.amounts.currency if wanted.amounts else None
    return wanted, subscription_order(dice.choice(SORTS), currency=currency)


def _at_once(wanted: SubscriptionFilter, order: Order) -> list[int]:
    with reading() as session:
        asked = Asked(session.get_bind().dialect.name, None)
        statement = SUBSCRIPTIONS.statement(wanted, asked)
        parts = parts_of(statement, order=order, cursor=None, size=999)
        return [row.id for part in parts for row in session.execute(part)]


def _paged(wanted: SubscriptionFilter, order: Order) -> tuple[list[int], list[int]]:
    """The rows page by page, forwards, and back from the last page that has some."""
    forth: list[int] = []
    place = last = _page(wanted, order, None)
    while True:
        forth += [row.id for row in place.rows]
        last = place if place.rows else last
        if place.after is None:
            break
        place = _page(wanted, order, place.after)
    back = [row.id for row in last.rows]
    while last.before is not None:
        last = _page(wanted, order, last.before)
        back = [row.id for row in last.rows] + back
    return forth, back


def _page(wanted: SubscriptionFilter, order: Order, cursor: Cursor | None) -> Page:
    with reading() as session:
        return SUBSCRIPTIONS.page(session, wanted, cursor=cursor, size=3, order=order)


def _small_steps(monkeypatch: pytest.MonkeyPatch, *, few: int) -> None:
    """Let some dozen rows take the turns that lists of a million take."""
    monkeypatch.setattr("app.storage.listings.narrowing.FEW", few)
    monkeypatch.setattr("app.storage.listings.listing.NEAR", 4)
    monkeypatch.setattr("app.storage.listings.listing.WALKED", 9)


@pytest.mark.parametrize("few", [-1, 5, 1000])
def test_pages_show_every_row_once_in_order(
    app: Flask, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    _many()
    _small_steps(monkeypatch, few=few)
    for seed in range(60):
        wanted, order = _combined(seed)
        expected = _at_once(wanted, order)
        assert _paged(wanted, order) == (expected, expected), (seed, wanted, order.name)


@pytest.mark.sqlite
@pytest.mark.parametrize("few", [-1, 1000])
def test_no_statement_reads_the_table_through(
    app: Flask, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    _many()
    _small_steps(monkeypatch, few=few)
    for seed in range(200):
        wanted, order = _combined(seed)
        with _sent(db.engine) as statements, reading() as session:
            SUBSCRIPTIONS.page(session, wanted, cursor=None, size=3, order=order)
        for statement, values in statements:
            plan = _plan(statement, values)
            if "OFFSET" in statement and values[-1]:
                # Where to stop: so many entries of an index, and of that alone.
                assert "COVERING INDEX" in plan, plan
            else:
                assert "SCAN subscription" not in plan, (seed, statement, plan)


@contextmanager
def _sent(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that `engine` sends meanwhile, with their values."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        seen.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _plan(statement: str, values: Any) -> str:
    file = db.engine.url.database
    assert file is not None
    connection = sqlite3.connect(file)
    try:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    finally:
        connection.close()
    return "\n".join(row[3] for row in rows)
