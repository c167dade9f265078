"""Which strategy a recovery takes, from its first decline to its end."""

from flask import Flask

from app.domain.steps import RetryAt
from app.services import strategies
from app.services.planning import plan
from app.storage.models import Recovery
from app.storage.transaction import reading, transaction
from tests.builders import a_decline, a_recovery, a_user
from tests.conftest import MONDAY
from tests.merchants import Merchant

CODE = "insufficient_funds"


def test_only_new_recoveries_take_a_new_choice(merchant: Merchant) -> None:
    before = merchant.declined_renewal(default=CODE)
    strategies.choose(
        merchant.account_id, "fixed-ladder", user_id=a_user().id, now=merchant.now
    )
    after = merchant.declined_renewal(default=CODE)
    merchant.look(before)
    old, new = merchant.recovery(before), merchant.recovery(after)
    assert (old.strategy, old.strategy_version) == ("even-spread", "1")
    assert (new.strategy, new.strategy_version) == ("fixed-ladder", "1")
    assert [a.strategy for a in merchant.attempts(after)] == ["fixed-ladder"]


def test_a_strategy_that_has_left_the_code_plans_all_the_same(app: Flask) -> None:
    recovery = a_recovery(strategy="long-gone")
    a_decline(recovery_id=recovery.id, account_id=recovery.account_id)
    with transaction() as session:
        step = plan(session, session.get_one(Recovery, recovery.id), now=MONDAY)
    assert isinstance(step, RetryAt)
    with reading() as session:
        found = session.get_one(Recovery, recovery.id)
        (attempt,) = found.attempts
        (rule,) = attempt.rules
        assert rule == (
            "long-gone gave no plan (no strategy of this name is left): even spread "
            "took over"
        )
