"""Which events concern us, and what each asks us to look at again.

The event only says that something happened; what is true now is asked at Stripe. The
keys are exactly what a webhook endpoint subscribes to. `invoice.created` is left out
on purpose: Stripe waits for it to be answered before it finalises a renewal invoice,
for up to 72 hours (SDK 16.1.0, Invoice), so a broken server of ours would delay the
merchant's own billing.
"""

from enum import StrEnum


class LookAt(StrEnum):
    """What is looked at again."""

    INVOICE = "invoice"
    SUBSCRIPTION = "subscription"
    CARDS = "cards of a customer"
    CHARGE = "refused charge"
    ACCOUNT = "account"


LOOK_AGAIN = {
    "invoice.payment_failed": LookAt.INVOICE,
    "invoice.payment_action_required": LookAt.INVOICE,
    "invoice.paid": LookAt.INVOICE,
    "invoice.updated": LookAt.INVOICE,
    "invoice.voided": LookAt.INVOICE,
    "invoice.marked_uncollectible": LookAt.INVOICE,
    "charge.failed": LookAt.CHARGE,
    "customer.subscription.updated": LookAt.SUBSCRIPTION,
    "customer.subscription.deleted": LookAt.SUBSCRIPTION,
    "customer.subscription.paused": LookAt.SUBSCRIPTION,
    "customer.subscription.resumed": LookAt.SUBSCRIPTION,
    "customer.updated": LookAt.CARDS,
    "payment_method.attached": LookAt.CARDS,
    "payment_method.updated": LookAt.CARDS,
    "payment_method.automatically_updated": LookAt.CARDS,
    "account.application.deauthorized": LookAt.ACCOUNT,
}
HANDLED_TYPES = tuple(LOOK_AGAIN)
# The type of the event with which we try our own address; Stripe has no such type.
OUR_TEST = "metricsco.test"
