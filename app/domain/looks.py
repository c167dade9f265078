"""What Stripe said about one invoice at one moment, as the services pass it on."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.declines import MadeBy
from app.domain.snapshots import ChargeSnapshot, InvoiceSnapshot, PaymentMethodSnapshot


@dataclass(frozen=True, slots=True)
class Look:
    """What Stripe said about one invoice, asked at `asked_at`.

    `charges` are all charges of the invoice; `history` other charges of the customer,
    read once when a recovery begins. `newest_made_by` is what an event told about who
    made the newest charge.
    """

    asked_at: datetime
    invoice: InvoiceSnapshot
    charges: tuple[ChargeSnapshot, ...] = ()
    history: tuple[ChargeSnapshot, ...] = ()
    newest_made_by: MadeBy | None = None
    card: PaymentMethodSnapshot | None = None  # the one to be charged, where read

    @property
    def in_order(self) -> list[ChargeSnapshot]:
        """The invoice's charges, oldest first."""
        dated = [charge for charge in self.charges if charge.created]
        return sorted(dated, key=lambda c: (c.created or self.asked_at, c.id))
