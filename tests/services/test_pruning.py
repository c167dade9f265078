"""Old events lose their payload, very old ones go; what waits stays."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.account import EventStatus
from app.services import pruning
from app.services.pruning import Pruned, prune
from app.storage.models import StripeEvent
from app.storage.transaction import reading, transaction
from tests.conftest import MONDAY
from tests.stripe_events import a_kept_event


def an_old_event(*, days: float, status: EventStatus = EventStatus.HANDLED) -> int:
    row = a_kept_event(None)
    with transaction() as session:
        session.execute(
            update(StripeEvent)
            .where(StripeEvent.id == row.id)
            .values(received_at=MONDAY - timedelta(days=days), status=status)
        )
    return row.id


def kept() -> dict[int, bool]:
    """The events that are left, and whether they have their payload."""
    with reading() as session:
        rows = session.execute(select(StripeEvent.id, StripeEvent.payload != ""))
        return {id: bool(has_payload) for id, has_payload in rows}


def test_the_payload_goes_first_and_the_row_when_stripe_cannot_send_it_again(
    app: Flask,
) -> None:
    new, old, older = (an_old_event(days=days) for days in (29.9, 30.1, 90.1))
    assert prune(now=MONDAY) == Pruned(payloads=1, rows=1)
    assert kept() == {new: True, old: False}
    assert older not in kept()
    assert prune(now=MONDAY) == Pruned()


def test_what_waits_is_never_pruned(app: Flask) -> None:
    waiting = an_old_event(days=400, status=EventStatus.PENDING)
    prune(now=MONDAY)
    assert kept() == {waiting: True}


def test_what_was_handled_late_goes_at_its_end(app: Flask) -> None:
    late = an_old_event(days=60, status=EventStatus.PENDING)
    an_old_event(days=59)
    prune(now=MONDAY)
    with transaction() as session:
        session.get_one(StripeEvent, late).status = EventStatus.HANDLED
    prune(now=MONDAY + timedelta(days=31))
    assert late not in kept()


def test_it_goes_on_where_it_ended(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", 2)
    ids = [an_old_event(days=40 - n / 10) for n in range(5)]
    assert prune(now=MONDAY, run_for=0).payloads == 0
    assert prune(now=MONDAY).payloads == 5
    assert kept() == dict.fromkeys(ids, False)


def test_a_pruned_event_can_still_be_told_and_decided_about(app: Flask) -> None:
    old = an_old_event(days=31)
    prune(now=MONDAY)
    with reading() as session:
        assert session.get_one(StripeEvent, old).hints == {}
