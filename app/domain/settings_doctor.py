"""Is Stripe set to leave declined renewals to us? No API tells, so evidence decides.

What is wanted: after the first failed attempt Stripe stops trying, and then leaves the
subscription as it is (Stripe's own words change; today "leave it overdue").
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# With billing automations Stripe writes next_payment_attempt only some time after the
# failure (docs.stripe.com/billing/revenue-recovery/smart-retries, April 2026): an
# empty one is believed when it is still empty after this.
SECOND_LOOK_AFTER = timedelta(minutes=10)


class SettingsWord(StrEnum):
    """How sure we are that a setting is as we need it."""

    CONFIRMED = "confirmed"
    NOT_IN_FORCE = "not_in_force"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class InvoiceSeen:
    """A declined renewal as we last saw it at Stripe.

    `stripe_tried_at` is the last charge that Stripe made by itself after the first.
    `is_retryable`: Stripe would retry such a decline if it was set to; an invoice that
    it would leave alone anyway proves nothing by being left alone.
    """

    invoice_id: str
    declined_at: datetime
    looked_at: datetime
    is_open: bool
    is_retryable: bool
    stripe_retries_at: datetime | None = None
    stripe_tried_at: datetime | None = None
    subscription_status: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionSeen:
    """A subscription that ended or turned unpaid; `at` is when that was noticed."""

    subscription_id: str
    status: str
    cancellation_reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known about one setting, and the object that proves it."""

    word: SettingsWord
    sentence: str
    object_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about both settings of one account in one mode."""

    retries: Finding
    at_the_end: Finding

    @property
    def word(self) -> SettingsWord:
        """Not in force if either is; confirmed only if both are."""
        words = {self.retries.word, self.at_the_end.word}
        for word in (SettingsWord.NOT_IN_FORCE, SettingsWord.NOT_KNOWN):
            if word in words:
                return word
        return SettingsWord.CONFIRMED

    @property
    def worst(self) -> Finding:
        """The finding to show where there is room for one."""
        findings = (self.retries, self.at_the_end)
        return next(finding for finding in findings if finding.word is self.word)


def verdict(
    invoices: Iterable[InvoiceSeen], subscriptions: Iterable[SubscriptionSeen] = ()
) -> Verdict:
    """The newest evidence about each setting; a contradiction outranks its equal.

    Evidence is dated by the decline it belongs to: Stripe fixes an invoice's retries
    when it fails, and a change of the setting counts only for later declines.
    """
    seen = list(invoices)
    retries = [finding for one in seen for finding in _about_retries(one)]
    ends = [finding for one in seen for finding in _about_the_end(one)]
    ends += [finding for one in subscriptions for finding in _about_ended(one)]
    return Verdict(
        retries=_newest(retries) or _RETRIES_UNKNOWN,
        at_the_end=_newest(ends) or _END_UNKNOWN,
    )


def wants_second_look(invoice: InvoiceSeen, *, now: datetime) -> bool:
    """Whether reading this invoice again now could settle something."""
    return (
        invoice.is_open
        and invoice.is_retryable
        and invoice.stripe_retries_at is None
        and not _was_seen_again(invoice)
        and now - invoice.declined_at >= SECOND_LOOK_AFTER
    )


def _about_retries(invoice: InvoiceSeen) -> list[Finding]:
    if invoice.stripe_retries_at is not None:
        return [_against(invoice, "Stripe has a retry of its own planned for it")]
    if invoice.stripe_tried_at is not None:
        return [_against(invoice, "Stripe has charged it again by itself")]
    if _is_left_alone(invoice):
        return [
            Finding(
                SettingsWord.CONFIRMED,
                f"Stripe stopped after the first failed attempt of {invoice.invoice_id}"
                ": some minutes later no further attempt was planned.",
                invoice.invoice_id,
                invoice.declined_at,
            )
        ]
    return []


def _about_the_end(invoice: InvoiceSeen) -> list[Finding]:
    # With retries off, Stripe would cancel at once if it was set to; past_due stays.
    if not (_is_left_alone(invoice) and invoice.subscription_status == "past_due"):
        return []
    return [
        Finding(
            SettingsWord.CONFIRMED,
            f"The subscription of {invoice.invoice_id} was left overdue.",
            invoice.invoice_id,
            invoice.declined_at,
        )
    ]


def _about_ended(subscription: SubscriptionSeen) -> list[Finding]:
    if subscription.cancellation_reason == "payment_failed":
        what = "was canceled by Stripe because its payment failed"
    elif subscription.status == "unpaid":
        what = "was marked unpaid by Stripe"
    else:
        return []
    return [
        Finding(
            SettingsWord.NOT_IN_FORCE,
            f"{subscription.subscription_id} {what}; it should be left as it is.",
            subscription.subscription_id,
            subscription.at,
        )
    ]


def _is_left_alone(invoice: InvoiceSeen) -> bool:
    return (
        invoice.is_open
        and invoice.is_retryable
        and invoice.stripe_retries_at is None
        and invoice.stripe_tried_at is None
        and _was_seen_again(invoice)
    )


def _was_seen_again(invoice: InvoiceSeen) -> bool:
    return invoice.looked_at - invoice.declined_at >= SECOND_LOOK_AFTER


def _against(invoice: InvoiceSeen, what: str) -> Finding:
    return Finding(
        SettingsWord.NOT_IN_FORCE,
        f"{invoice.invoice_id} was declined on {invoice.declined_at:%d %B %Y}, and "
        f"{what}. We leave it alone until Stripe is done.",
        invoice.invoice_id,
        invoice.declined_at,
    )


def _newest(findings: list[Finding]) -> Finding | None:
    def rank(finding: Finding) -> tuple[datetime, bool]:
        assert finding.at is not None
        return finding.at, finding.word is SettingsWord.NOT_IN_FORCE

    return max(findings, key=rank, default=None)


_RETRIES_UNKNOWN = Finding(
    SettingsWord.NOT_KNOWN,
    "No declined renewal has shown yet what Stripe does after the first failed "
    "attempt. The next one settles it, about ten minutes after it was declined.",
)
_END_UNKNOWN = Finding(
    SettingsWord.NOT_KNOWN,
    "No declined renewal has shown yet what Stripe does with the subscription in the "
    "end. The next one that is left overdue settles it.",
)
