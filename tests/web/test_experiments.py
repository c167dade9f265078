"""The pages of experiments: started by an owner, read by all, adopted by one button."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.domain.experiments import Arm
from app.domain.recovery import RecoveryStatus
from app.domain.strategies.own import Definition, Line
from app.services import own_strategies
from app.storage.models import Recovery, StripeAccount, User
from app.storage.strategy_models import Allocation, Experiment
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_subscription, a_user
from tests.conftest import MONDAY, SetClock
from tests.web.pages import csrf_of, post

SignIn = Callable[[User], FlaskClient]
PAGE = "/strategies/experiments"
FIELDS = {
    "name": "Winter",
    "control": "even-spread",
    "treatment": "fixed-ladder",
    "share": "50",
    "points": "10",
    "starts": "",
    "stops": "",
}


def _start(owner: FlaskClient, **over: Any) -> Any:
    return post(owner, f"{PAGE}/new", **{**FIELDS, **over})


def _only() -> Experiment:
    with reading() as session:
        return session.scalars(select(Experiment)).one()


def _close(row: Experiment, *, paid: dict[Arm, int], of: int) -> None:
    """So many renewals in each arm, some of them paid the next day."""
    subscription = a_subscription(account_id=row.account_id)
    with transaction() as session:
        for arm in Arm:
            for n in range(of):
                is_paid = n < paid[arm]
                recovery = Recovery(
                    account_id=row.account_id,
                    subscription_id=subscription.id,
                    stripe_invoice_id=f"in_{arm}_{n}",
                    stripe_customer_id=f"cus_{arm}_{n}",
                    amount=1900,
                    currency="eur",
                    status=RecoveryStatus.RECOVERED
                    if is_paid
                    else RecoveryStatus.TERMINATED,
                    strategy="even-spread",
                    seed=n,
                    started_at=MONDAY,
                    deadline_at=MONDAY + timedelta(days=28),
                    ended_at=MONDAY + timedelta(days=1),
                    looked_at=MONDAY,
                )
                session.add(recovery)
                session.flush()
                session.add(
                    Allocation(
                        recovery_id=recovery.id,
                        experiment_id=row.id,
                        arm=arm,
                        window_ends_at=MONDAY + timedelta(days=28),
                    )
                )


def test_what_can_be_shown_is_said_before_anything_is_started(
    owner: FlaskClient,
) -> None:
    a_account()
    for page in (PAGE, f"{PAGE}/new"):
        text = owner.get(page).text
        assert (
            "At 100 declines a month you can show 10 points in about 8 months, and "
            "never 1 point." in text
        )
        assert "This account has had too few days of declines yet" in text
        assert "Looking on any day" in text


def test_an_owner_starts_one_and_everybody_may_look(
    owner: FlaskClient, viewer: FlaskClient
) -> None:
    a_account()
    answer = _start(owner)
    row = _only()
    assert (answer.status_code, answer.location) == (303, f"{PAGE}/{row.id}")
    assert (row.starts_at, row.treatment_percent) == (MONDAY, 50)
    shown = viewer.get(f"{PAGE}/{row.id}").text
    assert "Still measuring: 0 closed renewals" in shown
    assert "Adopt" not in shown
    assert "Stop it" not in shown
    assert "Winter" in viewer.get(PAGE).text
    assert "style=" not in shown


def test_one_may_be_scheduled(owner: FlaskClient) -> None:
    a_account()
    _start(owner, starts="2026-12-01")
    assert f"{_only().starts_at:%Y-%m-%d %H:%M}" == "2026-12-01 00:00"
    assert "Scheduled" in owner.get(PAGE).text


def test_its_end_may_be_set_beforehand(
    owner: FlaskClient, sign_in: SignIn, clock: SetClock
) -> None:
    a_account()
    assert "Choose a day after its start." in _start(owner, stops="2026-10-01").text
    assert "Write a day like" in _start(owner, stops="soon").text
    _start(owner, stops="2026-11-05")
    page = f"{PAGE}/{_only().id}"
    day = "Thu 5 Nov 2026, 00:00:00 UTC"
    assert re.search(f"<dt>Stops by itself</dt><dd>[^/]*{day}", owner.get(page).text)
    clock.advance(days=4)
    owner = sign_in(a_user(email="again@example.com"))
    over = owner.get(page).text
    assert re.search(f"<dt>Ended</dt><dd>[^/]*{day}", over)
    assert "Stop it" not in over
    assert "Stopped" in owner.get(PAGE).text


def test_a_verdict_is_said_with_its_interval_and_adopted_by_one_button(
    owner: FlaskClient, sign_in: SignIn, clock: SetClock
) -> None:
    account = a_account()
    _start(owner)
    row = _only()
    _close(row, paid={Arm.CONTROL: 30, Arm.TREATMENT: 120}, of=150)
    clock.advance(days=30)
    page = f"{PAGE}/{row.id}"
    # The session of the browser is over by now: nobody stays signed in for a month.
    owner = sign_in(a_user(email="again@example.com"))
    shown = owner.get(page).text
    assert "fixed-ladder brings more: between" in shown
    assert '<button class="primary">Adopt fixed-ladder</button>' in shown
    assert "<svg" in shown
    assert "2,280.00 EUR (80.0 %)" in shown
    answer = post(owner, f"{page}/adoption", page=page, arm="treatment")
    assert answer.status_code == 303
    with reading() as session:
        assert session.get_one(StripeAccount, account.id).strategy == "fixed-ladder"
    assert "Adopted: fixed-ladder" in owner.get(page).text


def test_what_cannot_be_taken_back_is_asked_twice(owner: FlaskClient) -> None:
    a_account()
    _start(owner)
    shown = owner.get(f"{PAGE}/{_only().id}").text
    assert '<summary class="button danger">Stop it</summary>' in shown
    assert '<summary class="button">Adopt fixed-ladder</summary>' in shown
    assert "has not shown that it is the better one" in shown


def test_what_is_planned_is_neither_measured_nor_adopted(owner: FlaskClient) -> None:
    a_account()
    _start(owner, starts="2026-12-01")
    shown = owner.get(f"{PAGE}/{_only().id}").text
    assert "It has not begun. Measuring takes about" in shown
    assert "Adopt" not in shown


def test_few_amounts_have_no_interval(
    owner: FlaskClient, sign_in: SignIn, clock: SetClock
) -> None:
    a_account()
    _start(owner)
    row = _only()
    _close(row, paid={Arm.CONTROL: 10, Arm.TREATMENT: 12}, of=20)
    clock.advance(days=30)
    owner = sign_in(a_user(email="again@example.com"))
    shown = owner.get(f"{PAGE}/{row.id}").text
    assert "too few to say" in shown
    assert "-100.0" not in shown


def test_an_own_strategy_is_adopted_in_the_version_that_was_tested(
    owner: FlaskClient,
) -> None:
    a_account()
    first, later = (Definition((Line(tries=tries),)) for tries in (3, 4))
    own_strategies.create("mine", first, user_id=a_user().id, now=MONDAY)
    _start(owner, treatment="mine")
    own_strategies.edit("mine", later, since=1, user_id=a_user().id, now=MONDAY)
    page = f"{PAGE}/{_only().id}"
    assert ">Adopt mine, version 1</summary>" in owner.get(page).text
    post(owner, f"{page}/adoption", page=page, arm="treatment")
    shown = owner.get(page).text
    assert "New recoveries take mine, version 1 from now on" in shown
    assert "Adopted: mine, version 1." in shown
    assert (
        "(version 1, as an experiment tested it)" in owner.get("/strategies/mine").text
    )
    assert "Version 1, as an experiment tested it" in owner.get("/strategies").text


def test_an_owner_stops_one_and_only_once(owner: FlaskClient) -> None:
    a_account()
    _start(owner)
    page = f"{PAGE}/{_only().id}"
    token = csrf_of(owner, page)
    for _ in range(2):
        answer = owner.post(f"{page}/stop", data={"csrf_token": token})
        assert answer.status_code == 303
    assert _only().stopped_at == MONDAY
    assert "This experiment has ended already." in owner.get(page).text


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ({"name": ""}, "Give a name"),
        ({"control": "nobody"}, "Choose a strategy"),
        ({"share": "100"}, "at least 5 of 100"),
        ({"share": "half"}, "whole number"),
        ({"points": "²"}, "whole number"),
        ({"starts": "soon"}, "Write a day like"),
        ({"starts": "9999-12-31"}, "within a year"),
        ({"starts": "0001-01-01"}, ""),
    ],
)
def test_a_wrong_wish_is_answered_with_a_sentence(
    owner: FlaskClient, over: dict[str, str], sentence: str
) -> None:
    a_account()
    answer = _start(owner, **over)
    assert answer.status_code == (422 if sentence else 303)
    assert sentence in answer.text


def test_a_second_one_on_the_account_is_refused(owner: FlaskClient) -> None:
    a_account()
    _start(owner)
    answer = _start(owner)
    assert answer.status_code == 422
    assert "An experiment runs on this account" in answer.text


def test_htmx_gets_the_form_with_its_fault(owner: FlaskClient) -> None:
    a_account()
    token = csrf_of(owner, f"{PAGE}/new")
    data = {**FIELDS, "csrf_token": token, "name": ""}
    htmx = {"HX-Request": "true"}
    answer = owner.post(f"{PAGE}/new", data=data, headers=htmx)
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith("<form")
    done = owner.post(f"{PAGE}/new", data={**data, "name": "A"}, headers=htmx)
    assert done.headers["HX-Redirect"] == f"{PAGE}/{_only().id}"


def test_without_an_account_there_is_nothing_to_compare(owner: FlaskClient) -> None:
    for page in (PAGE, f"{PAGE}/new"):
        assert "No Stripe account is connected" in owner.get(page).text


@pytest.mark.parametrize("number", ["1", "9" * 30])
def test_an_unknown_experiment_is_not_found(viewer: FlaskClient, number: str) -> None:
    assert viewer.get(f"{PAGE}/{number}").status_code == 404


def test_an_adoption_says_which(owner: FlaskClient) -> None:
    a_account()
    _start(owner)
    page = f"{PAGE}/{_only().id}"
    answer = post(owner, f"{page}/adoption", page=page, arm="both")
    assert answer.status_code == 422
