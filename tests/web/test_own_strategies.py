"""Building strategies without code: forms, versions, refusals, dry runs."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from app.domain.declines import MadeBy
from app.domain.recovery import ClosedAs, PauseCause, RecoveryStatus
from app.domain.strategies.own_json import BadDefinition, from_json, to_json
from app.services import own_strategies, strategies
from app.services.planning import plan
from app.storage.models import AuditEntry, Recovery, RetryAttempt
from app.storage.strategy_models import OwnStrategy
from app.storage.transaction import reading, transaction
from app.web.strategy_forms import LineText, read, written
from tests.builders import a_account, a_decline, a_recovery, a_user, an_attempt
from tests.conftest import MONDAY
from tests.web.pages import csrf_of, post

LINE = {
    "1-kinds": "soft",
    "1-then": "delays",
    "1-delays": "1, 4, 9",
    "1-hours": "9, 13:30",
    "1-window_days": "20",
    "1-after": "ask",
}


def _build(owner: FlaskClient, name: str = "Gentle Spring", **over: Any) -> Any:
    fields = {"name": name, "lines": "1", **LINE, **over}
    return post(owner, "/strategies/new", **fields)


def _edit(owner: FlaskClient, **over: Any) -> Any:
    fields = {"lines": "1", "since": "1", **LINE, **over}
    return post(owner, "/strategies/gentle-spring/edit", **fields)


def _versions() -> list[int]:
    with reading() as session:
        rows = session.scalars(select(OwnStrategy).order_by(OwnStrategy.id))
        return [row.version for row in rows]


def test_an_owner_builds_a_strategy_without_code(owner: FlaskClient) -> None:
    answer = _build(owner)
    assert (answer.status_code, answer.location) == (303, "/strategies/gentle-spring")
    page = owner.get("/strategies/gentle-spring").text
    assert (
        "Soft declines: retry 1 day, 4 days, 9 days after the first decline, about "
        "9:00 or 13:30 local time; then ask the customer." in page
    )
    assert page.count("<svg") == 3
    assert "style=" not in page
    assert 'href="/strategies/gentle-spring"' in owner.get("/strategies").text
    with reading() as session:
        trail = session.scalars(select(AuditEntry.detail)).all()
    assert trail == ["gentle-spring, version 1"]


def test_a_rule_that_is_broken_is_named_with_its_line(owner: FlaskClient) -> None:
    answer = _build(owner, lines="2", **{"2-codes": "stolen_card", "2-then": "spread"})
    assert answer.status_code == 422
    assert "Line 2: stolen_card is never charged again on the same card" in answer.text
    assert 'value="stolen_card"' in answer.text
    assert 'value="Gentle Spring"' in answer.text
    assert _versions() == []


def test_a_fault_of_the_kinds_stands_beside_them(owner: FlaskClient) -> None:
    text = _build(owner, **{"1-kinds": "hard"}).text
    assert 'class="kinds" aria-describedby="h-1-kinds"' in text
    assert '<p id="h-1-kinds" class="fault">hard declines are never charged' in text
    every: dict[str, Any] = {"1-kinds": []}
    text = _build(owner, lines="2", **every).text
    assert '<p id="h-2-kinds" class="fault">it is never reached' in text
    assert 'id="h-1-kinds"' not in text


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ({"name": ""}, "Give a name"),
        ({"name": "9 lives"}, "begins with a letter"),
        ({"name": "x" * 60}, "at most 40 letters"),
        ({"name": "Even spread"}, "The name even-spread is taken"),
        ({"name": "new"}, "is taken"),
        ({"1-delays": "soon"}, "“soon” was not understood"),
        ({"1-delays": "0.5, 4"}, "12 hours apart: at least 20"),
        ({"1-hours": "25:00"}, "hours lie between"),
        ({"1-hours": "9:75"}, "“9:75” was not understood"),
        ({"1-window_days": "99"}, "between 1 and 28 days"),
        ({"1-window_days": "-3"}, "whole number"),
        ({"1-then": "spread", "1-tries": "12"}, "between 1 and 8 are possible"),
        ({"1-then": "spread", "1-tries": "9" * 50}, "whole number"),
        ({"1-amount_from": "19.90"}, "which currency"),
        ({"1-amount_from": "1e9", "1-currency": "EUR"}, "is no amount"),
        ({"1-amount_from": "1.5", "1-currency": "JPY"}, "JPY has no smaller unit"),
        ({"1-delays": ""}, "write at least one delay"),
        ({"1-delays": "0, 1"}, "the first than 0"),
        ({"1-currency": "euros"}, "three letters"),
        ({"1-codes": "<script>"}, "is no decline code"),
        ({"1-kinds": "dire"}, "one of those that are offered"),
        ({"1-then": "pray"}, "one of those that are offered"),
        ({"1-funding": "gold"}, "one of those that are offered"),
        ({"1-kinds": "hard"}, "hard declines are never charged again"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(
    owner: FlaskClient, over: dict[str, str], sentence: str
) -> None:
    answer = _build(owner, over.pop("name", "mine"), **over)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<script>" not in answer.text.split("<main")[1]
    assert _versions() == []


def test_lines_are_added_moved_and_removed_without_saving(owner: FlaskClient) -> None:
    answer = _build(owner, do="add")
    assert 'id="line-2"' in answer.text
    moved = _build(owner, lines="2", do="up-2", **{"2-codes": "do_not_honor"})
    assert moved.text.index("do_not_honor") < moved.text.index("1, 4, 9")
    left = _build(owner, lines="2", do="remove-1", **{"2-codes": "do_not_honor"})
    assert 'id="line-2"' not in left.text
    assert 'value="1, 4, 9"' not in left.text
    for answer in (moved, left):
        assert answer.status_code == 200
    assert _versions() == []


@pytest.mark.parametrize("number", ["0", "3", "0020", "1" * 5000, "-1", "x"])
@pytest.mark.parametrize("verb", ["up", "remove"])
def test_a_line_that_is_not_there_is_neither_moved_nor_removed(
    owner: FlaskClient, verb: str, number: str
) -> None:
    answer = _build(owner, lines="2", do=f"{verb}-{number}", name="")
    assert answer.status_code == 422
    assert 'id="line-2"' in answer.text


def test_what_it_would_do_is_shown_before_it_is_saved(owner: FlaskClient) -> None:
    answer = _build(owner, do="show")
    assert "Not enough money: 3 retries on day" in answer.text
    assert _versions() == []


def test_an_edit_makes_a_version_that_new_recoveries_take(owner: FlaskClient) -> None:
    account = a_account()
    _build(owner)
    strategies.choose(account.id, "gentle-spring", user_id=a_user().id, now=MONDAY)
    with reading() as session:
        assert strategies.version_in_force(session, "gentle-spring") == "1"
    assert 'value="1, 4, 9"' in owner.get("/strategies/gentle-spring/edit").text
    assert _edit(owner, **{"1-delays": "2"}).status_code == 303
    with reading() as session:
        assert strategies.version_in_force(session, "gentle-spring") == "2"
        old = strategies.strategy_of(session, "gentle-spring", "1")
        assert old.version == "1"
    assert _versions() == [1, 2]


def test_saving_the_same_again_makes_no_version(owner: FlaskClient) -> None:
    _build(owner)
    assert _edit(owner).status_code == 303
    assert _versions() == [1]


def test_two_editors_do_not_overwrite_each_other(owner: FlaskClient) -> None:
    _build(owner)
    _edit(owner, **{"1-delays": "2"})
    answer = _edit(owner, **{"1-delays": "3"})
    assert answer.status_code == 422
    assert "Somebody saved another version meanwhile" in answer.text
    assert _versions() == [1, 2]


def test_a_copy_begins_with_the_same_lines(owner: FlaskClient) -> None:
    _build(owner)
    page = owner.get("/strategies/new?copy=gentle-spring").text
    assert 'value="1, 4, 9"' in page
    assert "The name gentle-spring is taken" in _build(owner).text
    assert owner.get("/strategies/new?copy=even-spread").status_code == 404


def test_a_strategy_in_use_is_not_retired(owner: FlaskClient) -> None:
    account = a_account()
    _build(owner)
    user_id = a_user().id
    strategies.choose(account.id, "gentle-spring", user_id=user_id, now=MONDAY)
    page = "/strategies/gentle-spring"
    post(owner, f"{page}/retirement", page=page)
    assert "Tea &amp; Sons uses it" in owner.get(page).text
    strategies.choose(account.id, "even-spread", user_id=user_id, now=MONDAY)
    assert post(owner, f"{page}/retirement", page=page).location == "/strategies"
    shown = owner.get("/strategies").text
    assert "Retired: " in shown
    assert '<option value="gentle-spring"' not in shown
    assert owner.get(f"{page}/edit").status_code == 404
    assert "Retired" in owner.get(page).text


def test_htmx_swaps_the_form_and_leaves_for_what_was_saved(owner: FlaskClient) -> None:
    fields = {"csrf_token": csrf_of(owner, "/strategies/new"), "lines": "1", **LINE}
    htmx = {"HX-Request": "true"}
    wrong = owner.post("/strategies/new", data=fields, headers=htmx)
    assert wrong.status_code == 422
    assert wrong.text.lstrip().startswith('<form class="own" id="own-form"')
    saved = owner.post("/strategies/new", data={**fields, "name": "a"}, headers=htmx)
    assert saved.headers["HX-Redirect"] == "/strategies/a"


def test_recoveries_keep_the_version_they_began_with(owner: FlaskClient) -> None:
    _build(owner)
    _edit(owner, **{"1-delays": "2"})
    old = a_recovery(strategy="gentle-spring", strategy_version="1")
    new = a_recovery(strategy="gentle-spring", strategy_version="2")
    for each in (old, new):
        a_decline(recovery_id=each.id, account_id=each.account_id)
    with transaction() as session:
        for each in (old, new):
            plan(session, session.get_one(Recovery, each.id), now=MONDAY)
    with reading() as session:
        made = session.scalars(select(RetryAttempt).order_by(RetryAttempt.recovery_id))
        planned = [
            (a.strategy_version, (a.due_at.date() - MONDAY.date()).days) for a in made
        ]
    assert planned == [("1", 1), ("2", 2)]


def test_each_version_shows_what_came_of_it(viewer: FlaskClient) -> None:
    over: dict[str, Any] = {"strategy": "fixed-ladder", "retries": 2}
    a_recovery(**over, strategy_version="1", status=RecoveryStatus.RECOVERED)
    a_recovery(
        **over,
        strategy_version="1",
        status=RecoveryStatus.CLOSED,
        closed_as=ClosedAs.PAID_ELSEWHERE,
    )
    a_recovery(**over, strategy_version="1")
    a_recovery(**over, strategy_version="2", status=RecoveryStatus.TERMINATED)
    page = viewer.get("/strategies/fixed-ladder").text
    cells = re.findall(r'data-label="([^"]+)">([^<]*)<', page)
    assert [value.strip() for _, value in cells] == [
        *("1", "0", "0 (0 %)", "0 (0 %)", "2"),
        *("3", "1", "1 (50 %)", "2 (100 %)", "6"),
    ]


def test_a_dry_run_decides_and_writes_nothing(viewer: FlaskClient) -> None:
    recovery = an_attempt().recovery_id
    a_decline(recovery_id=recovery, account_id=1)
    a_decline(decline_code="stolen_card")
    a_recovery(status=RecoveryStatus.RECOVERED)
    page = viewer.get("/strategies/fixed-ladder/dry-run").text
    assert page.count("/recoveries/") == 2
    assert "the ladder&#39;s rung of day 1" in page
    assert "<strong>ask the customer</strong>" in page
    with reading() as session:
        assert len(session.scalars(select(RetryAttempt)).all()) == 1
        assert not session.scalars(select(AuditEntry)).all()


def test_a_dry_run_without_declines_says_so(viewer: FlaskClient) -> None:
    assert "No declines on hand" in viewer.get("/strategies/adaptive/dry-run").text


def test_watching_shows_even_spread_beside_stripe(viewer: FlaskClient) -> None:
    watched = a_recovery(
        strategy="hands-off",
        status=RecoveryStatus.PAUSED,
        paused_because=PauseCause.OBSERVING,
    )
    for day in (0, 3):
        a_decline(
            recovery_id=watched.id,
            account_id=watched.account_id,
            occurred_at=MONDAY + timedelta(days=day),
        )
    page = viewer.get("/strategies/hands-off").text
    row = page[page.index('id="watched"') :]
    assert row.count("<time") >= 10  # eight retries, the first decline, Stripe's own
    assert re.search(r"on day (<time [^>]*>\d+</time>, ){7}<time [^>]*>\d+</time>", row)
    assert re.search(r"declined on day <time [^>]*>3</time>[;,<]", row)
    with reading() as session:
        assert not session.scalars(select(RetryAttempt)).all()


def test_watching_ends_with_the_renewal_and_names_who_charged(
    viewer: FlaskClient,
) -> None:
    watched = a_recovery(
        strategy="hands-off",
        status=RecoveryStatus.CLOSED,
        closed_as=ClosedAs.PAID_ELSEWHERE,
        ended_at=MONDAY + timedelta(days=8),
    )
    made = {"recovery_id": watched.id, "account_id": watched.account_id}
    a_decline(**made)
    for day, who in ((3, MadeBy.STRIPE), (5, MadeBy.CUSTOMER)):
        at = MONDAY + timedelta(days=day)
        a_decline(**made, occurred_at=at, made_by=who)
    page = viewer.get("/strategies/hands-off").text
    row = re.sub("<[^>]+>", "", page[page.index('id="watched"') :])
    assert re.search(r"on day \d, \d\s", row)  # two retries by then, and no eight
    assert "declined on day 3; declined on day 5, made by the customer" in row
    assert "Paid elsewhere on day 8" in row


def test_what_another_invoice_found_out_later_is_not_foreseen(
    viewer: FlaskClient,
) -> None:
    watched = a_recovery(
        strategy="hands-off",
        status=RecoveryStatus.PAUSED,
        paused_because=PauseCause.OBSERVING,
    )
    kept = {"account_id": watched.account_id, "fingerprint": "one-card"}
    a_decline(recovery_id=watched.id, **kept)
    other = a_recovery(account_id=watched.account_id)
    a_decline(
        recovery_id=other.id,
        occurred_at=MONDAY + timedelta(days=1),
        decline_code="stolen_card",
        **kept,
    )
    page = viewer.get("/strategies/hands-off").text
    row = page[page.index('id="watched"') :]
    assert row.count("<time") >= 9  # eight retries, the first decline


def test_nothing_watched_yet_is_said(viewer: FlaskClient) -> None:
    assert "Nothing has been watched yet" in viewer.get("/strategies/hands-off").text


def test_only_owners_build(staff: FlaskClient, viewer: FlaskClient) -> None:
    for browser in (staff, viewer):
        assert browser.get("/strategies/new").status_code == 403
        assert "Build your own" not in browser.get("/strategies").text


@pytest.mark.parametrize("name", ["%00", "x" * 500, "%F0%9F%92%B3"])
def test_odd_names_are_not_found(viewer: FlaskClient, name: str) -> None:
    assert viewer.get(f"/strategies/{name}").status_code == 404
    assert viewer.get(f"/strategies/{name}/dry-run").status_code == 404


def test_what_is_saved_stands_in_the_form_again() -> None:
    text = LineText(
        kinds=("soft",),
        codes="do_not_honor, insufficient_funds",
        funding="debit",
        plan="Basic",
        currency="JPY",
        amount_from="1500",
        amount_to="99000",
        then="delays",
        tries="5",
        delays="36h, 3, 5",
        hours="9:00, 13:30",
        window_days="12",
        after="ask",
    )
    definition, faults = read([text])
    assert faults == ()
    assert written(definition) == [text]


def test_a_name_is_tidied() -> None:
    assert own_strategies.tidy_name("  Gentle  Spring ") == "gentle-spring"


def test_each_version_is_shown_with_what_it_does(owner: FlaskClient) -> None:
    _build(owner)
    _edit(owner, **{"1-delays": "2, 5"})
    page = owner.get("/strategies/gentle-spring").text
    versions = page[page.index('id="versions"') :]
    newest, first = versions.index("retry 2 days, 5 days"), versions.index("4 days, 9")
    assert newest < first


DAMAGES: list[Any] = [
    *("not json", '{"lines": [{}]}', "[]", "null", "7", '{"lines": "soft"}'),
    *('{"lines": [' * 2, "[" * 5000, '"' + "x" * 9),
]


@pytest.mark.parametrize("stored", DAMAGES)
def test_a_damaged_row_takes_no_page_and_no_decision_with_it(
    owner: FlaskClient, stored: str
) -> None:
    _build(owner)
    _build(owner, "healthy-one")
    recovery = a_recovery(strategy="gentle-spring", strategy_version="1")
    a_decline(recovery_id=recovery.id, account_id=recovery.account_id)
    _damage(stored)
    index = owner.get("/strategies")
    assert index.status_code == 200
    assert "stored damaged and cannot be read" in index.text
    assert 'href="/strategies/healthy-one"' in index.text
    for page in ("", "/dry-run", "/edit"):
        assert owner.get(f"/strategies/gentle-spring{page}").status_code == 200
    assert owner.get("/strategies/new?copy=gentle-spring").status_code == 200
    dry_run = owner.get("/strategies/gentle-spring/dry-run").text
    assert "so Even spread decides in its place" in dry_run
    with transaction() as session:
        plan(session, session.get_one(Recovery, recovery.id), now=MONDAY)
    with reading() as session:
        (attempt,) = session.scalars(select(RetryAttempt))
        (rule,) = attempt.rules
        assert rule == (
            "gentle-spring gave no plan (its version 1 is stored damaged and cannot be "
            "read): even spread took over"
        )
    # A new version mends it.
    assert _edit(owner).status_code == 303
    assert "retry 1 day, 4 days" in owner.get("/strategies/gentle-spring").text


def _damage(stored: str) -> None:
    """As a fault of the disk or a hand would leave it; PostgreSQL keeps valid JSON."""
    with transaction() as session:
        name = session.connection().dialect.name
        if name == "postgresql":
            stored = json.dumps(stored)
        session.execute(
            text("UPDATE own_strategy SET definition = :it WHERE name = :name"),
            {"it": stored, "name": "gentle-spring"},
        )


def test_words_where_numbers_belong_are_damage(owner: FlaskClient) -> None:
    _build(owner)
    with reading() as session:
        whole = session.scalars(select(OwnStrategy.definition)).one()
    for field, value in (("codes", "soft"), ("amount_from", "9"), ("tries", 3.5)):
        line = whole["lines"][0] | {field: value}
        with pytest.raises(BadDefinition):
            from_json({"lines": [line]})
    assert to_json(from_json(whole)) == whole
