"""Every call that the product makes at Stripe, each in the story that makes it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from sqlalchemy import select

from app import create_app, current, jobs
from app.clock import Clock
from app.config import Config
from app.domain.account import ConnectionStatus, EventStatus
from app.domain.recovery import OPEN, AttemptStatus, RecoveryStatus
from app.extensions import db
from app.sandbox import Sandbox, start_sandbox
from app.sandbox.founding import (
    CLIENT_ID,
    MERCHANT,
    MERCHANT_KEY,
    PLATFORM,
    PLATFORM_KEY,
)
from app.services import accounts, cards, endpoints, key_access, leaving, oauth
from app.services.account_rows import AccountRefused
from app.storage.connection_models import ImportRun
from app.storage.models import Recovery, RetryAttempt, StripeAccount, StripeEvent
from app.storage.transaction import reading
from app.stripe_gateway import StripeTrouble, new_http_client
from tests.attacks import reckoning
from tests.attacks.line import CLIENT_WAITS, Fault, Line, Where
from tests.builders import a_user
from tests.stripe_events import signature

START = "2026-11-02T09:00:00+00:00"
PUBLIC_URL = "http://127.0.0.1:8000"
MOST_STEPS = 60  # of time, until everything has come to rest


class Skewed(Clock):
    """The sandbox's clock, wrong by some seconds."""

    def __init__(self, file: Path, skew: float) -> None:
        super().__init__(file)
        self._skew = timedelta(seconds=skew)

    def now(self) -> datetime:
        return super().now() + self._skew


@dataclass
class World:
    """A merchant at the sandbox, the application, and the line between them."""

    sandbox: Sandbox
    line: Line
    app: Flask
    user_id: int
    customer: str = ""
    invoice: str = ""
    answered: list[dict[str, str]] = field(default_factory=list)  # events, with a 2xx
    notes: dict[str, Any] = field(default_factory=dict)

    def connect(self) -> None:
        accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=current.now())

    def connected(self) -> None:
        """Connected, imported, nothing waiting."""
        self.connect()
        self.tick()

    def declined(self, *answers: Any, default: Any = "approve") -> None:
        """A subscriber whose renewal was just refused; nothing has arrived yet."""
        made = self.sandbox.subscriber()
        self.customer = made.customer
        self.notes["subscription"] = made.subscription
        self.sandbox.script(made.customer, *answers, default=default)
        self.sandbox.advance(days=31, hours=2)
        entries = [e for e in self.sandbox.ledger() if e["customer"] == made.customer]
        self.invoice = entries[-1]["invoice"]

    def following(self, *answers: Any) -> None:
        """The same, and the recovery has begun."""
        self.connected()
        self.declined(*(answers or ("insufficient_funds",)))
        self.deliver()
        self.tick()

    def due(self, *answers: Any) -> None:
        """The same, and its first retry is due."""
        self.following(*answers)
        self.to_next_due()

    def to_next_due(self) -> None:
        with reading() as session:
            due = session.scalars(
                select(RetryAttempt.due_at).where(
                    RetryAttempt.status == AttemptStatus.SCHEDULED
                )
            ).one()
        self.sandbox.advance(to=max(due, self.stripes_now()).isoformat())
        self.sandbox.advance(seconds=900)

    def stripes_now(self) -> datetime:
        return datetime.fromisoformat(self.sandbox.now())

    def tick(self) -> None:
        for name in jobs.BY_NAME:
            if not jobs.run(name):
                self.notes.setdefault("failed jobs", []).append(name)

    def deliver(self) -> None:
        """What Stripe has to tell arrives, as sent just now by Stripe's clock."""
        self.sandbox.settle()
        held = self.sandbox.take_deliveries()
        account = self.account()
        sealed = account.sealed_webhook_secret if account else None
        if sealed is None:
            return
        secret, at = current.vault().decrypt(sealed), self.stripes_now()
        for one in held:
            answer = self.app.test_client().post(
                urlsplit(one["url"]).path,
                data=one["body"],
                headers={"Stripe-Signature": signature(one["body"], secret, at=at)},
            )
            if answer.status_code == 200:
                self.answered.append({"event": json.loads(one["body"])["id"]})

    def lose_deliveries(self) -> None:
        self.sandbox.settle()
        self.sandbox.take_deliveries()

    def account(self) -> StripeAccount | None:
        with reading() as session:
            return session.scalars(select(StripeAccount)).first()

    def mend(self) -> None:
        """What the owner does when the page says that something is wrong."""
        account = self.account()
        if account is not None and account.status is ConnectionStatus.TROUBLE:
            key_access.check_again(account.id, user_id=None, now=current.now())

    def rest(self) -> None:
        """Let time pass from one due thing to the next until all is over."""
        for _ in range(MOST_STEPS):
            self.deliver()
            self.tick()
            until = self._next()
            if until is None:
                self.sandbox.advance(seconds=1200)
                self.deliver()
                self.tick()
                if self._next() is None:
                    return
                continue
            soon = self.stripes_now() + timedelta(minutes=20)
            self.sandbox.advance(to=min(max(until, soon), soon + HOP).isoformat())
        self.notes["never at rest"] = self._next()

    def _next(self) -> datetime | None:
        """When something is due next; None once nothing is."""
        with reading() as session:
            times = list(
                session.scalars(
                    select(RetryAttempt.due_at).where(
                        RetryAttempt.status.in_(
                            (
                                AttemptStatus.SCHEDULED,
                                AttemptStatus.RUNNING,
                                AttemptStatus.UNKNOWN,
                            )
                        )
                    )
                )
            )
            times += session.scalars(
                select(StripeEvent.try_at).where(
                    StripeEvent.status == EventStatus.PENDING
                )
            )
            times += session.scalars(
                select(ImportRun.try_at).where(ImportRun.finished_at.is_(None))
            )
            times += session.scalars(
                select(Recovery.looked_at).where(Recovery.look_again)
            )
            # A lost event is made up for by the next comparison.
            if session.scalars(
                select(Recovery.id).where(Recovery.status.in_(OPEN))
            ).first():
                times.append(self.stripes_now() + HOP)
            known = set(session.scalars(select(Recovery.stripe_invoice_id)))
        if self.invoice and self.invoice not in known:
            times.append(self.stripes_now() + HOP)
        return min(times, default=None)

    def recovery(self) -> Recovery | None:
        with reading() as session:
            return session.scalars(
                select(Recovery).where(Recovery.stripe_invoice_id == self.invoice)
            ).first()


HOP = timedelta(hours=7)  # longer than from one comparison to the next


@dataclass(frozen=True, slots=True)
class Story:
    """`begin`, then the line is broken `where`, `act`, the line is healed, `end`.

    `end` yields what is wrong.
    """

    name: str
    where: Where
    begin: Callable[[World], None]
    act: Callable[[World], None]
    end: Callable[[World], Iterator[str]]


@contextmanager
def a_world(config: Config, folder: Path, *, skew: float = 0.0) -> Iterator[World]:
    clock_file = folder / "clock"
    with start_sandbox(now=START, clock_file=clock_file) as sandbox:
        sandbox.deliver(mode="hold")
        line = Line(sandbox.url)
        config = replace(
            config,
            stripe_api_base=line.url,
            stripe_connect_base=line.url,
            public_url=PUBLIC_URL,
            stripe_client_id=CLIENT_ID,
            stripe_secret_key=PLATFORM_KEY,
        )
        app = create_app(config, clock=Skewed(clock_file, skew))
        parts = app.extensions["metricsco"]
        impatient = new_http_client((CLIENT_WAITS, CLIENT_WAITS))
        app.extensions["metricsco"] = replace(parts, http_client=impatient)
        with app.app_context():
            try:
                yield World(sandbox, line, app, a_user(email="owner@example.com").id)
            finally:
                line.close()
                app.extensions["reception"].inbox.close()
                impatient.close()  # type: ignore[no-untyped-call]
                for engine in db.engines.values():
                    engine.dispose()


def wrong_with(story: Story, fault: Fault, config: Config, folder: Path) -> list[str]:
    """Play the story with the fault in it; what is wrong in the end, and whether the
    call was made at all."""
    with a_world(config, folder, skew=fault.skew) as world:
        story.begin(world)
        world.line.break_(story.where, fault)
        story.act(world)
        hits = world.line.hits
        world.line.heal()
        found = list(story.end(world))
        # Where clocks are far apart, events are refused, and comparisons find the rest.
        if not hits and not fault.skew:
            found.append("the call was never made")
        if "never at rest" in world.notes:
            found.append(f"never at rest: {world.notes['never at rest']}")
        if "failed jobs" in world.notes:
            found.append(f"jobs failed: {world.notes['failed jobs']}")
        return found


# How stories end.


def recovered(world: World) -> Iterator[str]:
    """The money has come, by one charge, and the rows tell the ledger."""
    world.mend()
    world.rest()
    recovery = world.recovery()
    status = recovery.status if recovery else None
    if status is not RecoveryStatus.RECOVERED:
        yield f"the recovery is {status}: {recovery and recovery.status_reason}"
    yield from _reckoned(world)


def _reckoned(world: World) -> Iterator[str]:
    answered = [{**one, "status": "delivered"} for one in world.answered]
    ledger = world.sandbox.ledger()
    yield from reckoning.faults(ledger, answered, now=current.now())


def connected(world: World) -> Iterator[str]:
    """One account, connected, with one endpoint at Stripe; a second try may be due."""
    if world.account() is None:
        world.connect()
    else:
        account = world.account()
        assert account is not None
        key_access.check_again(account.id, user_id=None, now=current.now())
    yield from _one_endpoint(world)
    yield from _one_account(world)


def _one_account(world: World) -> Iterator[str]:
    with reading() as session:
        rows = session.scalars(select(StripeAccount)).all()
    if [row.status for row in rows] != [ConnectionStatus.CONNECTED]:
        yield f"accounts: {[(row.status, row.trouble) for row in rows]}"


def _one_endpoint(world: World) -> Iterator[str]:
    account = world.account()
    assert account is not None
    there = _endpoints_at(world, account)
    if account.stripe_webhook_endpoint_id not in there:
        yield f"no endpoint: {account.webhook_note}, at Stripe {there}"
    if len(there) > 1 and "old endpoint" not in world.notes:
        yield f"endpoints at Stripe: {there}"


def _endpoints_at(world: World, account: StripeAccount) -> list[str]:
    answer = requests.get(
        f"{world.sandbox.url}/v1/webhook_endpoints",
        headers={"Authorization": f"Bearer {MERCHANT_KEY}"},
        timeout=10,
    )
    url = endpoints.address_of(account)
    return [e["id"] for e in answer.json()["data"] if e["url"] == url]


def left(world: World) -> Iterator[str]:
    """Nothing is charged any more, nothing is open."""
    account = world.account()
    if account is None or account.status is not ConnectionStatus.DISCONNECTED:
        yield f"the account is {account and account.status}"
    before = len(world.sandbox.ledger())
    world.sandbox.advance(days=20)
    world.tick()
    if len(world.sandbox.ledger()) != before:
        yield "it was charged after it had left"
    recovery = world.recovery()
    if recovery is not None and recovery.status in OPEN:
        yield f"its recovery is {recovery.status}"


def platform_connected(world: World) -> Iterator[str]:
    if world.account() is None:
        oauth.connect(a_code(world), user_id=world.user_id, now=current.now())
    yield from _one_account(world)


# What stories begin with and do.


def act_tick(world: World) -> None:
    world.tick()


def act_deliver(world: World) -> None:
    world.deliver()
    world.tick()


def act_refused_charge(world: World) -> None:
    """A refused charge is heard of before anything else."""
    account, entry = world.account(), world.sandbox.ledger()[-1]
    assert account is not None
    with suppress(StripeTrouble):
        cards.note_refused_charge(account.id, entry["charge"], now=current.now())
    world.deliver()
    world.tick()


def new_card(world: World) -> None:
    world.following("insufficient_funds", "insufficient_funds")
    world.sandbox.person("new_card", customer=world.customer, card="pm_card_mastercard")


def lost_answer(when: str) -> Callable[[World], None]:
    """A retry was asked for, and its answer is missing; Stripe has had its time."""

    def begin(world: World) -> None:
        world.due("insufficient_funds")
        world.sandbox.fault(method="POST", path="*/pay", do="drop", when=when)
        world.tick()
        world.sandbox.advance(seconds=1200)

    return begin


def long_lost(world: World) -> None:
    lost_answer("after")(world)
    world.sandbox.advance(days=3)


def unheard(world: World) -> None:
    """A renewal was refused and no event has arrived."""
    world.connected()
    world.declined("insufficient_funds")
    world.lose_deliveries()
    world.sandbox.advance(hours=7)
    world.lose_deliveries()


def old_debts(world: World) -> None:
    """A merchant with a refused renewal connects; the import is to be done."""
    world.declined("insufficient_funds")
    world.lose_deliveries()
    world.connect()


def nothing(_world: World) -> None:
    """The story begins with its act."""


def try_connect(world: World) -> None:
    try:
        world.connect()
    except AccountRefused:
        return


def try_check(world: World) -> None:
    account = world.account()
    assert account is not None
    try:
        key_access.check_again(account.id, user_id=None, now=current.now())
    except AccountRefused:
        return


def try_replace_secret(world: World) -> None:
    account = world.account()
    assert account is not None
    # Where Stripe does not say whether the old endpoint went, it may stay for a while.
    world.notes["old endpoint"] = True
    endpoints.replace_secret(account.id, user_id=None, now=current.now())


def leave(world: World) -> None:
    account = world.account()
    assert account is not None
    leaving.disconnect(account.id, user_id=None, now=current.now())


def a_code(world: World) -> str:
    """What Stripe sends back with the browser after the merchant agreed."""
    stripes = world.sandbox.world
    code = stripes.ids.new("ac", length=32)
    stripes.oauth_codes[code] = {
        "account": MERCHANT,
        "platform": PLATFORM,
        "scope": "read_write",
        "expires_at": stripes.now + 300,
        "used": False,
        "livemode": False,
    }
    return code


def try_oauth(world: World) -> None:
    code = a_code(world)
    try:
        oauth.connect(code, user_id=world.user_id, now=current.now())
    except AccountRefused:
        return


def oauth_connected(world: World) -> None:
    try_oauth(world)


GET, POST, DELETE = "GET", "POST", "DELETE"
INVOICE = Where(GET, "/v1/invoices/in_*")
PAY = Where(POST, "/v1/invoices/*/pay")
CHARGES = Where(GET, "/v1/charges", "payment_intent=")
CHARGE = Where(GET, "/v1/charges/ch_*")
SUBSCRIPTION = Where(GET, "/v1/subscriptions/sub_*")
EVENTS = Where(GET, "/v1/events")
OPEN_INVOICES = Where(GET, "/v1/invoices")
ACCOUNT = Where(GET, "/v1/account")
ENDPOINTS = "/v1/webhook_endpoints"


def _declined_again(world: World) -> None:
    world.due("insufficient_funds", "do_not_honor")


def _following(world: World) -> None:
    world.connected()
    world.declined("insufficient_funds")


def _subscription_changed(world: World) -> None:
    world.following("insufficient_funds")
    subscription = world.notes["subscription"]
    requests.post(
        f"{world.sandbox.url}/v1/subscriptions/{subscription}",
        data={"metadata[seat]": "7", "cancel_at_period_end": "false"},
        headers={"Authorization": f"Bearer {MERCHANT_KEY}"},
        timeout=10,
    )


def _due(world: World) -> None:
    world.due()


def _connected_and_due(world: World) -> None:
    world.due("insufficient_funds")


def _connected(world: World) -> None:
    world.connected()


STORIES = (
    Story("pay, approved", PAY, _due, act_tick, recovered),
    Story("pay, declined", PAY, _declined_again, act_tick, recovered),
    Story("invoice before a charge", INVOICE, _due, act_tick, recovered),
    Story("charge after a refusal", CHARGE, _declined_again, act_tick, recovered),
    Story("charges after a payment", CHARGES, _due, act_tick, recovered),
    Story("lost answer: invoice", INVOICE, lost_answer("after"), act_tick, recovered),
    Story("lost answer: charges", CHARGES, lost_answer("after"), act_tick, recovered),
    Story("lost answer: key again", PAY, lost_answer("after"), act_tick, recovered),
    Story("lost call: pay again", PAY, lost_answer("before"), act_tick, recovered),
    Story("lost for days: events", EVENTS, long_lost, act_tick, recovered),
    Story("look: invoice", INVOICE, _following, act_deliver, recovered),
    Story("look: subscription", SUBSCRIPTION, _following, act_deliver, recovered),
    Story("look: charges", CHARGES, _following, act_deliver, recovered),
    Story(
        "look: the customer's charges",
        Where(GET, "/v1/charges", "customer="),
        _following,
        act_deliver,
        recovered,
    ),
    Story("look: charge", CHARGE, _following, act_refused_charge, recovered),
    Story(
        "new card: payment method",
        Where(GET, "/v1/payment_methods/*"),
        new_card,
        act_deliver,
        recovered,
    ),
    Story("new card: invoice", INVOICE, new_card, act_deliver, recovered),
    Story("comparison: open invoices", OPEN_INVOICES, unheard, act_tick, recovered),
    Story("comparison: events", EVENTS, unheard, act_tick, recovered),
    Story("import: open invoices", OPEN_INVOICES, old_debts, act_tick, recovered),
    Story("import: invoice", INVOICE, old_debts, act_tick, recovered),
    Story(
        "import: declines",
        Where(GET, "/v1/charges", "created"),
        old_debts,
        act_tick,
        recovered,
    ),
    Story("connect: account", ACCOUNT, nothing, try_connect, connected),
    Story(
        "connect: a permission",
        Where(GET, "/v1/prices"),
        nothing,
        try_connect,
        connected,
    ),
    Story(
        "connect: may it pay?",
        Where(POST, "/v1/invoices/*/pay"),
        nothing,
        try_connect,
        connected,
    ),
    Story(
        "connect: endpoints",
        Where(GET, ENDPOINTS),
        nothing,
        try_connect,
        connected,
    ),
    Story(
        "connect: make the endpoint",
        Where(POST, ENDPOINTS),
        nothing,
        try_connect,
        connected,
    ),
    Story("check again: account", ACCOUNT, _connected, try_check, connected),
    Story(
        "new secret: delete the endpoint",
        Where(DELETE, f"{ENDPOINTS}/*"),
        _connected,
        try_replace_secret,
        connected,
    ),
    Story(
        "leave: delete the endpoint",
        Where(DELETE, f"{ENDPOINTS}/*"),
        _connected_and_due,
        leave,
        left,
    ),
    Story(
        "OAuth: code for access",
        Where(POST, "/oauth/token"),
        nothing,
        try_oauth,
        platform_connected,
    ),
    Story("OAuth: account", ACCOUNT, nothing, try_oauth, platform_connected),
    Story(
        "OAuth: give access back",
        Where(POST, "/oauth/deauthorize"),
        oauth_connected,
        leave,
        left,
    ),
)
