"""The audit trail in the database: only added to, every charge in it, sealed, told."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from app import jobs
from app.domain.recovery import AttemptStatus
from app.extensions import db
from app.services import sealing
from app.storage.models import AuditEntry, RetryAttempt, StripeEvent
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_user, an_attempt, an_audit_entry
from tests.conftest import MONDAY
from tests.stripe_events import a_kept_event

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(app: Flask) -> Run:
    def run(*words: str) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=["audit", *words])
        return done.exit_code, done.output

    return run


def _entries() -> list[AuditEntry]:
    with reading() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def _moved(attempt_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(
            update(RetryAttempt).where(RetryAttempt.id == attempt_id).values(**values)
        )


def _by_force(statement: str) -> None:
    """As somebody does who holds the database itself."""
    with db.engines["writer"].begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER audit_entry_unchanged"))
            connection.execute(text("DROP TRIGGER audit_entry_kept"))
        else:
            connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "values", [{"detail": "nothing"}, {"user_id": None}, {"position": 9, "id": 99}]
)
@pytest.mark.parametrize("is_sealed", [True, False], ids=["sealed", "open"])
def test_the_database_refuses_every_change(
    app: Flask, values: dict[str, object], is_sealed: bool
) -> None:
    an_audit_entry(user_id=a_user().id, detail="something")
    if is_sealed:
        sealing.seal(now=MONDAY)
    with (
        pytest.raises(DBAPIError, match="only ever added to"),
        transaction() as session,
    ):
        session.execute(update(AuditEntry).values(**values))
    with (
        pytest.raises(DBAPIError, match="only ever added to"),
        transaction() as session,
    ):
        session.execute(delete(AuditEntry))
    assert _entries()[0].detail == "something"


def test_a_seal_is_put_once(app: Flask) -> None:
    an_audit_entry()
    sealing.seal(now=MONDAY)
    with (
        pytest.raises(DBAPIError, match="only ever added to"),
        transaction() as session,
    ):
        session.execute(update(AuditEntry).values(seal="0" * 64))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"status": "declined", "decline_code": "lost_card", "finished_at": MONDAY},
            "attempt {id}, number 1, key {key}, lost_card",
        ),
        (
            {"status": "succeeded", "amount": 1900, "stripe_charge_id": "ch_1"},
            "attempt {id}, number 1, key {key}, charge ch_1, collected 1900",
        ),
        ({"status": "unknown"}, "attempt {id}, number 1, key {key}"),
        ({"status": "processing"}, "attempt {id}, number 1, key {key}"),
    ],
)
def test_every_charge_is_in_the_trail_by_the_same_commit(
    app: Flask, answer: dict[str, object], told: str
) -> None:
    made = an_attempt(status=AttemptStatus.RUNNING, started_at=MONDAY)
    _moved(made.id, **{**answer, "status": AttemptStatus(str(answer["status"]))})
    [entry] = _entries()
    assert entry.action == f"charge {answer['status']}"
    assert entry.detail == told.format(id=made.id, key=made.idempotency_key)
    assert (entry.user_id, entry.account_id) == (None, made.account_id)
    assert (entry.recovery_id, entry.at) == (made.recovery_id, MONDAY)


def test_what_was_not_charged_is_no_charge(app: Flask) -> None:
    for status in (AttemptStatus.SCHEDULED, AttemptStatus.CANCELED):
        made = an_attempt(status=AttemptStatus.RUNNING, started_at=MONDAY)
        _moved(made.id, status=status)
    assert _entries() == []


def test_an_answer_that_comes_later_is_an_entry_of_its_own(app: Flask) -> None:
    made = an_attempt(status=AttemptStatus.RUNNING, started_at=MONDAY)
    _moved(made.id, status=AttemptStatus.UNKNOWN)
    _moved(made.id, status=AttemptStatus.DECLINED)
    _moved(made.id, outcome="said again")
    told = [entry.action for entry in _entries()]
    assert told == ["charge unknown", "charge declined"]


def test_entries_are_sealed_in_the_background_and_the_chain_holds(
    app: Flask, run: Run
) -> None:
    for n in range(7):
        an_audit_entry(detail=f"the {n}th, “quoted” ünïcode \N{PILE OF POO}")
    code, told = run("verify")
    assert code == 0
    assert "open    7 entries wait for their seal" in told
    assert jobs.run("sealing.seal")
    an_audit_entry()
    assert jobs.run("sealing.seal")
    assert [entry.position for entry in _entries()] == list(range(1, 9))
    code, told = run("verify")
    assert code == 0
    assert "8 entries, each sealed upon the one before" in told
    assert "open" not in told


def test_a_flood_is_sealed_in_portions(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    monkeypatch.setattr(sealing, "MOST", 6)
    for _ in range(8):
        an_audit_entry()
    assert sealing.seal(now=MONDAY) == 6
    assert sealing.seal(now=MONDAY) == 2
    assert sealing.seal(now=MONDAY) == 0
    assert sealing.verdict().length == 8


def test_two_processes_that_seal_at_once_make_one_chain(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 5)
    for _ in range(40):
        an_audit_entry()

    def seal() -> None:
        with app.app_context():
            sealing.seal(now=MONDAY)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(seal) for _ in range(4)]:
            done.result()
    sealing.seal(now=MONDAY)
    found = sealing.verdict()
    assert (found.length, found.fault) == (40, None)


def test_the_first_entry_that_was_changed_is_named(app: Flask, run: Run) -> None:
    for _ in range(5):
        an_audit_entry()
    sealing.seal(now=MONDAY)
    _by_force("UPDATE audit_entry SET detail = 'nothing' WHERE position IN (3, 5)")
    code, told = run("verify")
    assert code == 1
    assert "BROKEN  entry 3 of the chain" in told
    assert "The 2 entries before it are whole." in told


def test_an_entry_taken_out_is_missed(app: Flask, run: Run) -> None:
    for _ in range(5):
        an_audit_entry()
    sealing.seal(now=MONDAY)
    _by_force("DELETE FROM audit_entry WHERE position = 4")
    code, told = run("verify")
    assert code == 1
    assert "entry 4 of the chain is missing" in told


def test_what_was_cut_off_at_the_end_is_missed_by_its_anchor(
    app: Flask, run: Run
) -> None:
    for _ in range(5):
        an_audit_entry()
    sealing.seal(now=MONDAY)
    anchor = re.search(r"anchor  (\S+)", run("verify")[1])
    assert anchor
    assert run("verify", "--anchor", anchor[1])[0] == 0
    _by_force("DELETE FROM audit_entry WHERE position > 3")
    assert run("verify")[0] == 0
    code, told = run("verify", "--anchor", anchor[1])
    assert code == 1
    assert "ends before entry 5" in told
    assert run("verify", "--anchor", "5:nonsense")[0] == 1


def test_pruning_what_is_old_leaves_the_chain_whole(app: Flask) -> None:
    account = a_account()
    a_kept_event(account.id)
    an_audit_entry(account_id=account.id)
    sealing.seal(now=MONDAY)
    with transaction() as session:
        session.execute(delete(StripeEvent))
    assert sealing.verdict().fault is None


def test_an_outsider_can_check_the_export(app: Flask, run: Run) -> None:
    """By the exported lines alone, as docs/security.md describes it."""
    for n in range(3):
        an_audit_entry(detail=f"the {n}th ü")
    sealing.seal(now=MONDAY)
    lines = [json.loads(line) for line in run("export")[1].splitlines()]
    before = "0" * 64
    for line in sorted(lines, key=lambda line: line["position"]):
        fields = ("position", "id", "at", "user", "account", "recovery")
        told = [before, *(line[f] for f in fields), line["action"], line["detail"]]
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        before = hashlib.sha256(text.encode()).hexdigest()
        assert line["seal"] == before
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv")[1])))
    assert [row["detail"] for row in rows] == [line["detail"] for line in lines]
