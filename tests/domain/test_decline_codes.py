"""The table of codes is whole, says what may be said, and keeps its secrets."""

from collections import Counter

import pytest

from app.domain.decline_codes import (
    CODES,
    CUSTOMER_SENTENCES,
    NEXT_STEPS,
    ROWS,
    CodeFacts,
    JudgedBy,
    NextStep,
    SameCard,
    Space,
)
from app.domain.declines import DeclineKind

# Every code that Stripe and the networks were known to send in November 2026.
KNOWN = {
    "stripe": """
        approve_with_id authentication_not_handled authentication_required
        call_issuer card_not_supported card_velocity_exceeded
        currency_not_supported do_not_honor do_not_try_again duplicate_transaction
        expired_card fraudulent generic_decline incorrect_address incorrect_cvc
        incorrect_number incorrect_pin incorrect_zip insufficient_funds
        invalid_account invalid_amount invalid_cvc invalid_expiry_month
        invalid_expiry_year invalid_number invalid_pin issuer_not_available
        lost_card merchant_blacklist mobile_device_authentication_required
        new_account_information_available no_action_taken not_permitted
        offline_pin_required online_or_offline_pin_required pickup_card
        pin_try_exceeded processing_error reenter_transaction restricted_card
        revocation_of_all_authorizations revocation_of_authorization
        security_violation service_not_allowed stolen_card stop_payment_order
        testmode_decline transaction_not_allowed try_again_later
        withdrawal_count_limit_exceeded partner_generic_decline
        invalid_customer_account payment_limit_exceeded invalid_billing_agreement
        partner_expired_card partner_processing_error partner_insufficient_funds
        partner_invalid_currency partner_invalid_amount invalid_business_account
        partner_high_risk_customer compliance_violation payment_disputed
        invalid_authorization invalid_payment_information
        partner_payment_not_found expired_payment_information
        partner_duplicate_transaction highest_risk_level elevated_risk_level
        low_probability_of_authorization rule previously_declined_do_not_retry
        card_decline_rate_limit_exceeded payment_intent_rate_limit_exceeded
        invoice_payment_intent_requires_action
        india_recurring_payment_mandate_canceled
    """,
    "advice": """
        confirm_card_data do_not_try_again try_again_later
    """,
    "mastercard-advice": """
        01 02 03 04 05 21 22 24 25 26 27 28 29 30 40 41 42 43 51
    """,
    "visa": """
        04 07 12 14 15 41 43 46 57 R0 R1 R3 03 19 39 51 52 53 59 61 62 65 75 78 86
        91 93 96 5C 9G N3 N4 Z5 83 54 55 82 6P N7 70 1A 01 05 13 58 63 *
    """,
    "mastercard": """
        01 02 03 04 05 06 07 12 13 14 15 19 21 22 30 31 33 34 36 38 39 40 41 42 43
        44 51 52 53 54 55 56 57 58 59 61 62 63 65 75 91 92 93 94 96 79 82 83
    """,
    "amex": """
        100 101 106 107 109 110 111 115 117 119 122 125 181 183 187 189 200 909
        912
    """,
    "discover": """
        *
    """,
}

# https://docs.stripe.com/billing/revenue-recovery/smart-retries (2026-04-12)
NEVER_RETRIED_BY_STRIPE = {
    *("incorrect_number", "lost_card", "pickup_card", "stolen_card"),
    *("revocation_of_authorization", "revocation_of_all_authorizations"),
    *("authentication_required", "highest_risk_level", "transaction_not_allowed"),
}
# https://docs.stripe.com/declines/codes (2026-04-15) and what hints at them
NOT_TO_BE_TOLD = {
    ("stripe", "lost_card"),
    ("stripe", "stolen_card"),
    ("stripe", "fraudulent"),
    ("stripe", "merchant_blacklist"),
    ("stripe", "pickup_card"),
    ("stripe", "restricted_card"),
    ("stripe", "highest_risk_level"),
    ("stripe", "elevated_risk_level"),
    ("stripe", "rule"),
    ("stripe", "partner_high_risk_customer"),
    *(("visa", code) for code in ("04", "07", "41", "43", "59", "83")),
    *(("mastercard", code) for code in ("04", "07", "34", "41", "43", "59", "83")),
    ("mastercard-advice", "42"),
    ("amex", "200"),
}
VISA_CATEGORY_1 = [
    *("04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"),
]


def test_no_code_has_two_rows() -> None:
    rows = Counter((row.space, row.code) for row in ROWS)
    assert [key for key, times in rows.items() if times > 1] == []


@pytest.mark.parametrize("space", KNOWN)
def test_every_code_that_is_known_has_a_row_and_no_other(space: str) -> None:
    assert set(KNOWN[space].split()) == {r.code for r in ROWS if r.space == space}


def test_every_word_of_the_table_is_used() -> None:
    assert {row.kind for row in ROWS} == set(DeclineKind)
    assert {row.same_card for row in ROWS} == set(SameCard)
    assert {row.judged_by for row in ROWS} == set(JudgedBy)
    assert {row.space for row in ROWS} == set(Space)
    assert {row.next_step for row in ROWS} == set(NextStep) == set(NEXT_STEPS)
    said = {row.customer_sentence for row in ROWS}
    assert said == set(CUSTOMER_SENTENCES.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.space}:{row.code}")
def test_a_row_makes_sense_in_itself(row: CodeFacts) -> None:
    assert row.meaning.endswith(".")
    assert row.source
    if row.kind in {DeclineKind.HARD}:
        assert row.same_card is SameCard.NO
    if row.kind in {DeclineKind.SOFT, DeclineKind.TECHNICAL}:
        assert row.same_card is not SameCard.NO
    if row.same_card is SameCard.NO:
        assert row.next_step not in {NextStep.WAIT, NextStep.LIMIT, NextStep.UPDATED}


def test_only_the_codes_of_stripes_own_list_are_said_to_be_judged_by_stripe() -> None:
    judged = {
        row.code
        for row in ROWS
        if row.space is Space.STRIPE and row.judged_by is JudgedBy.STRIPE
    }
    assert judged == NEVER_RETRIED_BY_STRIPE


@pytest.mark.parametrize("code", sorted(NEVER_RETRIED_BY_STRIPE))
def test_what_stripe_never_retries_we_never_retry(code: str) -> None:
    assert CODES[Space.STRIPE, code].is_final


@pytest.mark.parametrize("code", VISA_CATEGORY_1)
def test_visas_category_1_is_never_retried(code: str) -> None:
    assert CODES[Space.VISA, code].is_final
    assert CODES[Space.VISA, code].kind is DeclineKind.HARD


def test_no_other_code_of_visa_is_ruled_out_by_visa() -> None:
    final = {row.code for row in ROWS if row.space is Space.VISA and row.is_final}
    assert final == set(VISA_CATEGORY_1)


@pytest.mark.parametrize("key", sorted(NOT_TO_BE_TOLD))
def test_a_customer_is_not_told_what_stripe_asks_to_keep(key: tuple[str, str]) -> None:
    assert CODES[key].customer_sentence == CUSTOMER_SENTENCES["declined"]


def test_no_customer_sentence_hints_at_theft_fraud_or_blocks() -> None:
    said = " ".join(CUSTOMER_SENTENCES.values()).lower()
    for word in ("lost", "stol", "fraud", "risk", "block", "list", "suspect", "crime"):
        assert word not in said


def test_one_value_means_different_things_in_two_networks() -> None:
    assert CODES[Space.VISA, "82"].kind is DeclineKind.NEEDS_CUSTOMER
    assert CODES[Space.MASTERCARD, "82"].kind is DeclineKind.SOFT
