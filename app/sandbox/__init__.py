"""A stateful stand-in for Stripe's API, by HTTP, for tests and the demo.

In a test::

    from app.sandbox import start_sandbox

    with start_sandbox(now="2026-11-01T09:00:00Z", clock_file=path) as sandbox:
        client = stripe.StripeClient(MERCHANT_KEY, base_addresses={"api": sandbox.url})
        ann = sandbox.subscriber(amount=1500, card="pm_card_visa")
        sandbox.script(ann.payment_method, "insufficient_funds", "approve")
        sandbox.advance(days=31)      # renews, is declined, webhooks are delivered
        sandbox.ledger()              # every charge ever tried

On its own: `python -m app.sandbox --port 12111 --clock-file F --seed N`, with
`--speed H` to let H hours pass in each real second, and `--state F` to go on from
there the next time.

It begins with a Connect platform and one merchant; their ids and keys are constants
of `app.sandbox.founding`. Nothing in app/ imports this package, and it imports nothing
of app/ outside itself.

Time stands still until it is advanced. The clock file, an ISO 8601 time, is written at
the end of each advance, and within one before each batch of webhooks, so that who
hears of an event never reads an older time than the event's. Deliveries are signed
with the later of the sandbox's and the machine's clock.

Besides /v1 it answers OAuth at /oauth/authorize (a page with two buttons), /oauth/token
and /oauth/deauthorize, and has the pages that `hosted_invoice_url` and a portal
session's `url` lead to. It speaks one API version, that of the installed stripe
package, and refuses parameters that Stripe knows and it has not learned.

What is our reading rather than Stripe's word: a payment dies at the eleventh try;
`auto_advance` is false once no retry is left (a setting); an OAuth code lives for five
minutes; the waits between redeliveries; 400 while a bank debit is processing. A failed
renewal also emits `customer.updated` where `delinquent` changes. Every draft has one
hour; a listener to invoice.created that is not answering 2xx holds it up to 72.

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
    POST person             a customer puts on a new card, pays on the page; somebody
                            cancels; the card updater runs; the merchant disconnects
    POST seed               a merchant with subscribers, a past and hidden troubles
    POST reset              begin again, also at an earlier time
    POST speed              {"hours_per_second": n}; 0 stops the clock
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
