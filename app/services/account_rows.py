"""What every use case of an account shares: its row, its mode, and how to refuse."""

from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.storage.models import StripeAccount
from app.stripe_gateway import StripeTrouble, StripeUnavailable


class AccountRefused(Exception):
    """Nothing was changed; the text tells the owner why.

    `is_passing`: Stripe could not be asked, and trying again later may work.
    """

    def __init__(self, sentence: str, *, is_passing: bool = False) -> None:
        super().__init__(sentence)
        self.is_passing = is_passing


def mode_of(account: StripeAccount) -> str:
    """Which of Stripe's two worlds: 'live' or 'test'."""
    return "live" if account.livemode else "test"


def connected_row(session: Session, account_id: int) -> StripeAccount:
    """The row of an account that has not left; AccountRefused otherwise."""
    account = session.get(StripeAccount, account_id)
    if account is None or account.status is ConnectionStatus.DISCONNECTED:
        raise AccountRefused("This account is not connected any more.")
    return account


def no_answer(trouble: StripeTrouble) -> AccountRefused:
    """What to tell the owner when Stripe gave no result."""
    if isinstance(trouble, StripeUnavailable):
        said = "Stripe did not answer."
    else:
        said = f"Stripe refused: {trouble.sentence or 'it gave no reason.'}"
    return AccountRefused(
        f"{said} Nothing was changed; try again in a minute.", is_passing=True
    )
