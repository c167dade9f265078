"""Filters, orders and chips of the lists: what they show, and what makes no sense."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.domain.declines import DeclineKind, MadeBy
from app.domain.lifecycle import Lifecycle
from app.storage.listings import keyset
from app.storage.listings.keyset import Cursor
from tests.builders import a_account, a_decline, a_subscription
from tests.conftest import MONDAY

FRAGMENT = {"HX-Request": "true"}


def _names(page: str) -> list[str]:
    return re.findall(r"<th scope=\"row\"><a [^>]*><bdi>([^<]*)", page)


def _some() -> None:
    a_subscription(
        customer_name="Anna",
        amount=1900,
        status="past_due",
        lifecycle=Lifecycle.IN_RETRY,
        last_decline_code="insufficient_funds",
        declines=2,
        next_retry_at=MONDAY + timedelta(hours=2),
        created_at=MONDAY - timedelta(days=3),
    )
    a_subscription(
        customer_name="Ben",
        amount=4900,
        lifecycle=Lifecycle.ACTIVATED,
        last_decline_code="stolen_card",
        declines=5,
        recovered_amount=4900,
        next_retry_at=MONDAY + timedelta(hours=1),
        created_at=MONDAY - timedelta(days=2),
    )
    a_subscription(
        customer_name="Chie",
        amount=5000,
        currency="jpy",
        created_at=MONDAY - timedelta(days=1),
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("lifecycle=in_retry", ["Anna"]),
        ("status=past_due", ["Anna"]),
        ("status=in_retry", ["Anna"]),  # `status` takes both, for older addresses
        ("lifecycle=in_retry&status=active", []),
        ("code=stolen_card", ["Ben"]),
        ("currency=jpy", ["Chie"]),
        ("currency=eur&amount_from=19&amount_to=19.00", ["Anna"]),
        ("currency=eur&amount_from=19,01", ["Ben"]),
        ("currency=jpy&amount_to=5,000", ["Chie"]),
        ("sort=next_retry", ["Ben", "Anna", "Chie"]),
        ("sort=-next_retry", ["Anna", "Ben", "Chie"]),
        ("sort=-declines", ["Ben", "Anna", "Chie"]),
        ("sort=created", ["Anna", "Ben", "Chie"]),
        ("sort=-created", ["Chie", "Ben", "Anna"]),
        ("sort=amount", ["Anna", "Ben", "Chie"]),
        ("sort=-recovered&currency=eur", ["Ben", "Anna"]),
    ],
)
def test_subscriptions_are_filtered_and_ordered(
    viewer: FlaskClient, query: str, names: list[str]
) -> None:
    _some()
    page = viewer.get(f"/subscriptions?{query}").text
    assert _names(page) == names
    assert 'class="notice warn"' not in page
    if "sort" not in query:
        exported = viewer.get(f"/subscriptions.csv?{query}").text
        assert [name in exported for name in ("Anna", "Ben", "Chie")] == [
            name in names for name in ("Anna", "Ben", "Chie")
        ]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("lifecycle=odd", "“odd” is no lifecycle we know"),
        ("lifecycle=in_retry&status=expired", "another lifecycle is asked for"),
        ("sort=customer", "“customer” is no sort we know"),
        ("currency=xxx", "“xxx” is no currency we know"),
        ("amount_from=10", "choose which"),
        ("currency=eur&amount_from=ten", "“ten” is no amount of EUR"),
        ("currency=jpy&amount_from=10.50", "more decimals than JPY"),
        ("currency=eur&amount_to=" + "9" * 900, "more than any payment"),
        ("currency=eur&amount_from=50&amount_to=10", "swapped"),
        ("columns=secret", "names no columns we know"),
        ("account=99999", "“99999” is no account we know"),
        ("account=-1", "is no account we know"),
        ("code=" + "x" * 65, "is no code"),
    ],
)
def test_what_makes_no_sense_is_left_out_with_a_sentence(
    viewer: FlaskClient, query: str, sentence: str
) -> None:
    _some()
    answer = viewer.get(f"/subscriptions?{query}")
    assert answer.status_code == 200
    assert sentence in answer.text
    if "columns" not in query and "sort" not in query:
        assert viewer.get(f"/subscriptions.csv?{query}").status_code == 422


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(MONDAY, 5),  # of the newest first
        Cursor(1900, 5, order="amount", group="eur"),
        Cursor(3, 5, order="-declines"),
        Cursor(3, 5, order="declines", group="eur"),
        Cursor(None, 5, order="declines"),
        Cursor(2**63, 5, order="declines"),
        Cursor("3", 5, order="declines"),
    ],
)
def test_a_cursor_of_another_order_shows_the_first_page(
    viewer: FlaskClient, cursor: Cursor
) -> None:
    _some()
    word = keyset.write(cursor)
    answer = viewer.get(f"/subscriptions?sort=declines&page={word}")
    assert answer.status_code == 200
    assert "this is the first page" in answer.text
    assert _names(answer.text) == ["Chie", "Anna", "Ben"]


@pytest.mark.parametrize(
    "group", ["\0", "\ud800", "x" * 500, "'; DROP TABLE decline", "\u202e"]
)
def test_a_forged_group_in_a_cursor_breaks_nothing(
    viewer: FlaskClient, group: str
) -> None:
    _some()
    word = keyset.write(Cursor(1900, 5, order="amount", group=group))
    assert viewer.get(f"/subscriptions?sort=amount&page={word}").status_code == 200


def test_the_heading_of_the_order_says_which_way_and_turns_it(
    viewer: FlaskClient,
) -> None:
    _some()
    page = viewer.get("/subscriptions?sort=-amount&lifecycle=in_retry").text
    assert page.count("aria-sort=") == 1
    head = re.search(r'<th [^>]*aria-sort="descending"><a href="([^"]*)">Amount', page)
    assert head
    assert head[1] == "/subscriptions?lifecycle=in_retry&amp;sort=amount"


def test_each_filter_is_a_chip_that_takes_it_away(viewer: FlaskClient) -> None:
    _some()
    query = "q=ann&lifecycle=in_retry&currency=eur&amount_from=10&sort=amount"
    page = viewer.get(f"/subscriptions?{query}").text
    chips = dict(re.findall(r'class="chip" href="([^"]*)">.*?</span>(\w+)', page))
    assert set(chips.values()) == {"Search", "Lifecycle", "Currency", "Amount"}
    # Without its currency an amount means nothing: both go.
    assert "/subscriptions?lifecycle=in_retry&amp;q=ann&amp;sort=amount" in chips


def test_the_filter_form_answers_with_an_address_worth_sharing(
    viewer: FlaskClient,
) -> None:
    _some()
    answer = viewer.get(
        "/subscriptions?q=ann&lifecycle=&status=&sort=-created&from=", headers=FRAGMENT
    )
    assert answer.headers["HX-Push-Url"] == "/subscriptions?q=ann"
    polled = viewer.get("/subscriptions?q=ann&seen=x", headers=FRAGMENT)
    assert "HX-Push-Url" not in polled.headers


def test_the_columns_asked_for_are_shown_and_no_others(viewer: FlaskClient) -> None:
    _some()
    page = viewer.get("/subscriptions?columns=last_code,amount").text
    heads = re.findall(r"<th scope=\"col\"[^>]*>(?:<a [^>]*>)?([^<]*)", page)
    assert heads == ["Customer", "Amount", "Last decline"]


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("code=stolen_card", {"stolen_card"}),
        ("kind=soft", {"insufficient_funds"}),
        ("advice=do_not_try_again", {"stolen_card"}),
        ("brand=amex", {"stolen_card"}),
        ("funding=credit", {"stolen_card"}),
        ("country=jp", {"stolen_card"}),
        ("made_by=metricsco", {"stolen_card"}),
        ("currency=jpy&amount_from=2000", {"stolen_card"}),
        ("from=2026-11-05", {"stolen_card"}),
        ("sort=amount", {"stolen_card", "insufficient_funds"}),
        ("sort=occurred&brand=visa", {"insufficient_funds"}),
    ],
)
def test_declines_are_filtered_on_the_page_and_in_the_export(
    viewer: FlaskClient, query: str, codes: set[str]
) -> None:
    a_decline()
    a_decline(
        decline_code="stolen_card",
        kind=DeclineKind.HARD,
        advice_code="do_not_try_again",
        brand="amex",
        funding="credit",
        country="JP",
        made_by=MadeBy.METRICSCO,
        amount=2500,
        currency="jpy",
        occurred_at=MONDAY + timedelta(days=5),
    )
    page = viewer.get(f"/declines?{query}")
    assert page.status_code == 200
    assert 'class="notice warn"' not in page.text
    shown = re.findall(r'class="id" href="/declines\?code=(\w+)"', page.text)
    assert set(shown) == codes
    exported = viewer.get(f"/declines.csv?{query}").text
    for code in ("stolen_card", "insufficient_funds"):
        assert (code in exported) is (code in codes)


@pytest.mark.parametrize(
    "query",
    [
        *("advice=odd", "brand=odd", "funding=odd", "made_by=odd"),
        *("country=GER", "country=%D0%AF%D0%AF", "sort=brand"),
    ],
)
def test_odd_filters_of_declines_show_the_list_with_a_sentence(
    viewer: FlaskClient, query: str
) -> None:
    a_decline()
    answer = viewer.get(f"/declines?{query}")
    assert answer.status_code == 200
    assert "left out" in answer.text
    assert "insufficient_funds" in answer.text


def test_counts_by_code_stand_beside_the_list_and_filter_it(
    viewer: FlaskClient,
) -> None:
    for _ in range(2):
        a_decline()
    a_decline(decline_code="stolen_card", kind=DeclineKind.HARD)
    page = viewer.get("/declines?funding=debit").text
    counts = re.findall(
        r'<li><a href="([^"]*)"[^>]*><span class="id">(\w+)</span> '
        r'<span class="num">(\d+)',
        page,
    )
    assert counts == [
        (
            "/declines?funding=debit&amp;code=insufficient_funds",
            "insufficient_funds",
            "2",
        ),
        ("/declines?funding=debit&amp;code=stolen_card", "stolen_card", "1"),
    ]
    assert "not narrowed by your other filters" in page


def test_counts_follow_kind_account_and_days_and_say_so(
    viewer: FlaskClient,
) -> None:
    a_decline()
    a_decline(
        decline_code="stolen_card",
        kind=DeclineKind.HARD,
        occurred_at=MONDAY + timedelta(days=60),
        account_id=a_account().id,
    )

    def counted(query: str) -> tuple[set[str], str]:
        page = viewer.get(f"/declines?{query}").text
        beside = page.split('class="card counts"')[1].split("</nav>")[0]
        return set(re.findall(r'class="id">(\w+)', beside)), beside

    assert counted("kind=hard")[0] == {"stolen_card"}
    codes, beside = counted("from=2026-11-02&to=2026-11-02")
    assert codes == {"insufficient_funds"}
    assert "from 2026-11-02 to 2026-11-02, days in UTC" in beside
    assert counted("from=2026-12-01")[0] == {"stolen_card"}


def test_what_may_be_said_to_the_customer_never_tells_of_a_stolen_card(
    viewer: FlaskClient,
) -> None:
    for code in ("stolen_card", "lost_card", "fraudulent"):
        a_decline(decline_code=code, kind=DeclineKind.HARD)
    page = viewer.get("/declines").text
    said = re.findall(r"<summary>To the customer</summary>“([^<]*)”", page)
    assert len(said) == 3
    for sentence in said:
        assert not re.search("lost|stolen|fraud|theft|block", sentence, re.I)
