"""Every change that a person can make on a page, made once each, as a browser would.

Whoever adds a route that takes POST adds its change here, or says in
tests/web/test_every_change.py why it leaves no entry in the audit trail.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import current
from app.domain.people import Role
from app.domain.recovery import PauseCause, RecoveryStatus
from app.sandbox.founding import MERCHANT_KEY
from app.services import accounts, bulk, bulk_work, links, second_factor
from app.storage.base import Base
from app.storage.bulk_models import BulkJob
from app.storage.desk_models import SavedView
from app.storage.models import OneTimeLink, Recovery, User
from app.storage.people_models import UserSession
from app.storage.strategy_models import Experiment
from app.storage.transaction import reading
from tests.builders import a_account, a_decline, a_recovery, a_subscription
from tests.conftest import MONDAY, SetClock, a_user, session_of
from tests.stripe_events import a_kept_event
from tests.web.pages import PASSWORD
from tests.web.test_own_strategies import LINE
from tests.web.test_second_factor import RFC_SECRET, code_at, with_factor

STRIPE = "/account/payment-processor/stripe"
FACTOR = "/account/security/second-factor"
EXPERIMENT = {
    "name": "Winter",
    "control": "even-spread",
    "treatment": "fixed-ladder",
    "share": "50",
    "points": "10",
}


@dataclass
class Desk:
    """An owner before the panel."""

    app: Flask
    clock: SetClock
    owner: FlaskClient
    me: User

    def arranged(self) -> None:
        """What comes now is the change, made some minutes later."""
        self.clock.advance(minutes=5)

    def send(self, address: str, **form: Any) -> TestResponse:
        answer = self.owner.post(address, data=form)
        assert answer.status_code in {200, 303}, answer.text
        location = answer.location or ""
        assert not location.startswith(("/login", "/account/confirmation")), location
        return answer

    def post(self, address: str, **form: Any) -> User:
        """The owner makes the change."""
        self.arranged()
        self.send(address, **form)
        return self.me


Change = Callable[[Desk], User]
"""Makes the change; who made it."""
CHANGES: dict[str, Change] = {}


def change(endpoint: str) -> Callable[[Change], Change]:
    def keep(made: Change) -> Change:
        CHANGES[endpoint] = made
        return made

    return keep


def _newest(table: type[Base]) -> Any:
    with reading() as session:
        return session.scalars(select(table).order_by(table.id.desc())).first()  # type: ignore[attr-defined]


# Recoveries and subscriptions.


def _a_case(**over: Any) -> Recovery:
    recovery = a_recovery(**over)
    a_decline(recovery_id=recovery.id, account_id=recovery.account_id)
    return recovery


@change("recoveries.create_retry")
def retry(desk: Desk) -> User:
    long_ago = MONDAY - timedelta(days=9)
    case = a_recovery(started_at=long_ago)
    a_decline(recovery_id=case.id, account_id=case.account_id, occurred_at=long_ago)
    return desk.post(f"/recoveries/{case.id}/retries")


@change("recoveries.create_pause")
def pause(desk: Desk) -> User:
    return desk.post(f"/recoveries/{_a_case().id}/pause")


@change("recoveries.create_resume")
def resume(desk: Desk) -> User:
    held = {"status": RecoveryStatus.PAUSED, "paused_because": PauseCause.PERSON}
    return desk.post(f"/recoveries/{_a_case(**held).id}/resume")


@change("recoveries.create_stop")
def stop(desk: Desk) -> User:
    return desk.post(f"/recoveries/{_a_case().id}/stop", reason="Paid by transfer")


@change("strategy_changes.create")
def change_strategy(desk: Desk) -> User:
    return desk.post(f"/recoveries/{_a_case().id}/strategy", strategy="fixed-ladder")


@change("notes.about_recovery")
def note_on_recovery(desk: Desk) -> User:
    return desk.post(f"/recoveries/{_a_case().id}/notes", text="She called.")


@change("notes.about_subscription")
def note_on_subscription(desk: Desk) -> User:
    known = a_subscription().stripe_subscription_id
    return desk.post(f"/subscriptions/{known}/notes", text="She called.")


def _a_preview(desk: Desk) -> str:
    answer = desk.send("/bulk", action="pause", id=[_a_case().subscription_id])
    bulk_work.work_on(_newest(BulkJob).id, now=desk.clock.now(), seconds=60)
    return str(answer.location)


@change("bulk.confirm")
def confirm_bulk(desk: Desk) -> User:
    return desk.post(f"{_a_preview(desk)}/confirm")


@change("bulk.cancel")
def cancel_bulk(desk: Desk) -> User:
    preview, job = _a_preview(desk), _newest(BulkJob)
    bulk.confirm(job.id, reason="", user_id=desk.me.id, now=desk.clock.now())
    return desk.post(f"{preview}/cancel")


@change("events.replay")
def replay(desk: Desk) -> User:
    return desk.post(f"/events/{a_kept_event(a_account().id).id}/replay")


# Views that the team shares.


def _a_view(desk: Desk) -> int:
    desk.send("/views/subscriptions", name="Calls", query="q=ann", shared="1")
    return int(_newest(SavedView).id)


@change("saved_views.create")
def share_view(desk: Desk) -> User:
    return desk.post("/views/subscriptions", name="Calls", query="q=ann", shared="1")


@change("saved_views.update")
def keep_view_to_oneself(desk: Desk) -> User:
    return desk.post(f"/views/{_a_view(desk)}/change", name="Mine")


@change("saved_views.remove")
def remove_view(desk: Desk) -> User:
    return desk.post(f"/views/{_a_view(desk)}/remove")


# Strategies.


@change("strategies.choose")
def choose_strategy(desk: Desk) -> User:
    a_account()
    return desk.post("/strategies/choice", strategy="fixed-ladder")


@change("fee_budgets.update")
def set_budget(desk: Desk) -> User:
    a_account()
    return desk.post("/strategies/fee-budget", dollars="25.00")


def _a_strategy(desk: Desk) -> str:
    desk.send("/strategies/new", name="Gentle", lines="1", **LINE)
    return "/strategies/gentle"


@change("own_strategies.create")
def build_strategy(desk: Desk) -> User:
    return desk.post("/strategies/new", name="Gentle", lines="1", **LINE)


@change("own_strategies.update")
def edit_strategy(desk: Desk) -> User:
    changed = {**LINE, "1-delays": "2, 5", "since": "1", "lines": "1"}
    return desk.post(f"{_a_strategy(desk)}/edit", **changed)


@change("own_strategies.retire")
def retire_strategy(desk: Desk) -> User:
    return desk.post(f"{_a_strategy(desk)}/retirement")


def _an_experiment(desk: Desk) -> str:
    a_account()
    desk.send("/strategies/experiments/new", **EXPERIMENT)
    return f"/strategies/experiments/{_newest(Experiment).id}"


@change("experiments.create")
def start_experiment(desk: Desk) -> User:
    a_account()
    return desk.post("/strategies/experiments/new", **EXPERIMENT)


@change("experiments.stop")
def stop_experiment(desk: Desk) -> User:
    return desk.post(f"{_an_experiment(desk)}/stop")


@change("experiments.adopt")
def adopt(desk: Desk) -> User:
    return desk.post(f"{_an_experiment(desk)}/adoption", arm="treatment")


# The connection with Stripe.


def _connect() -> None:
    accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=current.now())


@change("payment_processor.connect_with_key")
def connect(desk: Desk) -> User:
    return desk.post(f"{STRIPE}/key", api_key=MERCHANT_KEY)


@change("payment_processor.toggle")
def toggle(desk: Desk) -> User:
    a_account()
    return desk.post(f"{STRIPE}/toggle", on="0")


@change("payment_processor.disconnect")
def disconnect(desk: Desk) -> User:
    _connect()
    return desk.post(f"{STRIPE}/disconnect")


@change("connection_upkeep.check")
def check_again(desk: Desk) -> User:
    _connect()
    return desk.post(f"{STRIPE}/check")


@change("connection_upkeep.rotate")
def replace_key(desk: Desk) -> User:
    _connect()
    return desk.post(f"{STRIPE}/rotate", api_key=MERCHANT_KEY)


@change("connection_upkeep.replace_webhook")
def replace_webhook(desk: Desk) -> User:
    _connect()
    return desk.post(f"{STRIPE}/webhook")


@change("connection_upkeep.save_webhook_secret")
def save_webhook_secret(desk: Desk) -> User:
    a_account()
    return desk.post(f"{STRIPE}/webhook/secret", webhook_secret="whsec_" + "a" * 32)


# Signing in and out.


@change("sessions.create")
def sign_in(desk: Desk) -> User:
    desk.arranged()
    form = {"email": desk.me.email, "password": PASSWORD}
    assert desk.app.test_client().post("/login", data=form).status_code == 303
    return desk.me


@change("second_step.create")
def sign_in_with_code(desk: Desk) -> User:
    with_factor(desk.me)
    browser = desk.app.test_client()
    browser.post("/login", data={"email": desk.me.email, "password": PASSWORD})
    desk.arranged()
    code = code_at(RFC_SECRET, desk.clock.wall())
    assert browser.post("/login/code", data={"code": code}).location == "/"
    return desk.me


@change("links.accept")
def join(desk: Desk) -> User:
    token = links.invite("new@example.com", Role.STAFF, by_id=desk.me.id, now=MONDAY)
    desk.arranged()
    form = {"name": "New", "password": PASSWORD}
    assert desk.app.test_client().post(f"/setup/{token}", data=form).location == "/"
    member: User = _newest(User)
    return member


@change("sessions.destroy")
def sign_out(desk: Desk) -> User:
    desk.arranged()
    assert desk.owner.post("/logout").status_code == 303
    return desk.me


@change("security.end")
def sign_out_elsewhere(desk: Desk) -> User:
    session_of(desk.me, now=desk.clock.wall())
    return desk.post(f"/account/security/sessions/{_newest(UserSession).id}/end")


@change("security.end_others")
def sign_out_everywhere_else(desk: Desk) -> User:
    session_of(desk.me, now=desk.clock.wall())
    return desk.post("/account/security/sessions/end-others")


# One's own profile.


@change("profile.update")
def change_profile(desk: Desk) -> User:
    fields = {"name": "Ann", "email": desk.me.email, "timezone": "Europe/Berlin"}
    return desk.post("/account/profile", **fields)


@change("profile.update_password")
def change_password(desk: Desk) -> User:
    fields = {"old_password": PASSWORD, "new_password": "another long sentence"}
    return desk.post("/account/profile/password", **fields)


@change("second_factor.confirm")
def turn_on_second_factor(desk: Desk) -> User:
    desk.send(FACTOR)
    enrolment = second_factor.enrolment(desk.me.id)
    assert enrolment is not None
    later = desk.clock.wall() + timedelta(minutes=5)
    return desk.post(f"{FACTOR}/confirmation", code=code_at(enrolment.secret, later))


@change("second_factor.renew_codes")
def renew_codes(desk: Desk) -> User:
    with_factor(desk.me)
    return desk.post(f"{FACTOR}/codes")


@change("second_factor.remove")
def turn_off_second_factor(desk: Desk) -> User:
    with_factor(desk.me)
    return desk.post(f"{FACTOR}/removal", current_password=PASSWORD)


# The team.


@change("team.invite")
def invite(desk: Desk) -> User:
    return desk.post("/account/team/invitations", email="n@example.com", role="staff")


@change("team.withdraw")
def withdraw(desk: Desk) -> User:
    links.invite("n@example.com", Role.STAFF, by_id=desk.me.id, now=MONDAY)
    waiting = _newest(OneTimeLink).id
    return desk.post(f"/account/team/invitations/{waiting}/withdrawal")


@change("team.change_role")
def change_role(desk: Desk) -> User:
    member = a_user(Role.STAFF)
    return desk.post(f"/account/team/{member.id}/role", role="viewer")


@change("team.remove")
def remove_member(desk: Desk) -> User:
    return desk.post(f"/account/team/{a_user(Role.STAFF).id}/removal")


@change("team.reset_second_factor")
def reset_second_factor(desk: Desk) -> User:
    member = a_user(Role.STAFF)
    with_factor(member)
    return desk.post(f"/account/team/{member.id}/second-factor/removal")


@change("account_access.update")
def restrict(desk: Desk) -> User:
    picked = str(a_account().id)
    address = f"/account/team/{a_user(Role.STAFF).id}/accounts"
    return desk.post(address, which="some", account=[picked])
