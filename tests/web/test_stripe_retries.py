"""While Stripe retries by itself every page says so, and we keep still meanwhile."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.config import Config
from app.domain.people import Role
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.domain.settings_doctor import SettingsWord
from app.sandbox import Sandbox, start_sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services import (
    accounts,
    imports,
    rescue,
    retries,
    settings_doctor,
    wanted_looks,
)
from app.storage.models import Recovery, RetryAttempt, User
from app.storage.transaction import reading
from tests.conftest import MONDAY, SetClock, a_user
from tests.web.pages import csrf_of

SAID = "Stripe is retrying"


@dataclass
class Affected:
    """A shop whose renewal was declined while Stripe's own retries were on."""

    account_id: int
    sandbox: Sandbox
    clock: SetClock
    user: User
    sign_in: Callable[[User], FlaskClient]

    @property
    def browser(self) -> FlaskClient:
        """Signed in anew: a session does not last for days."""
        return self.sign_in(self.user)

    def pass_time(self, *, days: int) -> None:
        self.sandbox.advance(days=days)
        self.clock.time = datetime.fromisoformat(self.sandbox.now())

    def tick(self) -> None:
        retries.run_due(now=self.clock.time)
        wanted_looks.grant(now=self.clock.time)
        rescue.rescue_stuck(now=self.clock.time)

    def recovery(self) -> Recovery:
        with reading() as session:
            found = session.scalars(select(Recovery)).one()
            assert found.subscription
            return found

    def attempts(self) -> list[RetryAttempt]:
        with reading() as session:
            return list(session.scalars(select(RetryAttempt)))

    def charges(self) -> int:
        invoice = self.recovery().stripe_invoice_id
        return sum(each["invoice"] == invoice for each in self.sandbox.ledger())

    def pages(self) -> list[str]:
        """The list of subscriptions, the subscription's recoveries, the recovery."""
        recovery = self.recovery()
        assert recovery.subscription
        addresses = (
            "/subscriptions",
            f"/subscriptions/{recovery.subscription.stripe_subscription_id}",
            f"/recoveries/{recovery.id}",
        )
        return [self.browser.get(address).text for address in addresses]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(now=MONDAY.isoformat()) as sandbox:
        sandbox.retries(mode="custom", days=[3])
        yield sandbox


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


@pytest.fixture
def affected(
    app: Flask,
    sandbox: Sandbox,
    clock: SetClock,
    sign_in: Callable[[User], FlaskClient],
) -> Affected:
    member = sandbox.subscriber()
    assert member.payment_method
    sandbox.script(member.payment_method, default="insufficient_funds")
    sandbox.advance(days=31, hours=1)
    clock.time = datetime.fromisoformat(sandbox.now())
    account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=clock.time)
    imports.go_on(now=clock.time)
    return Affected(account_id, sandbox, clock, a_user(Role.STAFF), sign_in)


def test_every_page_of_an_affected_invoice_says_that_stripe_is_retrying(
    affected: Affected,
) -> None:
    verdict = settings_doctor.verdict_of(affected.account_id, now=affected.clock.time)
    assert verdict.word is SettingsWord.NOT_IN_FORCE

    assert [SAID in page for page in affected.pages()] == [True, True, True]
    affected.pass_time(days=1)
    affected.tick()
    assert [SAID in page for page in affected.pages()] == [True, True, True]
    assert affected.attempts() == []
    assert affected.charges() == 1


def test_nobody_is_offered_a_retry_beside_stripes(affected: Affected) -> None:
    page = affected.pages()[-1]
    assert "Retry now" not in page

    address = f"/recoveries/{affected.recovery().id}"
    browser = affected.browser
    token = csrf_of(browser, address)
    answer = browser.post(
        f"{address}/retries", data={"csrf_token": token}, follow_redirects=True
    )
    assert "Nothing was changed" in answer.text
    assert affected.attempts() == []


def test_it_is_taken_over_when_stripe_is_done(affected: Affected) -> None:
    affected.pass_time(days=4)
    assert affected.charges() == 2  # Stripe's last retry, of which no event told us
    affected.tick()

    assert affected.recovery().status is RecoveryStatus.IN_RETRY
    [attempt] = affected.attempts()
    assert attempt.status is AttemptStatus.SCHEDULED
    assert attempt.due_at > affected.clock.time
    assert [SAID in page for page in affected.pages()] == [False, False, False]
    assert re.search("Retry 1</strong>, due <time", affected.pages()[1])
