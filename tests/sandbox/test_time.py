"""The movable clock: its file, its order, its speed, going back, going on."""

import time
from datetime import datetime
from pathlib import Path

import pytest
import stripe

from app.sandbox import Sandbox, start_sandbox
from app.sandbox.clock import iso, parse_time, read_clock, step
from app.sandbox.snapshots import save
from tests.sandbox.conftest import START


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        ("2026-01-31T10:00:00", "month", 1, "2026-02-28T10:00:00"),
        ("2026-01-31T10:00:00", "month", 2, "2026-03-31T10:00:00"),
        ("2027-11-30T10:00:00", "month", 3, "2028-02-29T10:00:00"),
        ("2026-12-15T10:00:00", "month", 1, "2027-01-15T10:00:00"),
        ("2028-02-29T10:00:00", "year", 1, "2029-02-28T10:00:00"),
        ("2026-12-30T10:00:00", "week", 1, "2027-01-06T10:00:00"),
        ("2026-10-24T10:00:00", "day", 2, "2026-10-26T10:00:00"),
    ],
)
def test_periods_end_as_stripes_do(
    start: str, interval: str, count: int, end: str
) -> None:
    assert iso(step(parse_time(start), interval, count)) == f"{end}+00:00"


def test_a_month_end_anchor_comes_back_after_february() -> None:
    with start_sandbox(now="2026-12-31T09:00:00Z") as sandbox:
        ann = sandbox.subscriber()
        sandbox.advance(to="2027-04-30T12:00:00Z")
        book = sandbox.world.accounts["acct_1SandboxMerchant"].book(livemode=False)
        renewals = [
            iso(invoice["created"])[:10]
            for invoice in book.invoices.rows.values()
            if invoice["billing_reason"] == "subscription_cycle"
        ]
        assert ann.subscription
        assert renewals == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]


def test_the_clock_file_shows_the_time(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    with start_sandbox(now=START, clock_file=path) as sandbox:
        assert path.read_text() == START
        sandbox.advance(hours=36)
        assert path.read_text() == sandbox.now() == "2026-11-02T21:00:00+00:00"
        assert datetime.fromisoformat(path.read_text()).tzinfo


def test_an_existing_clock_file_is_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    path.write_text("2027-03-01T00:00:00Z")
    with start_sandbox(clock_file=path) as sandbox:
        assert sandbox.now() == "2027-03-01T00:00:00+00:00"


def test_time_does_not_run_backwards(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="already shows"):
        sandbox.advance(to="2026-10-01T00:00:00Z")


def test_what_is_due_happens_in_order_of_time(sandbox: Sandbox) -> None:
    sandbox.subscriber(name="Monthly")
    sandbox.subscriber(name="Weekly", interval="week", amount=300)
    sandbox.advance(days=32)
    times = [entry["at"] for entry in sandbox.ledger()]
    assert times == sorted(times)
    assert len(times) == 2 + 1 + 4


def test_one_long_step_comes_to_the_same_as_many_short_ones() -> None:
    ledgers = []
    for steps in (1, 60):
        with start_sandbox(now=START, seed=5) as sandbox:
            sandbox.seed(customers=20, history_days=20)
            for _ in range(steps):
                sandbox.advance(hours=60 * 24 / steps)
            ledgers.append(sandbox.ledger())
    assert ledgers[0] == ledgers[1]


def test_a_reset_begins_again(sandbox: Sandbox, merchant: stripe.StripeClient) -> None:
    sandbox.subscriber()
    sandbox.advance(days=40)
    sandbox.reset(now=START)
    assert sandbox.now() == START
    assert not sandbox.ledger()
    assert not merchant.v1.customers.list().data


def test_the_clock_can_run_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    with start_sandbox(now=START, clock_file=path, speed=24 * 35) as sandbox:
        sandbox.subscriber()
        deadline = time.monotonic() + 10
        while len(sandbox.ledger()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        sandbox.call("POST", "speed", {"hours_per_second": 0})
        assert len(sandbox.ledger()) >= 2
        assert (read_clock(path) or 0) > parse_time(START)


def test_a_saved_world_goes_on(tmp_path: Path) -> None:
    kept = tmp_path / "world"
    with start_sandbox(now=START) as sandbox:
        ann = sandbox.subscriber()
        assert ann.payment_method
        sandbox.script(ann.payment_method, "do_not_honor")
        save(sandbox.world, kept)
    with start_sandbox(state=kept) as sandbox:
        assert sandbox.now() == START
        sandbox.advance(days=31)
        assert [entry["ok"] for entry in sandbox.ledger()] == [True, False]
