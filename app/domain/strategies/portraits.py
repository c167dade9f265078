"""What each strategy is, for people who choose: a paragraph and example declines."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.domain.cases import Card, Case, Customer
from app.domain.declines import Codes, Decline, MadeBy
from app.domain.money import Money
from app.domain.strategies import ADAPTIVE
from app.domain.strategies.even_spread import EvenSpread
from app.domain.strategies.fixed_ladder import FixedLadder
from app.domain.strategies.hands_off import HandsOff
from app.domain.window import deadline

_DECLINED_AT = datetime(2026, 11, 3, 6, 20, tzinfo=UTC)
_RENEWS_AT = datetime(2026, 12, 3, 6, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Portrait:
    """A strategy in words."""

    title: str
    paragraph: str


PORTRAITS: dict[str, Portrait] = {
    EvenSpread.name: Portrait(
        "Even spread",
        "Up to eight retries, spread over the whole time there is: 28 days, or until "
        "two days before the next bill. Each falls on a good hour of the customer's "
        "own day and prefers a weekday that has not failed yet. A technical fault is "
        "tried again after a few hours, a limit on the next day. It needs no history "
        "and is what every other strategy has to beat.",
    ),
    ADAPTIVE: Portrait(
        "Adaptive",
        "Asks why the card was declined and when that ends: money that comes on "
        "payday, a limit that resets, a block that clears, a card that will never "
        "work. Each answer moves the belief, and several retries are planned ahead. "
        "It learns from your own recoveries and leaves the even spread only as far "
        "as they have shown that it gains by it; when the model fails, the even "
        "spread takes over.",
    ),
    FixedLadder.name: Portrait(
        "Fixed ladder",
        "Four retries, one, three, five and seven days after the first decline, at "
        "the hour of that decline, whatever the reason was. What many billing "
        "systems do out of the box. Here to be compared with.",
    ),
    HandsOff.name: Portrait(
        "Hands off",
        "Charges nothing. Declines are recorded and explained, and you see what Even "
        "spread would have done beside what Stripe did. For looking first.",
    ),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A decline to show a strategy with."""

    title: str
    case: Case


def _example(title: str, code: str) -> Example:
    month = timedelta(days=30)
    return Example(
        title,
        Case(
            invoice_id="in_example",
            amount=Money(1900, "eur"),
            declines=(Decline(_DECLINED_AT, Codes(decline_code=code), MadeBy.FIRST),),
            deadline_at=deadline(
                _DECLINED_AT, next_billing_at=_RENEWS_AT, cancel_at=None
            ),
            customer=Customer("cus_example", timezone="Europe/Berlin"),
            card=Card(brand="visa", network="visa", funding="debit", country="DE"),
            interval="month",
            past_successes=tuple(_DECLINED_AT - n * month for n in (3, 2, 1)),
        ),
    )


EXAMPLES = (
    _example("Not enough money", "insufficient_funds"),
    _example("A technical fault", "processing_error"),
    _example("A limit was reached", "card_velocity_exceeded"),
)
