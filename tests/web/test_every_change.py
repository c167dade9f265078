"""Walks every route that takes POST: what a person changed is in the audit trail."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from app import passwords
from app.config import Config
from app.domain.people import Role
from app.sandbox import Sandbox
from app.storage.models import AuditEntry
from app.storage.transaction import reading
from tests.conftest import SetClock, SignIn, a_user
from tests.web.changes import CHANGES, Desk
from tests.web.pages import PASSWORD
from tests.web.routes import who_may

# What leaves no entry, and why.
NO_ENTRY = {
    "bulk.create": "a preview; the confirmation is what changes something",
    "saved_views.choose_columns": "what one person's own list looks like",
    "guide.check": "looks at Stripe again; what it finds is shown, nothing is set",
    "stripe_connect.depart": "the way to Stripe; the return connects, and is noted",
    "connection_upkeep.test_webhook": "sends ourselves an event that nothing follows",
    "confirmation.create": "the password once more, for the change that comes after it",
    "second_factor.begin": "a secret to scan; in force, and noted, by its first code",
}


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


@pytest.fixture
def desk(app: Flask, clock: SetClock, sign_in: SignIn) -> Desk:
    app.config["WTF_CSRF_ENABLED"] = False
    me = a_user(Role.OWNER, password_hash=passwords.hashed(PASSWORD))
    return Desk(app, clock, sign_in(me), me)


def test_every_route_that_changes_something_is_walked_or_argued() -> None:
    changing = {endpoint for method, endpoint in who_may() if method == "POST"}
    assert CHANGES.keys() | NO_ENTRY.keys() == changing
    assert not CHANGES.keys() & NO_ENTRY.keys()


@pytest.mark.parametrize("endpoint", CHANGES)
def test_a_change_is_in_the_trail_with_who_and_when(endpoint: str, desk: Desk) -> None:
    desk.clock.advance(seconds=1)
    who = CHANGES[endpoint](desk)
    now = desk.clock.time
    with reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.at == now, AuditEntry.user_id == who.id)
        ).all()
    assert entries, f"{endpoint} left no entry"
    assert all(entry.action for entry in entries)
