"""What a decision rests on, as JSON and back."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.case_json import BadFacts, from_json, to_json
from app.domain.cases import Card, CardAttempt, Case, Customer
from app.domain.declines import Codes, Decline, MadeBy
from app.domain.facts import Facts
from app.domain.money import Money
from app.domain.stripe_refusals import StripeRefusals
from tests.domain.builders import MONDAY, a_case

AT = datetime(2026, 11, 3, 7, 8, 9, 123457, tzinfo=UTC)
CODES = Codes("do_not_honor", "try_again_later", "05", "24", "issuer", "sent", "visa")
FULL = Facts(
    Case(
        invoice_id="in_1",
        amount=Money(1900, "jpy"),
        declines=(Decline(AT, CODES, MadeBy.FIRST), Decline(MONDAY, Codes())),
        deadline_at=AT + timedelta(days=28),
        customer=Customer("cus_1", "DE", "Europe/Berlin", 60, 14),
        card=Card("visa", "cartes", "debit", "FR", "fp", "bank", "424242", "card"),
        charges=3,
        retries=2,
        interval="month",
        plan="Ünicode “Plan”",
        card_attempts=(
            CardAttempt(AT, 1900, "jpy", declined=False, reached_network=False),
        ),
        past_successes=(MONDAY, AT),
        past_declines=(AT,),
        declines_elsewhere=(Decline(AT, CODES, MadeBy.CUSTOMER),),
        seed=2**60 + 1,
        card_changed_at=AT,
    ),
    StripeRefusals(AT, 2, "Stripe said no."),
)


@pytest.mark.parametrize("facts", [FULL, Facts(a_case()), Facts(a_case(None))])
def test_what_is_read_is_what_was_written(facts: Facts) -> None:
    assert from_json(json.loads(json.dumps(to_json(facts)))) == facts


def test_nothing_is_forgotten() -> None:
    """A field that is added to these values must be in FULL, and so be kept."""
    case = FULL.case
    for value in (case, case.card, case.customer, case.declines[0], CODES):
        for field in fields(value):
            assert getattr(value, field.name) != field.default, field.name


def test_a_usual_case_takes_less_than_a_kilobyte() -> None:
    past = tuple(MONDAY - timedelta(days=30 * n) for n in range(1, 13))
    tries = tuple(CardAttempt(MONDAY, 1900, "eur") for _ in range(3))
    case = a_case(past_successes=past, card_attempts=tries)
    assert len(json.dumps(to_json(Facts(case)))) < 1000


@pytest.mark.parametrize(
    "stored",
    [
        *(None, [], {}, {"case": None}, {"case": {}}, "case"),
        {"case": {"unheard_of": 1}},
        {"case": to_json(FULL)["case"] | {"deadline_at": 10**30}},
        {"case": to_json(FULL)["case"] | {"declines": [7]}},
        to_json(FULL) | {"refusals": 3},
    ],
)
def test_damage_is_said(stored: Any) -> None:
    with pytest.raises(BadFacts):
        from_json(stored)
