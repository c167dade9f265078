"""What the doctor believes of Stripe's settings, and on what evidence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.domain.settings_doctor import (
    InvoiceSeen,
    SettingsWord,
    SubscriptionSeen,
    verdict,
    wants_second_look,
)

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LATER = MONDAY + timedelta(minutes=10)
NEXT_DAY = MONDAY + timedelta(days=1)

LEFT_ALONE = InvoiceSeen(
    invoice_id="in_left",
    declined_at=MONDAY,
    looked_at=LATER,
    is_open=True,
    is_retryable=True,
    subscription_status="past_due",
)
SCHEDULED = replace(
    LEFT_ALONE, invoice_id="in_planned", stripe_retries_at=MONDAY + timedelta(days=3)
)


def test_nothing_is_known_without_evidence() -> None:
    found = verdict([])

    assert found.word is SettingsWord.NOT_KNOWN
    assert "settles it" in found.worst.sentence


def test_an_invoice_left_alone_and_overdue_confirms_both_settings() -> None:
    found = verdict([LEFT_ALONE])

    assert found.word is SettingsWord.CONFIRMED
    assert found.retries.object_id == "in_left"
    assert found.at_the_end.object_id == "in_left"


def test_an_empty_next_attempt_proves_nothing_before_the_second_look() -> None:
    early = replace(LEFT_ALONE, looked_at=LATER - timedelta(seconds=1))

    assert verdict([early]).word is SettingsWord.NOT_KNOWN


def test_a_planned_retry_by_stripe_proves_the_setting_wrong_at_once() -> None:
    found = verdict([replace(SCHEDULED, looked_at=MONDAY)])

    assert found.word is SettingsWord.NOT_IN_FORCE
    assert found.worst.object_id == "in_planned"
    assert "in_planned" in found.worst.sentence


def test_a_charge_that_stripe_made_by_itself_proves_the_setting_wrong() -> None:
    tried = replace(LEFT_ALONE, stripe_tried_at=NEXT_DAY)

    assert verdict([tried]).retries.word is SettingsWord.NOT_IN_FORCE


def test_an_invoice_that_stripe_would_never_retry_proves_nothing() -> None:
    # Stolen cards, India-issued cards: Stripe leaves those alone whatever is set.
    hard = replace(LEFT_ALONE, is_retryable=False)

    assert verdict([hard]).word is SettingsWord.NOT_KNOWN


def test_a_paid_invoice_proves_nothing_by_having_no_next_attempt() -> None:
    assert verdict([replace(LEFT_ALONE, is_open=False)]).word is SettingsWord.NOT_KNOWN


def test_the_doctor_changes_its_mind_with_a_newer_decline() -> None:
    newer = replace(
        LEFT_ALONE, declined_at=NEXT_DAY, looked_at=NEXT_DAY + timedelta(hours=1)
    )

    assert verdict([SCHEDULED, newer]).word is SettingsWord.CONFIRMED
    assert verdict([newer, SCHEDULED]).word is SettingsWord.CONFIRMED


def test_and_back_again_when_somebody_turns_retries_on() -> None:
    newer = replace(SCHEDULED, declined_at=NEXT_DAY, looked_at=NEXT_DAY)

    assert verdict([LEFT_ALONE, newer]).word is SettingsWord.NOT_IN_FORCE


def test_a_retry_of_an_old_schedule_does_not_outrank_a_newer_decline() -> None:
    # Stripe keeps the schedule of an invoice that failed before the change.
    old = replace(LEFT_ALONE, invoice_id="in_old", stripe_tried_at=NEXT_DAY)
    newer = replace(
        LEFT_ALONE,
        declined_at=MONDAY + timedelta(hours=6),
        looked_at=MONDAY + timedelta(hours=8),
    )

    assert verdict([old, newer]).retries.word is SettingsWord.CONFIRMED


def test_a_contradiction_outranks_a_confirmation_of_the_same_moment() -> None:
    assert verdict([SCHEDULED, LEFT_ALONE]).word is SettingsWord.NOT_IN_FORCE


def test_a_subscription_canceled_because_its_payment_failed_is_named() -> None:
    ended = SubscriptionSeen("sub_1", "canceled", "payment_failed", NEXT_DAY)

    found = verdict([LEFT_ALONE], [ended])

    assert found.retries.word is SettingsWord.CONFIRMED
    assert found.at_the_end.word is SettingsWord.NOT_IN_FORCE
    assert found.word is SettingsWord.NOT_IN_FORCE
    assert found.worst.object_id == "sub_1"


def test_a_subscription_turning_unpaid_is_named() -> None:
    unpaid = SubscriptionSeen("sub_2", "unpaid", None, NEXT_DAY)

    assert verdict([], [unpaid]).at_the_end.object_id == "sub_2"


def test_a_subscription_that_its_customer_canceled_says_nothing() -> None:
    asked = SubscriptionSeen("sub_3", "canceled", "cancellation_requested", NEXT_DAY)

    assert verdict([LEFT_ALONE], [asked]).word is SettingsWord.CONFIRMED


def test_a_second_look_is_wanted_only_when_it_could_settle_something() -> None:
    fresh = replace(LEFT_ALONE, looked_at=MONDAY)

    assert wants_second_look(fresh, now=LATER)
    assert not wants_second_look(fresh, now=LATER - timedelta(seconds=1))
    assert not wants_second_look(LEFT_ALONE, now=NEXT_DAY)
    assert not wants_second_look(replace(fresh, is_open=False), now=NEXT_DAY)
    assert not wants_second_look(replace(fresh, is_retryable=False), now=NEXT_DAY)
    assert not wants_second_look(replace(SCHEDULED, looked_at=MONDAY), now=NEXT_DAY)
