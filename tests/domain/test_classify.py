"""What a refusal means: one table, a remark a group."""

import pytest

from app.domain.classify import classify, explain
from app.domain.decline_codes import (
    CODES,
    CUSTOMER_SENTENCES,
    JudgedBy,
    NextStep,
    SameCard,
)
from app.domain.declines import Codes, DeclineKind

SOFT, HARD = DeclineKind.SOFT, DeclineKind.HARD
CUSTOMER, BLOCKED = DeclineKind.NEEDS_CUSTOMER, DeclineKind.BLOCKED
TECHNICAL = DeclineKind.TECHNICAL
YES, RARELY, NO = SameCard.YES, SameCard.RARELY, SameCard.NO


def c(decline_code: str | None = None, **over: str) -> Codes:
    return Codes(decline_code=decline_code, **over)


def mc(advice: str, decline_code: str | None = None, **over: str) -> Codes:
    return Codes(decline_code, network="mastercard", network_advice_code=advice, **over)


def visa(code: str, decline_code: str | None = None, **over: str) -> Codes:
    return Codes(decline_code, network="visa", network_decline_code=code, **over)


TABLE = [
    # the decline code alone
    (c("insufficient_funds"), SOFT, YES),
    (c("do_not_honor"), SOFT, YES),
    (c("processing_error"), TECHNICAL, YES),
    (c("issuer_not_available"), TECHNICAL, YES),
    (c("try_again_later"), TECHNICAL, YES),
    (c("stolen_card"), HARD, NO),
    (c("fraudulent"), HARD, NO),
    (c("authentication_required"), CUSTOMER, NO),
    (c("incorrect_cvc"), CUSTOMER, NO),
    # an account updater may bring the new card by itself: a few tries
    (c("expired_card"), CUSTOMER, RARELY),
    (c("new_account_information_available"), CUSTOMER, RARELY),
    (mc("01", "generic_decline"), CUSTOMER, RARELY),
    # Stripe blocked it, which outranks every code
    (c("insufficient_funds", outcome_type="blocked"), BLOCKED, RARELY),
    (c("generic_decline", outcome_type="blocked"), BLOCKED, RARELY),
    (c("generic_decline", network_status="not_sent_to_network"), BLOCKED, RARELY),
    (c(outcome_type="blocked"), BLOCKED, RARELY),
    (c("low_probability_of_authorization"), BLOCKED, YES),
    (c("low_probability_of_authorization", outcome_type="blocked"), BLOCKED, YES),
    (c("highest_risk_level"), BLOCKED, NO),
    (c("rule", outcome_type="blocked"), BLOCKED, NO),
    (c("previously_declined_do_not_retry", outcome_type="blocked"), BLOCKED, NO),
    (c("merchant_blacklist"), BLOCKED, NO),
    (c("stolen_card", outcome_type="blocked"), BLOCKED, NO),
    (c("generic_decline", outcome_type="blocked", advice_code="do_not_try_again"),
     BLOCKED, NO),
    # never: whoever says it, of whatever code
    (c("insufficient_funds", advice_code="do_not_try_again"), HARD, NO),
    (c("processing_error", advice_code="do_not_try_again"), HARD, NO),
    (mc("03", "insufficient_funds"), HARD, NO),
    (mc("21", "do_not_honor"), HARD, NO),
    (mc("41", "generic_decline"), HARD, NO),
    (mc("42"), HARD, NO),
    (mc("03", "insufficient_funds", advice_code="try_again_later"), HARD, NO),
    (visa("14", "generic_decline"), HARD, NO),
    (visa("R1", "insufficient_funds"), HARD, NO),
    (visa("57", "transaction_not_allowed"), HARD, NO),
    # nobody but Mastercard publishes such advice, so it is read so on any network
    (c("insufficient_funds", network="visa", network_advice_code="03"), HARD, NO),
    (c("insufficient_funds", network="visa", network_advice_code="R3"), HARD, NO),
    # Stripe's own list stands against advice; our own inference yields to it
    (c("stolen_card", advice_code="try_again_later"), HARD, NO),
    (c("authentication_required", advice_code="try_again_later"), CUSTOMER, NO),
    (c("transaction_not_allowed", network_advice_code="24"), HARD, NO),
    (c("fraudulent", advice_code="try_again_later"), SOFT, YES),
    (mc("02", "card_not_supported"), SOFT, YES),
    (c("stop_payment_order", advice_code="try_again_later"), HARD, NO),  # their wish
    # words that no advice takes back
    (mc("28", "do_not_try_again"), HARD, NO),
    (c("do_not_try_again", advice_code="try_again_later"), HARD, NO),
    (mc("28", "invalid_account"), HARD, NO),
    (c("invalid_account", advice_code="try_again_later"), HARD, NO),
    # data to be corrected: by the customer, or by the updater where that can be
    (c("generic_decline", advice_code="confirm_card_data"), CUSTOMER, NO),
    (c("do_not_honor", advice_code="confirm_card_data"), CUSTOMER, NO),
    (c("expired_card", advice_code="confirm_card_data"), CUSTOMER, RARELY),
    # advice to wait keeps the kind that the code gives
    (mc("27", "insufficient_funds"), SOFT, YES),
    (mc("24", "processing_error"), TECHNICAL, YES),
    (mc("30"), SOFT, YES),
    # Mastercard's groups: the advice decides; security with 01 means 3D Secure
    (mc("01", "generic_decline", network_decline_code="79"), CUSTOMER, RARELY),
    (mc("02", "generic_decline", network_decline_code="79"), SOFT, YES),
    (mc("03", "generic_decline", network_decline_code="82"), HARD, NO),
    (mc("01", "generic_decline", network_decline_code="83"), CUSTOMER, NO),
    (mc("40", "generic_decline"), CUSTOMER, NO),
    (mc("43", "generic_decline"), CUSTOMER, RARELY),
    # a vague decline code lets the network's code speak, by network
    (visa("91", "generic_decline"), TECHNICAL, YES),
    (visa("51", "do_not_honor"), SOFT, YES),
    (visa("82", "generic_decline"), CUSTOMER, NO),
    (c("generic_decline", network="mastercard", network_decline_code="82"), SOFT, YES),
    (c("generic_decline", network="amex", network_decline_code="912"), TECHNICAL, YES),
    (c("generic_decline", network="American Express", network_decline_code="187"),
     CUSTOMER, RARELY),
    (visa("Q9", "generic_decline"), SOFT, YES),  # Visa: all others, category 4
    (visa("91"), TECHNICAL, YES),
    # a clear one keeps the word
    (visa("05", "insufficient_funds"), SOFT, YES),
    (visa("96", "expired_card"), CUSTOMER, RARELY),
    # an unknown network: the strictest reading
    (c("generic_decline", network_decline_code="41"), HARD, NO),
    (c("generic_decline", network_decline_code="12"), HARD, NO),
    (c("generic_decline", network_decline_code="51"), SOFT, YES),
    # unknown: soft, with care
    (c("a_code_of_next_year"), SOFT, RARELY),
    (c(), SOFT, RARELY),
]  # fmt: skip


@pytest.mark.parametrize(("codes", "kind", "same_card"), TABLE)
def test_a_refusal_is_of_its_kind(
    codes: Codes, kind: DeclineKind, same_card: SameCard
) -> None:
    told = explain(codes)
    assert (told.kind, told.same_card) == (kind, same_card)
    assert classify(codes) is kind
    assert told.may_retry_same_card is (same_card is not NO)
    assert told.staff
    assert told.what_next


@pytest.mark.parametrize(
    ("codes", "known"),
    [
        (c("insufficient_funds"), True),
        (visa("51", "insufficient_funds"), True),
        (visa("Q9", "insufficient_funds"), True),  # Visa names a rest group
        (c("insufficient_funds", network="jcb", network_decline_code="05"), True),
        (c(outcome_type="blocked"), True),
        (c("a_code_of_next_year"), False),
        (c("insufficient_funds", advice_code="whistle"), False),
        (mc("99", "insufficient_funds"), False),
        (c("x", network="mastercard", network_decline_code="51"), False),
        (c("generic_decline", network="amex", network_decline_code="999"), False),
        (c(), False),
    ],
)
def test_unknown_codes_can_be_counted(codes: Codes, known: bool) -> None:
    assert explain(codes).known is known


def test_an_unknown_code_does_not_drown_what_the_network_says() -> None:
    codes = visa("51", "a_code_of_next_year")
    assert explain(codes).staff == "There was not enough money on the account."
    assert not explain(codes).known


@pytest.mark.parametrize(
    "codes",
    [
        c("lost_card"),
        c("stolen_card", advice_code="try_again_later"),
        c("fraudulent", advice_code="do_not_try_again"),
        c("merchant_blacklist", outcome_type="blocked"),
        visa("43", "generic_decline"),
        visa("59", "do_not_honor"),
        c("highest_risk_level", outcome_type="blocked"),
    ],
)
def test_the_customer_is_told_no_secret(codes: Codes) -> None:
    assert explain(codes).customer == CUSTOMER_SENTENCES["declined"]


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (c("insufficient_funds"), "funds"),
        (mc("27", "insufficient_funds"), "funds"),
        (c("expired_card"), "expired"),
        (c("authentication_required"), "authenticate"),
        (c("generic_decline", advice_code="confirm_card_data"), "data"),
        (visa("51", "generic_decline"), "funds"),
        (c("processing_error"), "temporary"),
        # "just now" would be false when it is never tried again
        (c("processing_error", advice_code="do_not_try_again"), "declined"),
    ],
)
def test_the_customer_is_told_what_helps(codes: Codes, said: str) -> None:
    assert explain(codes).customer == CUSTOMER_SENTENCES[said]


def test_staff_read_the_advice_beside_the_reason() -> None:
    staff = explain(mc("27", "insufficient_funds")).staff
    assert "not enough money" in staff
    assert "wait 4 days" in staff


@pytest.mark.parametrize(
    ("codes", "helps"),
    [
        (c("stolen_card"), True),
        (c("authentication_required"), True),
        (c("previously_declined_do_not_retry"), True),
        # nothing to ask the customer for
        (c("revocation_of_authorization"), False),
        (mc("21"), False),
        (visa("R0"), False),
        (c("rule"), False),
        (c("invalid_business_account"), False),
        (c("payment_disputed"), False),
    ],
)
def test_the_customer_is_asked_only_where_that_can_help(
    codes: Codes, helps: bool
) -> None:
    assert explain(codes).customer_can_help is helps


def test_whose_judgement_it_is_comes_with_it() -> None:
    assert explain(c("stolen_card")).judged_by is JudgedBy.STRIPE
    assert explain(c("fraudulent")).judged_by is JudgedBy.OURS
    assert explain(visa("14", "generic_decline")).judged_by is JudgedBy.VISA
    assert explain(mc("03")).judged_by is JudgedBy.MASTERCARD


def test_every_single_code_can_be_explained_alone() -> None:
    for space, code in CODES:
        told = explain(
            c(code)
            if space == "stripe"
            else c(advice_code=code)
            if space == "advice"
            else c(network_advice_code=code)
            if space == "mastercard-advice"
            else c(network=space, network_decline_code=code)
        )
        assert told.kind is CODES[space, code].kind
        assert told.known
        assert told.next_step in NextStep
