"""The back-test on an account's own recoveries: what is read, and what it may say."""

from datetime import timedelta

import pytest
from flask import Flask

from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.services import past_cases
from app.services.past_cases import BackTest, back_test
from app.storage.models import Recovery
from app.storage.transaction import reading
from tests.builders import a_account, a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY

DAY = timedelta(days=1)
LADDER = (1, 3, 5, 7)


def closed(*, days: tuple[int, ...] = LADDER, paid: bool, **over: object) -> Recovery:
    """Retries on these days, all refused but, where it was paid, the last one."""
    recovery = a_recovery(
        **{
            "status": RecoveryStatus.RECOVERED if paid else RecoveryStatus.TERMINATED,
            "ended_at": MONDAY + 8 * DAY,
            "amount": 0 if paid else 1900,
            "charges": 1 + len(days),
            "retries": len(days),
            **over,
        }
    )
    kept = {"recovery_id": recovery.id, "account_id": recovery.account_id}
    card = f"card{recovery.id}"
    a_decline(**kept, fingerprint=card)
    for number, day in enumerate(days, 1):
        at, won = MONDAY + day * DAY, paid and number == len(days)
        attempt = an_attempt(
            **kept,
            number=number,
            status=AttemptStatus.SUCCEEDED if won else AttemptStatus.DECLINED,
            due_at=at,
            started_at=at,
            finished_at=at,
        )
        if not won:
            a_decline(**kept, occurred_at=at, attempt_id=attempt.id, fingerprint=card)
    return recovery


def told(
    first: str = "fixed-ladder",
    second: str = "hands-off",
    accounts: frozenset[int] | None = None,
) -> BackTest:
    with reading() as session:
        return back_test(session, first, second, accounts=accounts)


def test_a_strategy_that_did_the_same_gets_the_endings_there_were(app: Flask) -> None:
    closed(paid=True)
    closed(paid=False)
    closed(days=(1, 3), paid=True)
    found = told().found.first
    assert (found.cases, found.known, found.recovered) == (3, 3, 2)


def test_one_that_went_elsewhere_is_unknown(app: Flask) -> None:
    closed(days=(2, 12), paid=True)
    found = told().found.first
    assert (found.cases, found.known) == (1, 0)


def test_only_watching_says_nothing_and_is_not_ranked(app: Flask) -> None:
    closed(paid=True)
    found = told().found
    assert (found.second.known, found.first_shared.known) == (0, 0)
    assert found.verdict.startswith("Not ranked: 0 of 1 past cases")


def test_a_replaced_card_leaves_the_recovery_out(app: Flask) -> None:
    closed(paid=True, card_changed_at=MONDAY + DAY)
    other = closed(paid=False)
    a_decline(
        recovery_id=other.id,
        account_id=other.account_id,
        occurred_at=MONDAY + 7 * DAY,
        fingerprint="another",
    )
    found = told()
    assert (found.recoveries, found.replaced, found.found.first.cases) == (2, 2, 0)


def test_open_ones_and_other_accounts_are_not_read(app: Flask) -> None:
    mine, other = a_account(), a_account()
    closed(paid=True, account_id=mine.id)
    closed(paid=True, account_id=mine.id, status=RecoveryStatus.IN_RETRY)
    closed(paid=True, account_id=other.id)
    assert told(accounts=frozenset({mine.id})).recoveries == 1
    assert told().recoveries == 2


def test_the_newest_are_read_and_no_more(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_cases, "MOST", 2)
    for n in range(3):
        closed(paid=n == 0, started_at=MONDAY + n * DAY)
    found = told()
    assert (found.recoveries, found.most, found.found.first.recovered) == (2, 2, 0)
    assert told(second="adaptive").most == past_cases.MOST_WITH_ADAPTIVE
