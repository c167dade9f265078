"""Caps, waits, fees and stops on one card, as the networks publish them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.cases import Card, CardAttempt, Case
from app.domain.declines import Codes, Decline
from app.domain.money import Money
from app.domain.network_rules import (
    MAX_CHARGES,
    MAX_RETRIES,
    cap_breach,
    caps_for,
    earliest_allowed,
    expected_fee,
    fees_in_force,
    hard_stop,
)
from app.domain.network_rules_data import (
    ADVICE_WAITS,
    CAPS,
    FEES,
    PUBLISHED,
    Cap,
    FeeFor,
)
from tests.domain.builders import (
    MONDAY,
    a_case,
    a_decline,
    days,
    hours,
    some_attempts,
)

MINUTE = timedelta(minutes=1)
VISA = Card(brand="visa", country="US")
MASTERCARD = Card(brand="mastercard", country="US")


def test_eight_retries_and_the_first_charge_are_the_ceiling() -> None:
    assert (MAX_RETRIES, MAX_CHARGES) == (8, 9)


# Stops.


def test_a_soft_decline_stops_nothing() -> None:
    assert hard_stop(a_case("insufficient_funds")) is None


def test_the_reason_of_a_stop_says_what_and_what_next() -> None:
    stop = hard_stop(a_case("incorrect_number"))
    assert stop is not None
    assert "number is wrong" in stop.reason
    assert "ruled out" in stop.reason
    assert "enter the card's data again" in stop.reason


@pytest.mark.parametrize(
    ("card", "code", "stops"),
    [
        (VISA, "14", True),
        (Card(brand="VISA", network="visa"), "14", True),
        # a co-badged card goes by the network that carried the charge
        (Card(brand="cartes_bancaires", network="visa"), "R1", True),
        (Card(brand="visa", network="cartes_bancaires"), "R1", False),
        (MASTERCARD, "12", False),
        (VISA, "12", True),
        (Card(), "12", True),  # unknown: the strictest
    ],
)
def test_a_code_is_read_with_the_cards_network(
    card: Card, code: str, stops: bool
) -> None:
    declines = (a_decline("generic_decline", network_decline_code=code),)
    case = a_case(declines=declines, card=card)
    assert (hard_stop(case) is not None) is stops


@pytest.mark.parametrize(
    ("codes", "binds"),
    [
        (Codes("lost_card"), True),
        (Codes("generic_decline", network_decline_code="46", network="visa"), True),
        (Codes("do_not_honor", network_advice_code="21"), True),
        (Codes("do_not_honor", "do_not_try_again", network_advice_code="03"), True),
        # of one purchase, of the merchant's side, of data that can be mended
        (Codes("do_not_honor", advice_code="do_not_try_again"), False),
        (Codes("do_not_honor", network_advice_code="22"), False),
        (Codes("incorrect_number"), False),
        (Codes("lost_card", outcome_type="blocked"), False),
        (Codes("insufficient_funds"), False),
    ],
)
def test_what_rules_the_card_out_counts_for_every_invoice(
    codes: Codes, *, binds: bool
) -> None:
    case = a_case("insufficient_funds", declines_elsewhere=(Decline(MONDAY, codes),))
    stop = hard_stop(case)
    assert (stop is not None) is binds
    assert stop is None or "another invoice" in stop.reason


@pytest.mark.parametrize(
    ("first", "stops"),
    [
        (Codes("lost_card"), True),
        (Codes("do_not_honor", advice_code="do_not_try_again"), True),
        # put right since, as the newer answer shows
        (Codes("authentication_required"), False),
        (Codes("incorrect_cvc"), False),
        (Codes("rule", outcome_type="blocked"), False),
    ],
)
def test_a_never_code_stands_and_a_corrected_fault_does_not(
    first: Codes, stops: bool
) -> None:
    case = a_case(
        declines=(Decline(MONDAY, first), a_decline(occurred_at=MONDAY + days(2)))
    )
    assert (hard_stop(case) is not None) is stops


# Waits.


@pytest.mark.parametrize(("code", "wait"), ADVICE_WAITS.items())
def test_advised_waits_run_from_the_decline(code: str, wait: timedelta) -> None:
    case = a_case(declines=(a_decline(network_advice_code=code),))
    found = earliest_allowed(case, MONDAY)
    assert found is not None
    assert wait <= found.until - MONDAY <= wait + 5 * MINUTE
    assert f"advice {code}" in found.rule
    assert earliest_allowed(case, MONDAY + wait + 5 * MINUTE) is None


def test_the_published_waits_are_these() -> None:
    given = {code: wait / hours(1) for code, wait in ADVICE_WAITS.items()}
    assert given == {
        "24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240,
        "02": 72,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "wait"),
    [
        ("card_decline_rate_limit_exceeded", hours(24)),
        ("payment_intent_rate_limit_exceeded", hours(1)),
        ("duplicate_transaction", hours(24)),
        ("low_probability_of_authorization", hours(24)),
    ],
)
def test_some_codes_ask_for_a_wait_themselves(code: str, wait: timedelta) -> None:
    found = earliest_allowed(a_case(code), MONDAY)
    assert found is not None
    assert wait <= found.until - MONDAY <= wait + 5 * MINUTE


def test_the_longest_wait_counts_whoever_was_told_it_first() -> None:
    case = a_case(
        declines=(
            a_decline(network_advice_code="29"),
            a_decline(network_advice_code="24", occurred_at=MONDAY + days(1)),
        )
    )
    found = earliest_allowed(case, MONDAY + days(1))
    assert found is not None
    assert found.rule == "Mastercard advice 29: wait 8 days"


def test_a_wait_is_data_and_can_be_edited() -> None:
    patient = replace(PUBLISHED, advice_waits={"02": days(5)})
    case = a_case(declines=(a_decline(network_advice_code="02"),))
    found = earliest_allowed(case, MONDAY, rules=patient)
    assert found is not None
    assert found.until >= MONDAY + days(5)


# Caps.


def with_tries(card: Card, *attempts: tuple[CardAttempt, ...]) -> Case:
    return a_case(card=card, card_attempts=sum(attempts, ()))


@pytest.mark.parametrize(
    ("card", "earlier", "is_full"),
    [
        # the renewal's own refusal is one more
        (VISA, 13, False),
        (VISA, 14, True),
        (Card(brand="amex"), 14, True),
        (Card(), 14, True),
        (MASTERCARD, 14, False),
        (MASTERCARD, 33, False),
        (MASTERCARD, 34, True),
        (Card(brand="mastercard", country="BR"), 6, False),
        (Card(brand="mastercard", country="br"), 7, True),
    ],
)
def test_a_card_is_full_after_so_many_tries_in_a_month(
    card: Card, earlier: int, is_full: bool
) -> None:
    case = with_tries(card, some_attempts(earlier, at=MONDAY - days(5)))
    assert (cap_breach(case, MONDAY + days(2)) is not None) is is_full


@pytest.mark.parametrize(("earlier", "is_full"), [(8, False), (9, True)])
def test_mastercard_allows_ten_in_a_day(earlier: int, is_full: bool) -> None:
    case = with_tries(MASTERCARD, some_attempts(earlier, at=MONDAY - hours(1)))
    breach = cap_breach(case, MONDAY + hours(2))
    assert (breach is not None) is is_full
    if breach:
        assert (
            breach.rule == "Mastercard allows 10 refused charges on a card in 24 hours"
        )


def test_it_fits_again_when_enough_have_left_the_window() -> None:
    # Two too many: the second oldest has to leave as well.
    attempts = some_attempts(15, at=MONDAY - days(5))
    case = with_tries(VISA, attempts)
    breach = cap_breach(case, MONDAY + days(1))
    assert breach is not None
    assert attempts[1].at + days(30) <= breach.fits_at
    assert breach.fits_at <= attempts[1].at + days(30) + 5 * MINUTE
    assert cap_breach(case, breach.fits_at) is None
    assert cap_breach(case, breach.fits_at - 10 * MINUTE) is not None


def test_only_mastercards_monthly_cap_looks_at_the_amount() -> None:
    other = some_attempts(40, at=MONDAY - days(5), amount=999)
    assert cap_breach(with_tries(MASTERCARD, other), MONDAY + days(1)) is None
    assert cap_breach(with_tries(VISA, other), MONDAY + days(1)) is not None


def test_what_no_network_saw_or_what_was_approved_does_not_count() -> None:
    blocked = some_attempts(20, at=MONDAY - days(1), reached_network=False)
    approved = some_attempts(20, at=MONDAY - days(2), declined=False)
    assert cap_breach(with_tries(VISA, blocked, approved), MONDAY + days(1)) is None


def test_a_refusal_that_is_in_both_lists_counts_once() -> None:
    own = CardAttempt(MONDAY, 2000, "usd")
    case = with_tries(VISA, some_attempts(13, at=MONDAY - days(1)), (own,))
    assert cap_breach(case, MONDAY + days(1)) is None


def test_a_blocked_decline_of_the_invoice_itself_does_not_count() -> None:
    blocked = a_decline("generic_decline", outcome_type="blocked")
    tries = some_attempts(14, at=MONDAY - days(1))
    case = a_case(declines=(blocked,), card_attempts=tries)
    assert cap_breach(case, MONDAY + days(1)) is None


def test_caps_are_dated() -> None:
    in_2021 = datetime(2021, 6, 1, tzinfo=UTC)
    assert {cap.tries for cap in caps_for(a_case(), in_2021)} == {15}
    assert {cap.tries for cap in caps_for(a_case(), MONDAY)} == {15, 20}


def test_a_cap_is_data_and_can_be_edited() -> None:
    strict = replace(
        PUBLISHED, caps=(Cap("visa", 1, days(30), date(2026, 1, 1), "a test"),)
    )
    assert cap_breach(a_case(), MONDAY + days(1)) is None
    assert cap_breach(a_case(), MONDAY + days(1), rules=strict) is not None


def test_every_rule_has_a_source() -> None:
    assert all(cap.source for cap in CAPS)
    assert all(fee.source for fee in FEES)


# Fees.


def test_a_try_inside_the_rules_costs_nothing() -> None:
    assert expected_fee(a_case(), MONDAY + days(2)) is None


@pytest.mark.parametrize(
    ("card", "merchant", "cents"),
    [
        (VISA, "US", 10),
        (VISA, "us", 10),
        (VISA, "DE", 25),
        (VISA, None, 25),  # not known: the dearer
        (Card(brand="visa"), "US", 25),
        (MASTERCARD, "US", 50),
    ],
)
def test_an_excess_try_costs(card: Card, merchant: str | None, cents: int) -> None:
    case = with_tries(card, some_attempts(40, at=MONDAY - hours(2)))
    fee = expected_fee(case, MONDAY + hours(4), merchant_country=merchant)
    assert fee == Money(cents, "usd")


def test_networks_without_a_published_fee_charge_none() -> None:
    case = with_tries(Card(brand="amex"), some_attempts(40, at=MONDAY - hours(2)))
    assert expected_fee(case, MONDAY + hours(4)) is None


def test_a_try_after_a_never_code_costs() -> None:
    declines = (a_decline(network_advice_code="03"),)
    case = a_case(declines=declines, card=MASTERCARD)
    assert expected_fee(case, MONDAY + days(2)) == Money(50, "usd")


@pytest.mark.parametrize(
    ("brand", "code", "advice", "cents"),
    [
        *(("mastercard", "51", str(advice), 2) for advice in range(24, 31)),
        ("mastercard", "51", "02", None),
        ("mastercard", "51", None, None),
        ("mastercard", "05", "24", None),
        ("visa", "51", "24", None),
    ],
)
def test_a_refusal_with_mastercards_advice_costs_two_cents(
    brand: str, code: str, advice: str | None, cents: int | None
) -> None:
    decline = a_decline(network_decline_code=code, network_advice_code=advice)
    case = a_case(declines=(decline,), card=Card(brand=brand, country="US"))
    fee = expected_fee(case, MONDAY + days(12))
    assert fee == (None if cents is None else Money(cents, "usd"))


def test_only_the_newest_refusal_tells_whether_advice_will_come() -> None:
    declines = (
        a_decline(network_decline_code="51", network_advice_code="24"),
        a_decline(network_decline_code="51", occurred_at=MONDAY + days(2)),
    )
    case = a_case(declines=declines, card=MASTERCARD)
    assert expected_fee(case, MONDAY + days(12)) is None


@pytest.mark.parametrize(("stops", "cents"), [(2, 25), (3, 100)])
def test_visas_stop_orders_cost_more_from_the_fourth_try(
    stops: int, cents: int
) -> None:
    declines = tuple(
        a_decline(
            "revocation_of_authorization",
            network_decline_code="R1",
            occurred_at=MONDAY + days(n),
        )
        for n in range(stops)
    )
    fee = expected_fee(a_case(declines=declines), MONDAY + days(5))
    assert fee == Money(cents, "usd")


@pytest.mark.parametrize(
    ("at", "cents"),
    [(datetime(2026, 4, 24, tzinfo=UTC), 15), (datetime(2026, 4, 25, tzinfo=UTC), 25)],
)
def test_the_newest_fee_in_force_counts(at: datetime, cents: int) -> None:
    fees = [
        fee.amount
        for fee in fees_in_force("visa", at)
        if fee.charged_for is FeeFor.EXCESS and fee.cross_border
    ]
    assert fees == [cents]
