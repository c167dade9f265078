"""A stateful stand-in for Stripe's API, by HTTP, for tests and the demo.

In a test::

    from app.sandbox import start_sandbox

    with start_sandbox(now="2026-11-01T09:00:00Z", clock_file=path) as sandbox:
        client = stripe.StripeClient(MERCHANT_KEY, base_addresses={"api": sandbox.url})
        ann = sandbox.subscriber(amount=1500, card="pm_card_visa")
        sandbox.script(ann.payment_method, "insufficient_funds", "approve")
        sandbox.advance(days=31)      # renews, is declined, webhooks are delivered
        sandbox.ledger()              # every charge ever tried

On its own: `python -m app.sandbox --port 12111 --clock-file F --seed N`.

It begins with a Connect platform and one merchant; their ids and keys are constants
of `app.sandbox.founding`. Time stands still until it is advanced; the clock file,
an ISO 8601 time, is written at the end of each advance. Nothing in app/ imports this
package, and it imports nothing of app/ outside itself.

Control calls (JSON, under /_sandbox/; `Driver` has each as a method):

    GET  clock              the time, and how much is scheduled
    POST advance            {"to": ISO time} or {"seconds": n}; does all that is due, in
                            order of time, deliveries included, then writes the clock
    POST settle             waits until what is due now is delivered
    POST subscriber         a paying customer in one step (subscribers.Wish)
    POST script             exact answers for a card or a customer, in order, then a
                            default: "approve", a decline code, "mac:25", a reason of
                            answers.BLOCKED_REASONS, {"decline_code": ..., any field of
                            answers.Refused}, {"processing": seconds, "then": answer}
    POST causes             hidden troubles of a card (causes.KINDS)
    POST settings           Stripe's own retries of an account; how webhooks travel
    POST keys               add, expire, grant, revoke
    POST accounts, connect  more accounts; what a platform may act for
    POST faults             the next matching calls fail, hang or are cut (faults.Fault)
    GET  ledger             every charge ever tried
    GET  calls              how often each address was called, and the last calls
    GET  deliveries         every delivery and what became of it
    POST deliveries/take    what was held instead of sent, signed
"""

from app.sandbox.driver import Driver, Subscriber
from app.sandbox.launch import Sandbox, start_sandbox

__all__ = ["Driver", "Sandbox", "Subscriber", "start_sandbox"]
