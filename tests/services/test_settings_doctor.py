"""The doctor against the sandbox: its mind follows Stripe's settings."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.config import Config
from app.domain.settings_doctor import SettingsWord
from app.sandbox import Sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services import (
    accounts,
    imports,
    leaving,
    settings_doctor,
    subscriptions,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


def a_declined_renewal(sandbox: Sandbox, code: str = "insufficient_funds") -> str:
    """Somebody's renewal is refused an hour before now; their subscription's id."""
    member = sandbox.subscriber()
    assert member.payment_method
    sandbox.script(member.payment_method, default=code)
    sandbox.advance(days=31, hours=1)
    return member.subscription


def now_of(sandbox: Sandbox) -> datetime:
    return datetime.fromisoformat(sandbox.now())


def connected_at(now: datetime) -> int:
    """The merchant's account, connected and imported."""
    account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=now)
    for _ in range(6):
        imports.step(now=now)
    return account_id


@pytest.mark.usefixtures("app")
class TestVerdict:
    def test_retries_off_are_confirmed_by_an_invoice_left_alone(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.retries(mode="none")
        a_declined_renewal(sandbox)
        now = now_of(sandbox)

        found = settings_doctor.verdict_of(connected_at(now), now=now)
        assert found.word is SettingsWord.CONFIRMED

    def test_smart_retries_are_noticed_and_the_invoice_is_named(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.retries(mode="smart")
        a_declined_renewal(sandbox)
        now = now_of(sandbox)

        found = settings_doctor.verdict_of(connected_at(now), now=now)
        assert found.word is SettingsWord.NOT_IN_FORCE
        assert (found.worst.object_id or "").startswith("in_")

    def test_the_mind_changes_with_the_next_decline(self, sandbox: Sandbox) -> None:
        sandbox.retries(mode="smart")
        a_declined_renewal(sandbox)
        account_id = connected_at(now_of(sandbox))

        sandbox.retries(mode="none")
        a_declined_renewal(sandbox)
        with_import(account_id, sandbox)
        found = settings_doctor.verdict_of(account_id, now=now_of(sandbox))
        assert found.retries.word is SettingsWord.CONFIRMED

    def test_a_decline_that_stripe_never_retries_settles_nothing(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.retries(mode="none")
        a_declined_renewal(sandbox, "stolen_card")
        now = now_of(sandbox)

        found = settings_doctor.verdict_of(connected_at(now), now=now)
        assert found.word is SettingsWord.NOT_KNOWN

    def test_a_subscription_canceled_for_nonpayment_is_named(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.retries(mode="none", at_the_end="cancel")
        subscription_id = a_declined_renewal(sandbox)
        now = now_of(sandbox)
        account_id = connected_at(now)
        subscriptions.look(account_id, subscription_id, now=now)

        found = settings_doctor.verdict_of(account_id, now=now)
        assert found.at_the_end.word is SettingsWord.NOT_IN_FORCE
        assert found.at_the_end.object_id == subscription_id


def with_import(account_id: int, sandbox: Sandbox) -> None:
    """What came since then is brought in, as the reconciler would."""
    leaving.disconnect(account_id, user_id=None, now=now_of(sandbox))
    connected_at(now_of(sandbox))


@pytest.mark.usefixtures("app")
class TestSecondLook:
    def test_an_early_null_is_believed_only_after_the_second_look(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.retries(mode="smart", automations=True, automations_delay=300)
        member = sandbox.subscriber()
        assert member.payment_method
        sandbox.script(member.payment_method, default="insufficient_funds")
        sandbox.advance(days=30, hours=1)  # the moment in which it is refused
        account_id = connected_at(now_of(sandbox))
        early = settings_doctor.verdict_of(account_id, now=now_of(sandbox))
        assert early.word is SettingsWord.NOT_KNOWN

        assert settings_doctor.second_looks(now=now_of(sandbox)) == 0
        sandbox.advance(seconds=900)
        assert settings_doctor.second_looks(now=now_of(sandbox)) == 1
        late = settings_doctor.verdict_of(account_id, now=now_of(sandbox))
        assert late.word is SettingsWord.NOT_IN_FORCE
        assert settings_doctor.second_looks(now=now_of(sandbox)) == 0

    def test_check_again_takes_no_answer_calmly(self, sandbox: Sandbox) -> None:
        sandbox.retries(mode="smart")
        a_declined_renewal(sandbox)
        now = now_of(sandbox)
        account_id = connected_at(now)
        sandbox.stop()

        found = settings_doctor.check_again(account_id, now=now)
        assert found.word is SettingsWord.NOT_IN_FORCE
