"""Throws inputs at the whole application: no 5xx, no hang, whatever comes.

    make fuzz                                  # INPUTS=100000
    python -m tests.attacks.fuzz --inputs 100000 --seed 7 [--only webhooks,forms]

Hypothesis draws signed webhook bodies, query strings, cursors, addresses and forms; a
signed-in owner sends them through the whole application. What was stored of the
webhooks is handled, too. Anything answered 5xx, any answer after `LONGEST` and any
exception is a finding; Hypothesis shrinks it.
"""

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import stripe
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import create_app, current
from app.config import Config
from app.domain.account import ConnectionStatus
from app.domain.event_types import HANDLED_TYPES
from app.domain.people import Role
from app.extensions import db
from app.services import people
from app.services.handling import handle_pending
from app.storage.models import StripeAccount
from app.storage.transaction import transaction
from tests.builders import a_decline, a_recovery
from tests.conftest import FERNET_KEY
from tests.databases import make_tables
from tests.stripe_events import SECRET, a_listening_account, an_event, signature
from tests.web.pages import csrf_of

LONGEST = 10.0  # seconds for one answer
AT_ONCE = 1_000  # examples in one run of Hypothesis, which slows down as it learns
PASSWORD, EMAIL = "a long and silent password", "owner@example.com"
NOBODY = "http://127.0.0.1:9"  # where Stripe would be

ODD = (
    "", " ", "0", "-1", "1e309", "NaN", "null", "true", "\0", "a\0b", "\r\nA: b",
    "'", '"', "';--", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "../../etc/x",
    "\u202e", "\ufeff", "\ud800", "\U0001f9ff" * 9, "9" * 400, "-" + "9" * 40,
    "x" * 9_000, "2026-13-45", "9999-12-31T23:59:59Z", "0001-01-01", "2026-02-30",
    "1970-01-01", "sub_000001", "in_000001", "acct_1", "owner@example.com",
    "Europe/Berlin", "=1+1",
)  # fmt: skip
NAMES = (
    "q", "page", "sort", "order", "account", "status", "lifecycle", "kind", "code",
    "currency", "from", "to", "since", "until", "period", "before", "after", "cursor",
    "seen", "next", "copy", "strategy", "first", "second", "state", "error", "view",
    "column", "mode", "amount_min", "amount_max", "brand", "network", "plan", "by",
    "name", "email", "password", "role", "timezone", "reason", "text", "on", "code",
    "api_key", "webhook_secret", "which", "do", "arm", "lines", "dollars", "query",
    "list", "shared", "old_password", "new_password", "current_password", "landing",
    "1-kinds", "1-hours", "0-kinds", "share", "window",
)  # fmt: skip

odd_text = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=40),
    st.integers().map(str),
    st.text("0123456789-", max_size=25),
)
numbers = st.one_of(
    st.integers(),
    st.sampled_from((0, -1, 2**31, 2**63, 2**64, -(2**70), 10**400, 253402300800)),
    st.floats(allow_nan=True, allow_infinity=True),
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | odd_text,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(odd_text, inner, max_size=4)
    ),
    max_leaves=8,
)
OUTSIDE = (
    "id",
    "object",
    "type",
    "created",
    "livemode",
    "account",
    "api_version",
    "data",
    "request",
)
INSIDE = (
    "id", "object", "customer", "subscription", "parent", "payment_intent", "charge",
    "attempt_count", "billing_reason", "status", "amount_remaining", "payments",
)  # fmt: skip


@dataclass
class Fuzz:
    """One application under fire."""

    app: Flask
    config: Config
    account: StripeAccount
    client: FlaskClient
    token: str = ""
    answered: Counter[str] = field(default_factory=Counter)
    inputs: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def sign_in(self) -> None:
        self.client = self.app.test_client()
        form = {"email": EMAIL, "password": PASSWORD}
        form["csrf_token"] = csrf_of(self.client, "/login")
        answer = self.client.post("/login", data=form)
        if answer.status_code != 303:
            raise RuntimeError(f"sign-in answered {answer.status_code}")
        self.token = csrf_of(self.client, "/account/profile")

    def watch(self, kind: str, ask: Callable[[], TestResponse]) -> TestResponse:
        """Ask, and hold the answer against the promises."""
        began = time.monotonic()
        with self.app.app_context():
            answer = ask()
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        self.inputs[kind] += 1
        self.answered[f"{kind} {answer.status_code}"] += 1
        assert answer.status_code < 500, f"{answer.status_code}: {answer.text[:300]}"
        assert took < LONGEST, f"took {took:.1f} s"
        return answer

    # Webhooks.

    def webhook(self, body: str) -> None:
        """A delivery signed as Stripe signs; what was stored of it is handled."""
        raw = body.encode("utf-8", "surrogatepass")
        header = signature(_latin(raw), SECRET, at=datetime.now(UTC))
        self._post_event(raw, {"Stripe-Signature": header})

    def forged(self, raw: bytes, header: str) -> None:
        """A delivery that nobody signed."""
        safe = header.encode("latin-1", "ignore").decode("latin-1")
        plain = "".join(c for c in safe if c.isprintable())
        self._post_event(raw, {"Stripe-Signature": plain})

    def _post_event(self, raw: bytes, headers: dict[str, str]) -> None:
        address = f"/webhooks/stripe/{self.account.connection_key}"
        stranger = self.app.test_client()
        self.watch("webhook", lambda: stranger.post(address, data=raw, headers=headers))

    def handle(self) -> None:
        """Whatever was stored is looked into; Stripe does not answer.

        An event may take our access away: it is given back, or all that follows would
        be refused at the door.
        """
        with self.app.app_context():
            self._give_back()
            handle_pending(now=current.now())
            self._give_back()

    def _give_back(self) -> None:
        with transaction() as session:
            session.execute(
                update(StripeAccount).values(
                    hold_until=None,
                    status=ConnectionStatus.CONNECTED,
                    sealed_api_key=self.account.sealed_api_key,
                    sealed_webhook_secret=self.account.sealed_webhook_secret,
                )
            )

    # Pages.

    def page(self, rule: str, parts: list[str], asked: list[tuple[str, str]]) -> None:
        """A page with whatever in its address."""
        address = _address(rule, parts) + "?" + urlencode(asked, errors="replace")
        answer = self.watch("page", lambda: self.client.get(address))
        if answer.location and answer.location.startswith("/login"):
            self.sign_in()

    def form(self, rule: str, parts: list[str], told: list[tuple[str, str]]) -> None:
        """A form with whatever in its fields."""
        fields = {_writable(name): _writable(value) for name, value in told}
        fields["csrf_token"] = self.token
        address = _address(rule, parts)
        answer = self.watch("form", lambda: self.client.post(address, data=fields))
        gone = answer.location and answer.location.startswith("/login")
        if gone or answer.status_code == 400:
            self.sign_in()


def _latin(raw: bytes) -> Any:
    """The SDK signs text; odd bytes are signed as what they decode to, if anything."""
    return raw.decode("utf-8", "replace")


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _address(rule: str, parts: list[str]) -> str:
    """The rule with its variables replaced."""
    words, given = [], iter(parts)
    for word in rule.split("/"):
        if word.startswith("<"):
            word = quote(_writable(next(given, "1")), safe="") or "1"
        words.append(word)
    return "/".join(words)


def bodies() -> st.SearchStrategy[str]:
    """Event bodies: sound ones with odd parts, odd JSON, deep JSON, no JSON."""
    outside = st.dictionaries(st.sampled_from(OUTSIDE), anything, max_size=3)
    inside = st.dictionaries(st.sampled_from(INSIDE), anything, max_size=4)
    kinds = st.sampled_from((*HANDLED_TYPES, "invoice.created", "x"))
    numbered = st.integers(0, 10**12).map(lambda n: f"evt_{n}")
    sound = st.builds(_event, kinds, numbered, outside, inside)
    deep = st.integers(1, 30_000).map(lambda n: '{"a":' * n + "1" + "}" * n)
    flat = st.integers(1, 30_000).map(lambda n: "[" * n)
    return st.one_of(
        sound, sound, sound, anything.map(_dumped), deep, flat, st.text(max_size=200)
    )


def _event(kind: str, id: str, outside: dict[str, Any], inside: dict[str, Any]) -> str:
    event = an_event(kind, id=id, object=inside)
    return _dumped({**event, **outside})


def _dumped(value: Any) -> str:
    return json.dumps(value)


def addresses(fuzz: Fuzz, method: str) -> list[str]:
    """The addresses that answer to this method, slow and self-ending ones apart."""
    found = []
    for rule in fuzz.app.url_map.iter_rules():
        is_left_out = rule.rule.startswith(LEFT_OUT) or rule.rule in NOT_AGAIN
        if method in (rule.methods or set()) and not is_left_out:
            found.append(rule.rule)
    return sorted(found)


LEFT_OUT = ("/static",)
# They hash a password (tests/web/test_hostile_input.py has them), or end the fuzzing.
NOT_AGAIN = (
    "/login",
    "/logout",
    "/setup/<token>",
    "/account/confirmation",
    "/account/profile/password",
)


def fire(fuzz: Fuzz, *, inputs: int, number: int, only: str = "") -> None:
    """So many inputs, shared out among the kinds."""
    pairs = st.lists(st.tuples(st.sampled_from(NAMES) | odd_text, odd_text), max_size=6)
    parts = st.lists(st.sampled_from(("1", "2")) | odd_text, min_size=1, max_size=2)
    gets, posts = addresses(fuzz, "GET"), addresses(fuzz, "POST")
    lists = ["/subscriptions", "/declines", "/events"]
    cursors = st.tuples(st.just("page"), _cursors())
    kinds: dict[str, tuple[float, Callable[..., None], tuple[Any, ...]]] = {
        "webhooks": (0.4, fuzz.webhook, (bodies(),)),
        "forged": (0.1, fuzz.forged, (st.binary(max_size=300), odd_text)),
        "pages": (0.2, fuzz.page, (st.sampled_from(gets), parts, pairs)),
        "cursors": (
            0.1,
            fuzz.page,
            (st.sampled_from(lists), parts, st.lists(cursors, min_size=1, max_size=2)),
        ),
        "forms": (0.2, fuzz.form, (st.sampled_from(posts), parts, pairs)),
    }
    for kind, (share, shoot, drawn) in kinds.items():
        if only and kind not in only.split(","):
            continue
        wanted, shot = round(inputs * share), 0
        while shot < wanted:
            many = min(AT_ONCE, wanted - shot)
            _run(shoot, drawn, many=many, number=number + shot)
            shot += many
            if kind == "webhooks":
                fuzz.handle()
        sys.stdout.write(f"{kind}: {wanted}, slowest so far {fuzz.slowest:.2f} s\n")
        sys.stdout.flush()


def _cursors() -> st.SearchStrategy[str]:
    times = st.sampled_from(("2026-11-02T09:00:00+00:00", "1", "", "x"))
    made = st.builds(
        lambda a, b, c: f"{a}{c}{b}",
        times | odd_text,
        odd_text,
        st.sampled_from("~,.:|_-"),
    )
    return made | odd_text


def _run(
    shoot: Callable[..., None], drawn: tuple[Any, ...], *, many: int, number: int
) -> None:
    @seed(number)
    @settings(
        max_examples=many,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(st.tuples(*drawn))
    def shot(arguments: tuple[Any, ...]) -> None:
        shoot(*arguments)

    shot()


def under_fire(folder: Path) -> Fuzz:
    """A new application, with an owner, an account, and something to show."""
    stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.MAX_DELAY = 0
    url = f"sqlite:///{folder / 'fuzz.db'}"
    make_tables(url)
    config = Config(
        url, "not-a-secret", (FERNET_KEY,), stripe_api_base=NOBODY, testing=True
    )
    # The pages that explain a fault must work, too: nothing is propagated.
    app = create_app(replace(config, testing=False))
    with app.app_context():
        people.add(EMAIL, PASSWORD, role=Role.OWNER, now=current.now())
        sealed = current.vault().encrypt("rk_test_never_used")
        account = a_listening_account(sealed_api_key=sealed)
        recovery = a_recovery(account_id=account.id)
        a_decline(recovery_id=recovery.id)
    fuzz = Fuzz(app, config, account, app.test_client())
    fuzz.sign_in()
    return fuzz


def close(fuzz: Fuzz) -> None:
    with fuzz.app.app_context():
        fuzz.app.extensions["reception"].inbox.close()
        for engine in db.engines.values():
            engine.dispose()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    number = asked.seed if asked.seed is not None else int(time.time())
    sys.stdout.write(f"seed {number}\n")
    logging.basicConfig(level=logging.CRITICAL)
    settings.load_profile("search")
    folder, began = Path(tempfile.mkdtemp(prefix="metricsco-fuzz-")), time.monotonic()
    fuzz = under_fire(folder)
    try:
        fire(fuzz, inputs=asked.inputs, number=number, only=asked.only)
    finally:
        close(fuzz)
        shutil.rmtree(folder)
    told = ", ".join(f"{what}: {n}" for what, n in sorted(fuzz.answered.items()))
    sys.stdout.write(
        f"{told}\n{fuzz.inputs.total()} inputs in {time.monotonic() - began:.0f} s: no "
        f"5xx, no hang, slowest {fuzz.slowest:.2f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
