"""The first import, against the sandbox: what it brings, and that it survives."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.config import Config
from app.domain.account import ImportStage
from app.sandbox import Sandbox, start_sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services import accounts, imports, leaving, stripe_reads
from app.services.connections import gateway_of
from app.storage import account_reads
from app.storage.connection_models import ImportItem, ImportRun
from app.storage.models import Decline, Recovery, StripeAccount, Subscription
from app.storage.transaction import reading, transaction
from tests.conftest import MONDAY

LATER = MONDAY + timedelta(days=32)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A shop with two renewals refused, two paid, and Stripe's own retries off."""
    with start_sandbox(now=MONDAY.isoformat()) as sandbox:
        sandbox.retries(mode="none")
        for answer in ("insufficient_funds", "do_not_honor", "approve", "approve"):
            member = sandbox.subscriber()
            assert member.payment_method
            sandbox.script(member.payment_method, default=answer)
        sandbox.advance(to=LATER.isoformat())
        yield sandbox


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


@pytest.fixture
def account_id(app: object) -> int:
    return accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=LATER)


def the_run() -> ImportRun:
    with reading() as session:
        return session.scalars(select(ImportRun)).one()


def count(table: type) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def run_through() -> int:
    """Step until it is done; how many steps."""
    for number in range(1, 50):
        imports.step(now=LATER)
        if the_run().stage is ImportStage.DONE:
            return number
    raise AssertionError("the import does not end")


@pytest.mark.usefixtures("account_id")
def test_open_renewals_and_their_declines_come_in() -> None:
    run_through()

    assert count(Recovery) == 2
    assert count(Decline) == 2
    with reading() as session:
        statuses = set(session.scalars(select(Subscription.status)))
    assert statuses == {"past_due"}
    run = the_run()
    assert (run.declines, run.finished_at, run.trouble) == (2, LATER, None)


def test_a_finished_import_does_nothing_more(account_id: int) -> None:
    run_through()
    stripe_reads.write_down(now=LATER)

    assert imports.step(now=LATER + timedelta(days=1)) == 0
    assert stripe_reads.write_down(now=LATER) == 0


@pytest.mark.usefixtures("account_id")
def test_a_step_that_died_is_taken_on_after_its_lease() -> None:
    imports.step(now=LATER)
    account_id = the_run().account_id
    assert imports._take(account_id, now=LATER)  # and the process dies

    assert imports.step(now=LATER + timedelta(minutes=1)) == 0
    assert imports.step(now=LATER + timedelta(minutes=3)) == 1


def test_no_answer_makes_it_wait_and_then_go_on(
    account_id: int, sandbox: Sandbox
) -> None:
    imports.step(now=LATER)
    sandbox.key(MERCHANT_KEY, revoke=["charge_read"])
    imports.step(now=LATER)

    run = the_run()
    assert run.trouble is not None
    assert run.try_at > LATER
    sandbox.key(MERCHANT_KEY, grant=["charge_read"])
    for _ in range(5):
        imports.step(now=run.try_at)
    assert the_run().stage is ImportStage.DONE
    assert the_run().trouble is None


def test_an_import_that_fails_for_days_is_still_tried_every_hour(
    account_id: int, sandbox: Sandbox
) -> None:
    sandbox.fault(method="GET", path="/v1/invoices", status=500, times=9)
    with transaction() as session:
        session.execute(update(ImportRun).values(tries=5_000))

    imports.step(now=LATER)
    assert the_run().try_at == LATER + timedelta(hours=1)


def test_connecting_again_imports_again_without_doubles(account_id: int) -> None:
    run_through()
    leaving.disconnect(account_id, user_id=None, now=LATER)
    accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=LATER)
    assert count(ImportItem) == 0

    run_through()
    assert count(Recovery) == 2
    assert count(Decline) == 2


def test_a_disconnected_account_is_not_imported(account_id: int) -> None:
    leaving.disconnect(account_id, user_id=None, now=LATER)

    assert imports.step(now=LATER) == 0


def test_reads_are_counted_by_day_and_calls_that_write_are_not(
    account_id: int,
) -> None:
    stripe_reads.write_down(now=LATER)
    gateway_of(account_id).webhook_endpoints()
    gateway_of(account_id).create_webhook_endpoint("http://127.0.0.1:9/x", ["*"])

    assert stripe_reads.write_down(now=LATER) == 1
    gateway_of(account_id).webhook_endpoints()
    assert stripe_reads.write_down(now=LATER) == 1
    tomorrow = LATER + timedelta(days=1)
    gateway_of(account_id).webhook_endpoints()
    stripe_reads.write_down(now=tomorrow)
    with reading() as session:
        before = account_reads.reads_of(session, account_id, now=tomorrow)
        month_later = account_reads.reads_of(
            session, account_id, now=LATER + timedelta(days=30)
        )
    assert before - month_later >= 2
    assert month_later == 1
    with reading() as session:
        assert session.get_one(StripeAccount, account_id).is_on


@pytest.mark.usefixtures("account_id")
def test_how_often_a_plan_bills_is_kept(sandbox: Sandbox) -> None:
    member = sandbox.subscriber(interval="week", interval_count=4)
    assert member.payment_method
    sandbox.script(member.payment_method, default="insufficient_funds")
    sandbox.advance(days=29)
    run_through()
    with reading() as session:
        row = session.scalars(
            select(Subscription).where(
                Subscription.stripe_subscription_id == member.subscription
            )
        ).one()
        assert (row.interval, row.interval_count) == ("week", 4)
