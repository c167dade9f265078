"""How one of our own charges can end, as values that charging hands to recording."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.pay_results import PayResult
from app.domain.snapshots import ChargeSnapshot


@dataclass(frozen=True, slots=True)
class Charged:
    """Stripe answered. `charge` is the charge that was made, where it could be read.

    `is_all_news`: False where Stripe may show more than this answer.
    """

    result: PayResult
    due: int  # what the charge was for, in minor units
    charge: ChargeSnapshot | None = None
    is_all_news: bool = True


@dataclass(frozen=True, slots=True)
class NotCharged:
    """No charge was made, for the invoice turned out not to be chargeable: look again.

    `was_asked`: it was Stripe that refused.
    """

    reason: str
    was_asked: bool = False


@dataclass(frozen=True, slots=True)
class PutBack:
    """Nothing was charged; the same attempt, under the same key, is due later.

    `hold_until`: no other charge of the account before then either; shorter than the
    wait of the attempt itself, so that one bad invoice does not hold up the others.
    `owner_must`: what only the owner can mend; the connection is paused until then.
    `is_unread`: Stripe did not show the invoice; it may be the only one.
    """

    reason: str
    due_at: datetime
    was_asked: bool = False
    hold_until: datetime | None = None
    owner_must: str | None = None
    is_unread: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Stripe was asked and gave no answer: it may have charged, or not.

    `is_at_it`: an earlier call under the key is still running, so this one was none.
    """

    reason: str
    is_at_it: bool = False


Outcome = Charged | NotCharged | PutBack | Unanswered
