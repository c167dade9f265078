"""Whether the next charge takes another card than was refused."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from app.domain.cases import Card
from app.domain.chosen_card import first_refused_at, was_replaced
from app.domain.declines import DeclineKind
from app.domain.snapshots import PaymentMethodSnapshot
from tests.domain.builders import MONDAY, days


@dataclass(frozen=True)
class Refused:
    stripe_payment_method_id: str | None
    fingerprint: str | None = "fp_1"
    card_expiry: str | None = "2027-04"
    occurred_at: datetime = MONDAY
    kind: DeclineKind = DeclineKind.SOFT
    network_advice_code: str | None = None


HARD, ASKS = DeclineKind.HARD, DeclineKind.NEEDS_CUSTOMER


def a_card(
    id: str = "pm_1", *, fingerprint: str | None = "fp_1", year: int = 2027
) -> PaymentMethodSnapshot:
    return PaymentMethodSnapshot(
        id, card=Card(fingerprint=fingerprint), exp_month=4, exp_year=year
    )


@pytest.mark.parametrize(
    ("refused", "chosen", "card", "answer"),
    [
        ([], "pm_1", a_card(), False),
        ([Refused("pm_1")], None, None, False),
        ([Refused("pm_1")], "pm_1", a_card(), False),
        ([Refused("pm_1")], "pm_1", None, False),
        ([Refused("pm_1")], "pm_2", a_card("pm_2", fingerprint="fp_2"), True),
        ([Refused("pm_1")], "pm_2", None, True),
        # The very card once more: what was said of it for good, or for days, stands.
        ([Refused("pm_1", kind=HARD)], "pm_2", a_card("pm_2"), False),
        ([Refused("pm_1", network_advice_code="30")], "pm_2", a_card("pm_2"), False),
        ([Refused("pm_1", kind=HARD), Refused("pm_9")], "pm_2", a_card("pm_2"), False),
        ([Refused("pm_1", kind=HARD)], "pm_2", a_card("pm_2", year=2030), True),
        ([Refused("pm_1")], "pm_2", a_card("pm_2"), True),
        ([Refused("pm_1", kind=ASKS)], "pm_2", a_card("pm_2"), True),
        (
            [Refused("pm_1", kind=ASKS, network_advice_code="01")],
            "pm_2",
            a_card("pm_2"),
            True,
        ),
        # No card at all.
        (
            [Refused("pm_1", None, None, kind=HARD)],
            "pm_2",
            PaymentMethodSnapshot("pm_2"),
            True,
        ),
        ([Refused("pm_1")], "pm_1", a_card(fingerprint="fp_2"), True),
        ([Refused("pm_1")], "pm_1", a_card(year=2030), True),
        # Of what was refused last nobody knows which card it was.
        ([Refused(None)], "pm_1", a_card(), False),
        # Another was tried by hand in between: the chosen one was refused before.
        ([Refused("pm_1"), Refused("pm_2")], "pm_1", a_card(), False),
        ([Refused("pm_1"), Refused("pm_2")], "pm_1", None, False),
        ([Refused("pm_1"), Refused("pm_2")], "pm_1", a_card(year=2030), True),
    ],
)
def test_another_card_or_a_renewed_one_was_not_refused_yet(
    refused: list[Refused],
    chosen: str | None,
    card: PaymentMethodSnapshot | None,
    answer: bool,
) -> None:
    assert was_replaced(refused, chosen, card, noticed_at=None) is answer


def test_a_change_is_news_once_until_the_new_card_is_refused_too() -> None:
    refused = [Refused("pm_1")]
    later, card = MONDAY + days(1), a_card("pm_2", fingerprint="fp_2")
    assert not was_replaced(refused, "pm_2", card, noticed_at=later)
    refused.append(Refused("pm_2", "fp_2", occurred_at=MONDAY + days(2)))
    third = a_card("pm_3", fingerprint="fp_3")
    assert was_replaced(refused, "pm_3", third, noticed_at=later)


def test_a_card_tried_by_hand_is_known_from_its_first_refusal_on() -> None:
    by_hand = MONDAY + days(3)
    refused = [
        Refused("pm_1"),
        Refused("pm_2", "fp_2", occurred_at=by_hand),
        Refused("pm_2", "fp_2", occurred_at=MONDAY + days(5)),
    ]
    assert first_refused_at(refused, "pm_2") == by_hand
    assert first_refused_at(refused, "pm_1") is None  # not the only one since
    assert first_refused_at(refused[1:], "pm_2") is None  # no other was refused
    assert first_refused_at([Refused(None), *refused], "pm_2") is None
    assert first_refused_at(refused, None) is None


def test_a_card_ruled_out_has_no_first_refusal_under_another_id() -> None:
    again = Refused("pm_2", occurred_at=MONDAY + days(3))
    assert first_refused_at([Refused("pm_1", kind=HARD), again], "pm_2") is None
    assert first_refused_at([Refused("pm_1", kind=ASKS), again], "pm_2") is not None
