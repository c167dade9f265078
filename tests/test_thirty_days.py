"""Thirty days of two merchants: rows, pages and the sandbox's ledger tell one story.

The application is served by waitress and reached by HTTP: by the owner's browser, and
by Stripe's stand-in with webhooks that come late, twice and in disorder. Ticks are done
by hand after each step of the clock, so that nothing depends on the machine's speed.
"""

import csv
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import select
from waitress.server import create_server

from app import create_app, current, jobs
from app.clock import Clock
from app.config import Config
from app.domain.people import Role
from app.domain.recovery import OPEN, AttemptStatus, PauseCause, RecoveryStatus
from app.extensions import db
from app.sandbox import Sandbox, Subscriber, start_sandbox
from app.sandbox.founding import (
    MERCHANT,
    MERCHANT_KEY,
    MERCHANT_SECRET_KEY,
    PANEL_PERMISSIONS,
)
from app.services import people
from app.storage.models import Decline, Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import reading
from tests.servers import a_free_port

pytestmark = pytest.mark.slow

START = "2026-11-02T09:00:00+00:00"
PASSWORD = "a long and silent password"
OWNER = "owner@example.com"
OTHER = "acct_1SelfRetrying"  # its own retries at Stripe are on
OTHER_KEY = "rk_test_selfRetrying"
STEP = timedelta(hours=8)
STEPS_A_DAY = 3
DAYS_AFTER = 31  # after the last first renewal: every window is over by then

# Stripe's own list of what must not be retried by a machine, and what the networks
# forbid (docs.stripe.com/billing/revenue-recovery/smart-retries, April 2026).
NEVER = {
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "stolen_card",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "authentication_required",
    "transaction_not_allowed",
}
NEVER_BLOCKED = {"highest_risk_level"}
NEVER_ADVICE = {"03", "21"}
WAITS = {
    "24": timedelta(hours=1),
    "25": timedelta(days=1),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}
SETTLES = {"processing": 2 * 86400, "then": "approve"}
BOUNCES = {"processing": 2 * 86400, "then": "insufficient_funds"}
DO_NOT = {"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}
SOFT = ("insufficient_funds", "generic_decline", "do_not_honor", "processing_error")

Act = Callable[["World", "Person"], None]
Row = dict[str, str]


@dataclass
class Person:
    """A subscriber and what is going to happen."""

    subscriber: Subscriber
    account: str
    invoice: str = ""
    acts: dict[int, Act] = field(default_factory=dict)  # days after the renewal
    over_at: str = ""  # ISO time from which nothing may be charged any more


@dataclass
class World:
    """Everything of one run."""

    sandbox: Sandbox
    app: Flask
    url: str
    browser: requests.Session
    people: list[Person] = field(default_factory=list)

    def add(
        self,
        *answers: Any,
        default: Any = "approve",
        account: str = MERCHANT,
        **more: Any,
    ) -> Person:
        acts = more.pop("acts", {})
        troubles = more.pop("troubles", ())
        subscriber = self.sandbox.subscriber(account=account, **more)
        if troubles:
            assert subscriber.payment_method
            self.sandbox.troubles(subscriber.payment_method, *troubles)
        else:
            self.sandbox.script(subscriber.customer, *answers, default=default)
        person = Person(subscriber, account, acts=acts)
        self.people.append(person)
        return person

    def tick(self) -> None:
        """What the jobs do by themselves, twice: the second follows on the first."""
        for _ in range(2):
            for job in jobs.ALL:
                job(now=current.now())

    def step(self, by: timedelta) -> None:
        self.sandbox.advance(seconds=round(by.total_seconds()))
        self.tick()

    def csv(self, name: str) -> list[Row]:
        answer = self.browser.get(f"{self.url}/{name}.csv", timeout=30)
        assert answer.ok, answer.status_code
        return list(csv.DictReader(answer.text.splitlines()))

    def post(
        self, page: str, form: dict[str, str], *, to: str = ""
    ) -> requests.Response:
        """Fill in a page's form and send it."""
        shown = self.browser.get(self.url + page, timeout=30)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown.text)
        assert token, (page, shown.status_code)
        form = {**form, "csrf_token": token.group(1)}
        answer = self.browser.post(self.url + (to or page), data=form, timeout=60)
        assert answer.ok, (to or page, answer.status_code, answer.text[:2000])
        return answer

    def recovery(self, person: Person) -> Recovery:
        with reading() as session:
            return session.scalars(
                select(Recovery).where(Recovery.stripe_invoice_id == person.invoice)
            ).one()


@contextmanager
def served(app: Flask, port: int) -> Iterator[None]:
    """The application behind waitress, in threads of this process."""
    server = create_server(app, host="127.0.0.1", port=port, threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.close()
        thread.join(5)
        server.task_dispatcher.shutdown()


@pytest.fixture
def world(config: Config, tmp_path: Path) -> Iterator[World]:
    clock_file, port = tmp_path / "clock", a_free_port()
    with start_sandbox(now=START, clock_file=clock_file) as sandbox:
        config = replace(
            config,
            stripe_api_base=sandbox.url,
            stripe_connect_base=sandbox.url,
            public_url=f"http://127.0.0.1:{port}",
            port=port,
        )
        app = create_app(config, clock=Clock(clock_file))
        with app.app_context(), served(app, port), requests.Session() as browser:
            people.add(OWNER, PASSWORD, role=Role.OWNER, now=current.now())
            world = World(sandbox, app, config.public_url, browser)
            _connect(world)
            yield world
            app.extensions["reception"].inbox.close()
            for engine in db.engines.values():
                engine.dispose()


def _connect(world: World) -> None:
    """Both accounts, as an owner does it."""
    world.sandbox.call("POST", "accounts", {"id": OTHER, "name": "Self Retrying"})
    permissions = sorted(PANEL_PERMISSIONS)
    world.sandbox.key(OTHER_KEY, account=OTHER, permissions=permissions)
    world.sandbox.retries(OTHER, mode="custom", days=[3, 5], at_the_end="leave")
    world.sandbox.retries(MERCHANT, mode="none", at_the_end="leave")
    world.post("/login", {"email": OWNER, "password": PASSWORD})
    page = "/account/payment-processor"
    for key in (MERCHANT_KEY, OTHER_KEY):
        world.post(page, {"api_key": key}, to=f"{page}/stripe/key")


def test_thirty_days(world: World) -> None:
    world.sandbox.deliver(duplicates=0.3, shuffle=True, delay=(0, 1800))
    _people_sign_up(world)
    world.tick()
    _until_renewed(world)
    _faults(world)
    for number in range(DAYS_AFTER * STEPS_A_DAY):
        _act(world, number)
        world.step(STEP)
    for _ in range(3):
        world.step(timedelta(hours=3))

    ledger = world.sandbox.ledger()
    _nobody_was_charged_twice(ledger)
    _no_limit_was_passed(ledger)
    _nothing_after_an_end(world, ledger)
    _never_codes_and_waits_were_obeyed(ledger)
    _stripes_own_retries_were_left_alone(ledger)
    _rows_and_exports_tell_the_ledger(world, ledger)
    _every_recovery_has_its_end(world, ledger)
    _the_story_was_rich(world, ledger)


def _people_sign_up(world: World) -> None:
    add = world.add
    for code in (*SOFT, "card_velocity_exceeded", "try_again_later", "expired_card"):
        add(code, default="approve")
        add(code, code, code, default="approve", card="pm_card_mastercard")
        add(default=code)
    for code in sorted(NEVER):
        add(default=code)
    for answer in (*sorted(NEVER_BLOCKED), "rule", DO_NOT, "mac:03", "mac:21"):
        add(default=answer, card="pm_card_mastercard")
    for advice in WAITS:
        add(f"mac:{advice}", f"mac:{advice}", card="pm_card_mastercard")
        add(
            card="pm_card_mastercard",
            troubles=[{"kind": "advised", "code": advice}],
        )
    add("insufficient_funds", SETTLES)
    add("insufficient_funds", BOUNCES)
    add("insufficient_funds", default="approve", amount=980, currency="jpy")
    add("insufficient_funds", default="approve", card_on="subscription")
    world.step(timedelta(days=1))
    for payday in (1, 8, 15, 22):
        add(troubles=[{"kind": "no_money", "day": payday}])
    add(troubles=[{"kind": "moody", "rate": 0.7, "salt": "a"}])
    add(troubles=[{"kind": "velocity", "limit": 1}])
    # People who act, by days after their renewal.
    poor = "insufficient_funds"
    add(default=poor, acts={5: cancel})
    add("do_not_honor", default="approve", acts={1: cancel})
    add(poor, poor, default="approve", acts={2: pay_on_page})
    add(default="stolen_card", acts={3: new_card})
    add(default="lost_card", acts={6: new_card})
    add(default=poor, acts={4: new_card})
    add(default="expired_card", acts={4: update_card})
    add(default=poor, acts={3: void})
    add(default=poor, acts={3: write_off})
    add(default=poor, acts={3: stop})
    add(default=poor, acts={2: pause, 6: resume})
    add(poor, poor, default="approve", acts={1: switch_off, 5: switch_on})
    add(default=poor, acts={2: staff_charges, 9: staff_charges})
    for code in (*SOFT, "stolen_card", "mac:26"):
        add(default=code, account=OTHER, card="pm_card_mastercard")
        add(code, code, code, default="approve", account=OTHER)
    add(default=poor, account=OTHER, acts={4: cancel})


def _until_renewed(world: World) -> None:
    """Let a month pass; note everybody's renewal."""
    for _ in range(32):
        world.step(timedelta(days=1))
    first: dict[str, str] = {}
    for entry in world.sandbox.ledger():
        if entry["billing_reason"] == "subscription_cycle":
            first.setdefault(entry["customer"], entry["invoice"])
    for person in world.people:
        person.invoice = first[person.subscriber.customer]


def _faults(world: World) -> None:
    """Stripe is not always there."""
    pay = {"method": "POST", "path": "*/pay"}
    world.sandbox.fault(**pay, do="drop", when="after", skip=4, times=2)
    world.sandbox.fault(**pay, do="drop", when="before", skip=10, times=2)
    world.sandbox.fault(**pay, status=500, skip=20, times=2)
    world.sandbox.fault(**pay, status=429, skip=30, times=2)
    world.sandbox.fault(
        method="GET", path="/v1/invoices/*", status=503, skip=50, times=9
    )


def _act(world: World, number: int) -> None:
    if number % STEPS_A_DAY:
        return
    for person in world.people:
        act = person.acts.get(number // STEPS_A_DAY)
        if act is not None:
            act(world, person)


def _over(world: World, person: Person) -> None:
    person.over_at = world.sandbox.now()


def cancel(world: World, person: Person) -> None:
    subscription = person.subscriber.subscription
    world.sandbox.person("cancel", subscription=subscription, account=person.account)
    _over(world, person)


def pay_on_page(world: World, person: Person) -> None:
    card = "pm_card_mastercard"
    world.sandbox.script(person.subscriber.customer, default="approve")
    world.sandbox.person("pay_on_page", invoice=person.invoice, card=card)
    _over(world, person)


def new_card(world: World, person: Person) -> None:
    customer = person.subscriber.customer
    world.sandbox.script(customer, default="approve")
    world.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")


def update_card(world: World, person: Person) -> None:
    method = person.subscriber.payment_method
    world.sandbox.script(person.subscriber.customer, default="approve")
    world.sandbox.person("update_card", payment_method=method)


def void(world: World, person: Person) -> None:
    _as_merchant("post", world, f"/v1/invoices/{person.invoice}/void")
    _over(world, person)


def write_off(world: World, person: Person) -> None:
    path = f"/v1/invoices/{person.invoice}/mark_uncollectible"
    _as_merchant("post", world, path)
    _over(world, person)


def staff_charges(world: World, person: Person) -> None:
    _as_merchant("post", world, f"/v1/invoices/{person.invoice}/pay")


def stop(world: World, person: Person) -> None:
    path = f"/recoveries/{world.recovery(person).id}"
    world.post(path, {"reason": "The customer asked."}, to=f"{path}/stop")
    _over(world, person)


def pause(world: World, person: Person) -> None:
    path = f"/recoveries/{world.recovery(person).id}"
    world.post(path, {}, to=f"{path}/pause")
    assert world.recovery(person).paused_because is PauseCause.PERSON


def resume(world: World, person: Person) -> None:
    path = f"/recoveries/{world.recovery(person).id}"
    world.post(path, {}, to=f"{path}/resume")


def switch_off(world: World, _person: Person) -> None:
    _switch(world, "0")
    assert not _account(MERCHANT).is_on


def switch_on(world: World, _person: Person) -> None:
    _switch(world, "1")
    assert _account(MERCHANT).is_on


def _switch(world: World, on: str) -> None:
    page, account = "/account/payment-processor", str(_account(MERCHANT).id)
    world.post(page, {"account": account, "on": on}, to=f"{page}/stripe/toggle")


def _as_merchant(method: str, world: World, path: str) -> None:
    """Staff in the dashboard, or the merchant's own software."""
    key = {"Authorization": f"Bearer {MERCHANT_SECRET_KEY}"}
    answer = requests.request(method, world.sandbox.url + path, headers=key, timeout=30)
    assert answer.ok or answer.status_code == 402, answer.text


# The checks.


def _ours(ledger: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for e in ledger if (e["idempotency_key"] or "").startswith("metricsco-")]


def _by_invoice(ledger: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in ledger:
        found[entry["invoice"]].append(entry)
    return found


def _nobody_was_charged_twice(ledger: list[dict[str, Any]]) -> None:
    keys = [entry["idempotency_key"] for entry in _ours(ledger)]
    assert len(keys) == len(set(keys))
    for invoice, entries in _by_invoice(ledger).items():
        assert sum(entry["ok"] is True for entry in entries) <= 1, invoice


def _no_limit_was_passed(ledger: list[dict[str, Any]]) -> None:
    for invoice, entries in _by_invoice(ledger).items():
        assert len(_ours(entries)) <= 8, invoice
        for number, entry in enumerate(entries, start=1):
            assert number <= 9 or entry not in _ours(entries), invoice


def _nothing_after_an_end(world: World, ledger: list[dict[str, Any]]) -> None:
    for person in world.people:
        ours = _ours([e for e in ledger if e["invoice"] == person.invoice])
        if person.over_at:
            assert not [e for e in ours if e["at"] > person.over_at], person
        assert not [e for e in ours if _is_settled_before(e, ledger)], person


def _is_settled_before(entry: dict[str, Any], ledger: list[dict[str, Any]]) -> bool:
    return any(
        other["invoice"] == entry["invoice"]
        and other["ok"] is True
        and other["number"] < entry["number"]
        for other in ledger
    )


def _never_codes_and_waits_were_obeyed(ledger: list[dict[str, Any]]) -> None:
    for entries in _by_invoice(ledger).values():
        for number, entry in enumerate(entries):
            later = [
                e
                for e in _ours(entries[number + 1 :])
                if e["fingerprint"] == entry["fingerprint"]
            ]
            if _is_never(entry):
                assert not later, entry
            wait = WAITS.get(entry["network_advice_code"] or "", timedelta())
            at = datetime.fromisoformat(entry["at"])
            for e in later:
                assert datetime.fromisoformat(e["at"]) >= at + wait, (entry, e)


def _is_never(entry: dict[str, Any]) -> bool:
    return entry["ok"] is False and (
        entry["decline_code"] in NEVER | NEVER_BLOCKED
        or entry["advice_code"] == "do_not_try_again"
        or entry["network_advice_code"] in NEVER_ADVICE
    )


def _stripes_own_retries_were_left_alone(ledger: list[dict[str, Any]]) -> None:
    for entries in _by_invoice([e for e in ledger if e["account"] == OTHER]).values():
        own = [e["number"] for e in entries if e["made_by"] == "stripe"]
        ours = [e["number"] for e in _ours(entries)]
        assert not ours or min(ours) > max(own)


def _rows_and_exports_tell_the_ledger(
    world: World, ledger: list[dict[str, Any]]
) -> None:
    renewals = {p.invoice for p in world.people}
    refused = {
        e["charge"]: e for e in ledger if e["ok"] is False and e["invoice"] in renewals
    }
    declines = {
        d["charge"]: d for d in world.csv("declines") if d["invoice"] in renewals
    }
    assert declines.keys() == refused.keys()
    made_by_us = {e["charge"] for e in _ours(list(refused.values()))}
    assert {c for c, d in declines.items() if d["made_by"] == "metricsco"} == made_by_us
    for charge, entry in refused.items():
        told = declines[charge]
        assert (
            told["decline_code"] == entry["decline_code"]
            or entry["outcome"] == "blocked"
        )
        assert told["network_advice_code"] == (entry["network_advice_code"] or "")
        assert (told["amount"], told["currency"]) == (
            str(entry["amount"]),
            entry["currency"],
        )

    ours = {e["idempotency_key"]: e for e in _ours(ledger)}
    attempts = {a["idempotency_key"]: a for a in world.csv("attempts")}
    charged = {
        key: attempt
        for key, attempt in attempts.items()
        if attempt["status"] not in ("canceled", "scheduled")
    }
    assert charged.keys() == ours.keys()
    for key, entry in ours.items():
        expected = {True: "succeeded", False: "declined", None: "processing"}
        assert charged[key]["status"] == expected[entry["ok"]], charged[key]

    recovered: dict[str, int] = defaultdict(int)
    for entry in ours.values():
        recovered[entry["subscription"]] += entry["amount"] if entry["ok"] else 0
    for row in world.csv("subscriptions"):
        assert int(row["recovered_amount"]) == recovered[row["subscription"]], row


def _every_recovery_has_its_end(world: World, ledger: list[dict[str, Any]]) -> None:
    with reading() as session:
        found = session.scalars(select(Recovery)).all()
        planned = set(
            session.scalars(
                select(RetryAttempt.recovery_id).where(
                    RetryAttempt.status.in_(
                        (AttemptStatus.SCHEDULED, AttemptStatus.PROCESSING)
                    )
                )
            )
        )
        orphans = session.scalars(
            select(Decline.stripe_charge_id).where(Decline.recovery_id.is_(None))
        ).all()
    refused = {e["invoice"] for e in ledger if e["ok"] is False}
    assert {r.stripe_invoice_id for r in found} == refused
    assert not orphans
    for recovery in found:
        assert recovery.status_reason, recovery.stripe_invoice_id
        assert not recovery.look_again
        if recovery.status in OPEN:
            # Only renewals of the last days are still open, and each has a next step.
            assert recovery.deadline_at >= current.now()
            assert (recovery.id in planned) == (
                recovery.status is RecoveryStatus.IN_RETRY
            )
            assert recovery.paused_because is not PauseCause.PERSON
        else:
            assert recovery.ended_at is not None
            assert recovery.id not in planned
    for recovery in found[:: max(1, len(found) // 10)]:
        page = world.browser.get(f"{world.url}/recoveries/{recovery.id}", timeout=30)
        assert page.ok
        assert recovery.stripe_invoice_id in page.text


def _the_story_was_rich(world: World, ledger: list[dict[str, Any]]) -> None:
    """Else the checks above would have held in an empty world too."""
    with reading() as session:
        ends = set(session.scalars(select(Recovery.status)))
    assert ends >= set(RecoveryStatus) - OPEN
    assert len(world.people) > 70
    assert len(_ours(ledger)) > 150
    assert sum(e["ok"] is True for e in _ours(ledger)) > 30
    assert any(e["made_by"] == "stripe" for e in ledger if e["account"] == OTHER)
    delivered = world.sandbox.deliveries()
    assert any(d["copy"] for d in delivered)


def _account(stripe_account_id: str) -> StripeAccount:
    with reading() as session:
        return session.scalars(
            select(StripeAccount).where(
                StripeAccount.stripe_account_id == stripe_account_id
            )
        ).one()
