"""Every order of a list shows every row once, both ways, and is read off an index."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.declines import MadeBy
from app.domain.lifecycle import Lifecycle
from app.extensions import db
from app.storage.listings import keyset
from app.storage.listings.currencies import currencies
from app.storage.listings.declines import DECLINES, DeclineFilter, decline_order
from app.storage.listings.keyset import Cursor, Order
from app.storage.listings.listing import Amounts, Asked, Listing
from app.storage.listings.subscriptions import (
    SORTS,
    SUBSCRIPTIONS,
    SubscriptionFilter,
    subscription_order,
)
from app.storage.models import Subscription
from app.storage.transaction import reading
from tests.builders import a_subscription
from tests.conftest import MONDAY

EUROS = Amounts("eur", 1000, 5000)


def _some() -> None:
    """Rows that are equal in every column an order reads, and some without a value."""
    for n in range(12):
        a_subscription(
            created_at=MONDAY + timedelta(days=n // 3),
            amount=1000 * (n // 4),
            currency=("eur", "jpy", "usd")[n % 3],
            declines=n // 5,
            recovered_amount=n // 6,
            next_retry_at=MONDAY + timedelta(hours=n // 2) if n % 2 else None,
        )


def _walk(order: Order, *, size: int, back: bool = False) -> list[int]:
    seen: list[int] = []
    cursor = None
    if back:
        with reading() as session:
            last = SUBSCRIPTIONS.page(
                session, SubscriptionFilter(), cursor=None, size=99, order=order
            ).rows[-1]
        cursor = keyset._at(last, order, backwards=True)
        seen = [last.id]
    while True:
        with reading() as session:
            page = SUBSCRIPTIONS.page(
                session, SubscriptionFilter(), cursor=cursor, size=size, order=order
            )
        ids = [row.id for row in page.rows]
        seen = ids + seen if back else seen + ids
        cursor = page.before if back else page.after
        if cursor is None:
            return seen
        assert keyset.read(keyset.write(cursor), order=order) == cursor


@pytest.mark.parametrize("sort", SORTS)
def test_walking_shows_every_row_once_in_order_both_ways(app: Flask, sort: str) -> None:
    _some()
    order = subscription_order(sort)
    whole = _walk(order, size=99)
    assert sorted(whole) == sorted(set(whole))
    assert len(whole) == 12
    assert _walk(order, size=5) == whole
    assert _walk(order, size=5, back=True) == whole


def test_rows_without_a_next_retry_come_last_in_both_directions(app: Flask) -> None:
    _some()
    with reading() as session:
        for sort in ("next_retry", "-next_retry"):
            page = SUBSCRIPTIONS.page(
                session,
                SubscriptionFilter(),
                cursor=None,
                size=12,
                order=subscription_order(sort),
            )
            times = [row.next_retry_at for row in page.rows]
            assert times[6:] == [None] * 6
            assert times[:6] == sorted(times[:6], reverse=sort.startswith("-"))


def test_amounts_are_ordered_within_a_currency(app: Flask) -> None:
    a_subscription(currency="jpy", amount=500)
    a_subscription(currency="eur", amount=9900)
    a_subscription(currency="eur", amount=100)
    with reading() as session:
        page = SUBSCRIPTIONS.page(
            session,
            SubscriptionFilter(),
            cursor=None,
            size=9,
            order=subscription_order("amount"),
        )
        assert [(row.currency, row.amount) for row in page.rows] == [
            ("eur", 100),
            ("eur", 9900),
            ("jpy", 500),
        ]
        assert currencies(session, Subscription.currency) == ["eur", "jpy"]


NEXT = Cursor(MONDAY, 5)
PLANS: list[tuple[Listing[Any], Any, Order, Cursor]] = [
    *(
        (SUBSCRIPTIONS, SubscriptionFilter(), subscription_order(sort), cursor)
        for sort, cursor in (
            ("created", NEXT),
            ("amount", Cursor(5, 5, group="eur")),
            ("-amount", Cursor(5, 5, group="eur")),
            ("-recovered", Cursor(5, 5, group="eur")),
            ("declines", Cursor(5, 5)),
            ("-declines", Cursor(5, 5)),
            ("next_retry", NEXT),
            ("-next_retry", NEXT),
            ("next_retry", Cursor(None, 5)),
            ("-next_retry", Cursor(None, 5, backwards=True)),
        )
    ),
    (
        SUBSCRIPTIONS,
        SubscriptionFilter(amounts=EUROS),
        subscription_order("-amount", currency="eur"),
        Cursor(5, 5),
    ),
    *(
        (SUBSCRIPTIONS, wanted, subscription_order("-created"), NEXT)
        for wanted in (
            SubscriptionFilter(code="stolen_card"),
            SubscriptionFilter(lifecycle=Lifecycle.IN_RETRY, code="stolen_card"),
            SubscriptionFilter(lifecycle=Lifecycle.IN_RETRY, status="past_due"),
        )
    ),
    *(
        (DECLINES, wanted, decline_order("-occurred"), NEXT)
        for wanted in (
            DeclineFilter(advice="try_again_later"),
            DeclineFilter(brand="visa"),
            DeclineFilter(funding="debit"),
            DeclineFilter(country="DE"),
            DeclineFilter(made_by=MadeBy.METRICSCO),
            DeclineFilter(code="stolen_card", brand="visa"),
        )
    ),
    (DECLINES, DeclineFilter(), decline_order("amount"), Cursor(5, 5, group="eur")),
    (
        DECLINES,
        DeclineFilter(amounts=EUROS),
        decline_order("-amount", currency="eur"),
        Cursor(5, 5),
    ),
]


@pytest.mark.parametrize(("listing", "wanted", "order", "cursor"), PLANS)
def test_an_order_is_read_off_an_index_and_never_sorted(
    app: Flask, listing: Listing[Any], wanted: Any, order: Order, cursor: Cursor
) -> None:
    with reading() as session:
        dialect = session.get_bind().dialect.name
        if dialect == "postgresql":  # SET LOCAL, in _plan, needs a transaction
            in_one = {"isolation_level": "READ COMMITTED"}
            session.connection(execution_options=in_one)
        statement = listing.statement(wanted, Asked(dialect, 1000))
        for part in keyset._parts(statement, order, cursor):
            plan = _plan(session, part.limit(51), dialect)
            main = "subscription" if listing is SUBSCRIPTIONS else "decline"
            if dialect == "sqlite":
                assert "TEMP B-TREE" not in plan
                assert f"SEARCH {main} USING" in plan
            else:
                assert "Sort" not in plan
                # Rows without the column, by id: PostgreSQL may walk the ids instead.
                assert f"ix_{main}_" in plan or f"pk_{main}" in plan


def _plan(session: Session, statement: Any, dialect: str) -> str:
    compiled = statement.compile(
        dialect=db.engine.dialect, compile_kwargs={"literal_binds": True}
    )
    words = "EXPLAIN QUERY PLAN" if dialect == "sqlite" else "EXPLAIN"
    if dialect == "postgresql":  # of an empty table it would read everything
        for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    rows = session.connection().exec_driver_sql(
        f"{words} {compiled}".replace("%", "%%")
    )
    return "\n".join(row.detail if dialect == "sqlite" else row[0] for row in rows)


HARD_CASES: list[tuple[Listing[Any], Any, Order]] = [
    # Several accounts, and a filter that the order's index knows nothing of.
    (
        DECLINES,
        DeclineFilter(accounts=frozenset({1, 2})),
        decline_order("-occurred"),
    ),
    (
        SUBSCRIPTIONS,
        SubscriptionFilter(accounts=frozenset({1, 2})),
        subscription_order("-declines"),
    ),
    (
        SUBSCRIPTIONS,
        SubscriptionFilter(amounts=EUROS),
        subscription_order("-recovered", currency="eur"),
    ),
]


@pytest.mark.sqlite
@pytest.mark.parametrize(("listing", "wanted", "order"), HARD_CASES)
def test_what_no_index_can_order_is_checked_on_the_way(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    listing: Listing[Any],
    wanted: Any,
    order: Order,
) -> None:
    monkeypatch.setattr("app.storage.listings.narrowing.FEW", -1)  # all is much
    with reading() as session:
        leads = listing._leads(session, wanted, order)
        statement = listing.statement(wanted, Asked("sqlite", 1000, leads))
        for part in keyset._parts(statement, order, None):
            assert "TEMP B-TREE" not in _plan(session, part.limit(51), "sqlite")


@pytest.mark.sqlite
def test_of_two_filters_the_one_that_leaves_few_rows_leads(app: Flask) -> None:
    for n in range(30):
        a_subscription(
            status="active", last_decline_code="rare" if n == 7 else "common"
        )
    wanted = SubscriptionFilter(status="active", code="rare")
    for sort in ("-created", "-amount"):
        with reading() as session:
            leads = SUBSCRIPTIONS._leads(session, wanted, subscription_order(sort))
            assert leads is not None
            assert "last_decline_code" in leads
            assert "status" not in leads


@pytest.mark.parametrize("sort", SORTS)
def test_an_order_shows_the_same_rows_whichever_index_leads(
    app: Flask, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    _some()
    wanted = SubscriptionFilter(
        status="active",
        lifecycle=Lifecycle.CONVERTED,
        amounts=Amounts("eur", 0, 1000),
        since=MONDAY,
        accounts=frozenset({1, 2}),
    )

    def shown() -> list[int]:
        with reading() as session:
            page = SUBSCRIPTIONS.page(
                session,
                wanted,
                cursor=None,
                size=50,
                order=subscription_order(sort, currency="eur"),
            )
        return [row.id for row in page.rows]

    few = shown()
    monkeypatch.setattr("app.storage.listings.narrowing.FEW", -1)
    assert shown() == few
    assert len(few) == 3


RARE = SubscriptionFilter(status="unpaid", lifecycle=Lifecycle.CONVERTED)


def _cut_walk(sort: str, cursor: Cursor | None = None) -> tuple[list[int], int]:
    """The rows of `RARE`, page by page from `cursor` on, and how many were cut."""
    seen: list[int] = []
    cuts = 0
    is_back = cursor is not None and cursor.backwards
    while True:
        with reading() as session:
            page = SUBSCRIPTIONS.page(
                session, RARE, cursor=cursor, size=2, order=subscription_order(sort)
            )
        ids = [row.id for row in page.rows]
        seen = ids + seen if is_back else seen + ids
        cuts += page.is_cut
        cursor = page.before if is_back else page.after
        if cursor is None:
            return seen, cuts


@pytest.mark.parametrize(
    "sort",
    ["-created", "created", "-amount", "declines", "next_retry", "-next_retry"],
)
def test_filters_that_are_rarely_true_together_are_walked_in_steps(
    app: Flask, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr("app.storage.listings.narrowing.FEW", -1)
    made = [
        a_subscription(
            created_at=MONDAY + timedelta(days=n // 3),
            amount=100 * (n // 4),
            declines=n // 5,
            next_retry_at=MONDAY + timedelta(hours=n // 2) if n % 3 != 1 else None,
            status="unpaid" if n in (1, 2, 3, 17, 30) else "active",
        ).id
        for n in range(33)
    ]
    monkeypatch.setattr("app.storage.listings.listing.WALKED", 100)
    whole, cuts = _cut_walk(sort)
    assert {made[n] for n in (1, 2, 3, 17, 30)} == set(whole)
    assert not cuts
    monkeypatch.setattr("app.storage.listings.listing.NEAR", 2)
    monkeypatch.setattr("app.storage.listings.listing.WALKED", 3)
    again, cuts = _cut_walk(sort)
    assert again == whole
    assert cuts > 5
    with reading() as session:
        order = subscription_order(sort)
        every = SUBSCRIPTIONS.page(
            session, SubscriptionFilter(), cursor=None, size=99, order=order
        )
    last = keyset._at(every.rows[-1], order, backwards=True)
    back, cuts = _cut_walk(sort, last)
    assert back == [each for each in whole if each != last.id]  # it ends before it
    assert cuts
