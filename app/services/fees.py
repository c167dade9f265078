"""What the networks may bill for retries, and what the owner lets it come to."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.money import Money
from app.domain.network_rules import expected_fee
from app.services.audit import note
from app.storage.cases import case_of
from app.storage.models import Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import transaction

MOST_CENTS = 100_000_00


class BudgetRefused(Exception):
    """What was asked cannot be; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Fees:
    """An account's network fees in one month (UTC), in US dollars."""

    spent: Money
    budget: Money | None

    @property
    def is_used_up(self) -> bool:
        """Whether the budget is spent."""
        return self.budget is not None and self.spent.amount >= self.budget.amount


def fees_of(session: Session, account: StripeAccount, *, now: datetime) -> Fees:
    """What the retries made this month are expected to be billed for."""
    there = now.astimezone(UTC)
    month = there.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = session.scalar(
        select(func.sum(RetryAttempt.expected_fee)).where(
            RetryAttempt.account_id == account.id,
            RetryAttempt.expected_fee > 0,
            RetryAttempt.started_at >= month,
        )
    )
    budget = account.fee_budget
    return Fees(_usd(int(spent or 0)), None if budget is None else _usd(budget))


def fee_now(session: Session, recovery: Recovery, *, now: datetime) -> Money | None:
    """What a charge of the recovery's card now would be billed; None: nothing."""
    case = case_of(session, recovery, now=now)
    if case is None:
        return None
    return expected_fee(case, now, merchant_country=recovery.account.country)


def set_budget(
    account_id: int, cents: int | None, *, user_id: int, now: datetime
) -> None:
    """The account's budget a month; None for none. Raises BudgetRefused."""
    if cents is not None and not 0 <= cents <= MOST_CENTS:
        raise BudgetRefused(f"Write at most {_usd(MOST_CENTS)}.")
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id, with_for_update=True)
        account.fee_budget = cents
        note(
            session,
            "fee budget set",
            user_id=user_id,
            account_id=account_id,
            now=now,
            detail="none" if cents is None else f"{_usd(cents)} a month",
        )


def _usd(cents: int) -> Money:
    return Money(cents, "usd")
