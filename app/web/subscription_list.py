"""What the list of subscriptions is asked, and what it shows of each."""

from app.domain.lifecycle import Lifecycle
from app.storage.listings.keyset import Order
from app.storage.listings.subscriptions import (
    SORTS,
    SubscriptionFilter,
    subscription_order,
)
from app.storage.models import Subscription
from app.web.lists import currencies_of, narrowed, sort_of
from app.web.question import Question, words_of

# https://docs.stripe.com/api/subscriptions/object#subscription_object-status (2026-11).
# No word of theirs is one of our lifecycle's, so `status` takes both.
STRIPE_STATUSES = (
    "active",
    "trialing",
    "past_due",
    "unpaid",
    "paused",
    "incomplete",
    "incomplete_expired",
    "canceled",
)
# The customer's name always stands first.
COLUMNS = {
    "plan": "Plan",
    "amount": "Amount",
    "lifecycle": "Lifecycle",
    "status": "At Stripe",
    "declines": "Declines",
    "last_code": "Last decline",
    "attempts": "Retries",
    "next_retry": "Next retry",
    "recovered": "Recovered",
    "created": "Since",
    "period_end": "Paid until",
}
AT_FIRST = (
    *("plan", "amount", "lifecycle", "status"),
    *("declines", "next_retry", "recovered"),
)
SORT_LABELS = {
    "-created": "Newest first",
    "created": "Oldest first",
    "next_retry": "Next retry, soonest first",
    "-next_retry": "Next retry, latest first",
    "-amount": "Amount in each currency, largest first",
    "amount": "Amount in each currency, smallest first",
    "-declines": "Most declines first",
    "declines": "Fewest declines first",
    "-recovered": "Recovered in each currency, most first",
    "recovered": "Recovered in each currency, least first",
}
FILTER_LABELS = {
    "q": "Search",
    "lifecycle": "Lifecycle",
    "status": "At Stripe",
    "code": "Last decline",
    "currency": "Currency",
    "amount_from": "Amount from",
    "amount_to": "Amount to",
    "from": "Since",
    "to": "Until",
    "account": "Account",
}


def wanted_subscriptions(asked: Question) -> SubscriptionFilter:
    """The filter that an address asks for."""
    lifecycle, status = _statuses(asked)
    since, before = asked.days()
    return SubscriptionFilter(
        text=asked.text("q"),
        status=status,
        lifecycle=Lifecycle(lifecycle) if lifecycle else None,
        code=asked.code("code"),
        amounts=asked.amounts(known_currencies),
        since=since,
        before=before,
        accounts=narrowed(asked),
    )


def wanted_order(asked: Question, wanted: SubscriptionFilter) -> Order:
    """The order that an address asks for; newest first when it asks for none."""
    sort = sort_of(asked, SORTS, usual="-created")
    currency = wanted.amounts.currency if wanted.amounts else None
    return subscription_order(sort, currency=currency)


def known_currencies() -> list[str]:
    """The currencies of all subscriptions."""
    return currencies_of(Subscription.currency)


def _statuses(asked: Question) -> tuple[str | None, str | None]:
    """Our lifecycle's and Stripe's. `status` may name either: addresses do."""
    ours = words_of(Lifecycle)
    lifecycle = asked.word("lifecycle", ours)
    status = asked.word("status", ours | set(STRIPE_STATUSES))
    if status not in ours:
        return lifecycle, status
    asked.kept.pop("status")
    if lifecycle is None:
        asked.kept["lifecycle"] = status
    elif lifecycle != status:
        asked.remarks.append(
            f"“{status}” was left out: another lifecycle is asked for already."
        )
    return lifecycle or status, None
