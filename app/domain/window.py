"""How long a renewal may be retried."""

from datetime import datetime, timedelta

# "Up to 28 days for the best chance" and "at least 27 days" (Recurly, 2026): later
# tries bring next to nothing, and Visa and Mastercard count in 30 days.
WINDOW_DAYS = 28

# Two days before the next bill: a card that takes two charges of one subscription in
# a day looks like a mistake to the customer and to the bank.
_BEFORE_NEXT_BILLING = timedelta(days=2)


def deadline(
    declined_at: datetime,
    *,
    next_billing_at: datetime | None,
    cancel_at: datetime | None,
    window_days: int = WINDOW_DAYS,
) -> datetime:
    """The last moment at which a retry may start.

    The soonest of: the window's end, two days before the next billing date, the end of
    the subscription. A plan billed every three days or oftener keeps half of its
    period, for it would else have no window at all.
    """
    ends = [declined_at + timedelta(days=window_days)]
    if next_billing_at is not None:
        halfway = declined_at + (next_billing_at - declined_at) / 2
        ends.append(max(next_billing_at - _BEFORE_NEXT_BILLING, halfway))
    if cancel_at is not None:
        ends.append(cancel_at)
    return min(ends)
