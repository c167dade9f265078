"""The promises of lists: every row once, in order, bounded, by an index."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.dialects import sqlite

from app.domain.declines import DeclineKind
from app.domain.lifecycle import Lifecycle
from app.domain.recovery import AttemptStatus
from app.storage.listings import keyset
from app.storage.listings.attempts import ATTEMPTS, AttemptFilter
from app.storage.listings.declines import DECLINES, DeclineFilter
from app.storage.listings.keyset import Cursor
from app.storage.listings.listing import Asked, Listing
from app.storage.listings.subscriptions import SUBSCRIPTIONS, SubscriptionFilter
from app.storage.transaction import reading
from tests.builders import (
    a_account,
    a_decline,
    a_recovery,
    a_subscription,
    an_attempt,
)
from tests.conftest import MONDAY


def _names(wanted: SubscriptionFilter) -> set[str]:
    with reading() as session:
        page = SUBSCRIPTIONS.page(session, wanted, cursor=None, size=50)
    return {row.customer_name for row in page.rows}


def _walk(size: int, *, forward: bool = True, start: Cursor | None = None) -> list[int]:
    seen: list[int] = []
    cursor = start
    while True:
        with reading() as session:
            page = SUBSCRIPTIONS.page(
                session, SubscriptionFilter(), cursor=cursor, size=size
            )
        ids = [row.id for row in page.rows]
        seen = seen + ids if forward else ids + seen
        cursor = page.after if forward else page.before
        if cursor is None:
            return seen


def test_walking_the_pages_shows_every_row_once_newest_first(app: Flask) -> None:
    # Several share one moment: the id decides among them.
    made = [
        a_subscription(created_at=MONDAY + timedelta(days=n // 3)).id for n in range(10)
    ]
    assert _walk(3) == made[::-1]


def test_walking_back_shows_the_same_rows_in_the_same_order(app: Flask) -> None:
    made = [a_subscription(created_at=MONDAY).id for _ in range(10)]
    last = Cursor(MONDAY, made[0], backwards=True)
    assert _walk(4, forward=False, start=last) == made[:0:-1]


def test_a_page_in_the_middle_has_neighbours_on_both_sides(app: Flask) -> None:
    made = [a_subscription(created_at=MONDAY).id for _ in range(5)]
    with reading() as session:
        page = SUBSCRIPTIONS.page(
            session, SubscriptionFilter(), cursor=Cursor(MONDAY, made[4]), size=2
        )
    assert page.before == Cursor(MONDAY, made[3], backwards=True)
    assert page.after == Cursor(MONDAY, made[2])


def test_a_cursor_survives_its_trip_through_an_address() -> None:
    cursor = Cursor(MONDAY, 17, backwards=True)
    word = keyset.write(cursor)
    assert keyset.read(word, order=SUBSCRIPTIONS.order) == cursor


@pytest.mark.parametrize(
    "word",
    [
        "",
        "x",
        "ä",
        "W10",
        "bnVsbA",
        "WzEsMiwwXQ",  # [1,2,0]: the key is no time
        keyset.write(Cursor(MONDAY, 2**63)),
        keyset.write(Cursor(MONDAY, -1)),
        keyset.write(Cursor("0001-01-01T00:00:00+14:00", 1)),
        "A" * 10_000,
        "Wy" * 250,
    ],
)
def test_a_tampered_cursor_is_refused(word: str) -> None:
    with pytest.raises(keyset.BadCursor):
        keyset.read(word, order=SUBSCRIPTIONS.order)


def test_search_finds_a_piece_of_a_name_whatever_its_case(app: Flask) -> None:
    a_subscription(customer_name="Ännchen Müller")
    a_subscription(customer_name="Somebody Else")
    for piece in ("ÄNNCHEN", "müll", "chen M"):
        assert _names(SubscriptionFilter(text=piece)) == {"Ännchen Müller"}


def test_search_finds_by_email_and_by_every_id(app: Flask) -> None:
    made = a_subscription(customer_name="Ann", customer_email="ann@tea.example")
    recovery = a_recovery(subscription_id=made.id)
    a_subscription(customer_name="Other")
    for piece in (
        "@tea.",
        made.stripe_subscription_id,
        made.stripe_customer_id,
        recovery.stripe_invoice_id,
    ):
        assert _names(SubscriptionFilter(text=piece)) == {"Ann"}, piece


@pytest.mark.sqlite
def test_search_finds_by_the_beginning_of_an_id(app: Flask) -> None:
    made = a_subscription(customer_name="Ann")
    recovery = a_recovery(subscription_id=made.id)
    a_subscription(customer_name="Other")
    piece = recovery.stripe_invoice_id[:-1]
    assert _names(SubscriptionFilter(text=piece)) == {"Ann"}


def test_a_short_search_finds_beginnings(app: Flask) -> None:
    a_subscription(customer_name="王伟", customer_email="w@example.com")
    a_subscription(customer_name="Li", customer_email="li@example.com")
    assert _names(SubscriptionFilter(text="王")) == {"王伟"}
    assert _names(SubscriptionFilter(text="lI")) == {"Li"}


def test_search_finds_what_many_have_and_what_few_have(app: Flask) -> None:
    many = [a_subscription(customer_name=f"Tea House {n}") for n in range(60)]
    a_subscription(customer_name="The Oldest Tea Shop")
    with reading() as session:
        wanted = SubscriptionFilter(text="tea")
        page = SUBSCRIPTIONS.page(session, wanted, cursor=None, size=100)
    assert len(page.rows) == 61
    assert _names(SubscriptionFilter(text="oldest tea")) == {"The Oldest Tea Shop"}
    assert _names(SubscriptionFilter(text="est te")) == {"The Oldest Tea Shop"}
    assert _names(SubscriptionFilter(text="house 59")) == {many[-1].customer_name}


def test_what_begins_with_the_piece_is_found_beside_what_holds_it(app: Flask) -> None:
    a_subscription(customer_name="Ben Adams", customer_email="x@tea.example")
    a_subscription(customer_name="Reuben Jones", customer_email="Ben@tea.example")
    a_subscription(customer_name="Anna", customer_email="adams_ben@tea.example")
    a_subscription(customer_name="Nobody", customer_email="adamsxben@tea.example")
    assert _names(SubscriptionFilter(text="BEN")) == {
        *("Ben Adams", "Reuben Jones", "Anna", "Nobody")
    }
    # An address from its beginning on; a wildcard of the database's is a letter here.
    assert _names(SubscriptionFilter(text="adams_ben@")) == {"Anna"}
    assert _names(SubscriptionFilter(text="_ben")) == {"Anna"}
    assert _names(SubscriptionFilter(text="be")) == {"Ben Adams", "Reuben Jones"}


@pytest.mark.parametrize(
    "odd",
    ['"', "''", "' OR 1=1 --", "%%%", "___", "*", "NEAR(a b)", "a" * 5000, "👩‍👩‍👧"],
)
def test_an_odd_search_finds_nothing_and_breaks_nothing(app: Flask, odd: str) -> None:
    a_subscription(customer_name="Ann")
    assert _names(SubscriptionFilter(text=odd)) == set()


def test_filters_narrow_by_status_lifecycle_and_time(app: Flask) -> None:
    a_subscription(customer_name="A", status="past_due", lifecycle=Lifecycle.IN_RETRY)
    a_subscription(customer_name="B", created_at=MONDAY)
    assert _names(SubscriptionFilter(status="past_due")) == {"A"}
    assert _names(SubscriptionFilter(lifecycle=Lifecycle.CONVERTED)) == {"B"}
    assert _names(SubscriptionFilter(since=MONDAY)) == {"B"}
    assert _names(SubscriptionFilter(before=MONDAY)) == {"A"}


def test_a_viewer_of_one_account_sees_no_other(app: Flask) -> None:
    mine, other = a_account(), a_account()
    a_decline(account_id=other.id)
    an_attempt(account_id=other.id)
    only_mine = frozenset({mine.id})
    with reading() as session:
        for page in (
            SUBSCRIPTIONS.page(
                session, SubscriptionFilter(accounts=only_mine), cursor=None, size=9
            ),
            DECLINES.page(
                session, DeclineFilter(accounts=only_mine), cursor=None, size=9
            ),
            ATTEMPTS.page(
                session, AttemptFilter(accounts=only_mine), cursor=None, size=9
            ),
        ):
            assert page.rows == []


def test_declines_are_found_by_customer_code_and_kind(app: Flask) -> None:
    stolen = a_decline(decline_code="stolen_card", kind=DeclineKind.HARD)
    a_decline()
    with reading() as session:
        for wanted in (
            DeclineFilter(code="stolen_card"),
            DeclineFilter(kind=DeclineKind.HARD),
            DeclineFilter(text=stolen.stripe_charge_id),
            DeclineFilter(text=stolen.stripe_customer_id),
        ):
            page = DECLINES.page(session, wanted, cursor=None, size=9)
            assert [row.id for row in page.rows] == [stolen.id], wanted


def test_a_refused_charge_without_a_renewal_is_in_the_history(app: Flask) -> None:
    a_decline(recovery_id=None, account_id=a_account().id, stripe_customer_id="cus_x")
    with reading() as session:
        page = DECLINES.page(session, DeclineFilter(text="cus_x"), cursor=None, size=9)
    assert page.rows[0].stripe_invoice_id is None


def test_an_export_reads_everything_in_the_order_of_the_list(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.listings.listing.CHUNK", 3)
    made = [a_subscription(created_at=MONDAY).id for _ in range(7)]
    chunks = list(SUBSCRIPTIONS.chunks(reading, SubscriptionFilter()))
    assert [row.id for chunk in chunks for row in chunk] == made[::-1]
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]


def _told(value: object) -> str | None:
    """A filter's own words; a listing's would differ from process to process."""
    return None if isinstance(value, Listing) else str(value)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("listing", "wanted"),
    [
        (SUBSCRIPTIONS, SubscriptionFilter()),
        (SUBSCRIPTIONS, SubscriptionFilter(status="active")),
        (SUBSCRIPTIONS, SubscriptionFilter(lifecycle=Lifecycle.IN_RETRY)),
        (SUBSCRIPTIONS, SubscriptionFilter(since=MONDAY, before=MONDAY)),
        (SUBSCRIPTIONS, SubscriptionFilter(accounts=frozenset({1}))),
        (DECLINES, DeclineFilter()),
        (DECLINES, DeclineFilter(code="stolen_card")),
        (DECLINES, DeclineFilter(kind=DeclineKind.HARD)),
        (DECLINES, DeclineFilter(accounts=frozenset({1}))),
        (ATTEMPTS, AttemptFilter()),
        (ATTEMPTS, AttemptFilter(status=AttemptStatus.DECLINED)),
    ],
    ids=_told,
)
def test_a_list_is_read_off_an_index_and_never_sorted(
    app: Flask, listing: Listing[Any], wanted: Any
) -> None:
    plan = _plan(listing, wanted)
    assert "TEMP B-TREE" not in plan
    assert "USING" in plan.splitlines()[0]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("listing", "wanted"),
    [
        (SUBSCRIPTIONS, SubscriptionFilter(text="anna")),
        (SUBSCRIPTIONS, SubscriptionFilter(text="an")),
        (DECLINES, DeclineFilter(text="anna")),
        (ATTEMPTS, AttemptFilter(text="anna")),
    ],
    ids=_told,
)
def test_a_search_scans_no_whole_table(
    app: Flask, listing: Listing[Any], wanted: Any
) -> None:
    plan = _plan(listing, wanted)
    for table in ("subscription", "decline", "recovery", "retry_attempt"):
        assert f"SCAN {table}\n" not in f"{plan}\n"
        assert f"SCAN {table} USING" not in plan


def _plan(listing: Listing[Any], wanted: Any) -> str:
    asked = Asked("sqlite", 1000)
    cursor = Cursor(MONDAY, 5)
    statement = listing.statement(wanted, asked)
    (part,) = keyset.parts_of(statement, order=listing.order, cursor=cursor, size=50)
    sql = part.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with reading() as session:
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(row.detail for row in rows)
