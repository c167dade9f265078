"""What the networks count against one card, and what they do not."""

from dataclasses import replace
from datetime import timedelta

from app.domain.card_use import CardUse, card_use
from app.domain.cases import Card, CardAttempt
from tests.domain.builders import MONDAY, a_case, some_attempts

DAY = timedelta(days=1)


def test_refusals_by_whomever_count_and_what_stripe_blocked_stands_apart() -> None:
    refused = some_attempts(3, at=MONDAY - DAY)
    blocked = some_attempts(2, at=MONDAY - 2 * DAY, reached_network=False)
    approved = some_attempts(1, at=MONDAY - 3 * DAY, declined=False)
    old = (CardAttempt(MONDAY - 31 * DAY, 2000, "usd"),)
    case = a_case(card_attempts=(*refused, *blocked, *approved, *old))
    # The invoice's own first refusal is the fourth.
    assert card_use(case, MONDAY + DAY) == CardUse(4, 2, allowed=15)


def test_the_strictest_cap_of_a_month_is_shown() -> None:
    brazil = Card(brand="mastercard", country="BR", fingerprint="fp")
    assert card_use(a_case(card=brazil), MONDAY).allowed == 8
    assert card_use(a_case(card=replace(brazil, country="DE")), MONDAY).allowed == 35
