"""Does what we know of an open invoice still fit what Stripe shows in a list?"""

from dataclasses import dataclass
from datetime import datetime

from app.domain.recovery import ClosedAs, RecoveryStatus
from app.domain.snapshots import InvoiceSnapshot
from app.domain.standing import is_renewal

# Such an end leaves the invoice open at Stripe for years: asking about it again each
# time would take up all that one comparison may ask.
_STAYS_OPEN = frozenset({ClosedAs.CANCELED, ClosedAs.DISCONNECTED})


@dataclass(frozen=True, slots=True)
class Known:
    """What our rows say about one invoice's recovery."""

    status: RecoveryStatus
    amount: int
    stripe_retries_at: datetime | None
    closed_as: ClosedAs | None = None


def difference(
    shown: InvoiceSnapshot, known: Known | None, *, with_first_invoices: bool
) -> str | None:
    """What no event has told us about this open invoice; None when all fits."""
    if known is None:
        ours = is_renewal(shown, with_first_invoices=with_first_invoices)
        return "was declined" if ours and shown.attempted else None
    if known.closed_as in _STAYS_OPEN:
        return None
    if known.status in {RecoveryStatus.RECOVERED, RecoveryStatus.CLOSED}:
        return "is open again"
    if known.amount != shown.amount_remaining:
        return "is about another amount now"
    if known.stripe_retries_at != shown.next_payment_attempt:
        return "has another plan of Stripe's own retries now"
    return None
