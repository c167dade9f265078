"""Following what Stripe said about an invoice: the one place where a recovery begins,
moves on news and ends. Never ends a transaction."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.declines import MadeBy
from app.domain.recovery import (
    IN_FLIGHT,
    OPEN,
    ClosedAs,
    PauseCause,
    RecoveryStatus,
)
from app.domain.snapshots import (
    ChargeSnapshot,
    InvoiceSnapshot,
    PaymentMethodSnapshot,
)
from app.domain.standing import Judgment, Standing, is_renewal, judge
from app.domain.window import deadline
from app.services import card_changes
from app.services.experiments import deal, keep_allocation
from app.services.keeping import (
    count_declines,
    keep_charges,
    keep_customer,
    keep_subscription,
)
from app.services.lifecycles import follow_payment
from app.services.outcomes import settle_processing
from app.services.planning import pause, plan, put
from app.storage.claims import live_attempt, withdraw
from app.storage.locks import lock_recovery
from app.storage.models import Decline, Recovery, StripeAccount, Subscription

# Paused for something at Stripe; when it is over, we go on.
HELD_AT_STRIPE = frozenset(
    {
        PauseCause.PAUSED_AT_STRIPE,
        PauseCause.STRIPE_RETRIES,
        PauseCause.SETTLING,
    }
)
NO_CARD = "There was no card to charge. The customer has to add one."


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


def follow(
    session: Session, account: StripeAccount, look: Look, *, now: datetime
) -> Recovery | None:
    """Write down the look and do what it demands; the recovery, where there is one."""
    subscription = _subscription(session, account.id, look, now=now)
    keep_charges(session, account.id, look.history)
    recovery = recovery_of(session, look.invoice.id)
    is_known = recovery is not None
    if recovery is None:
        if not _wants_recovery(account, look):
            _follow_undisturbed(session, account, subscription, look)
            return None
        recovery = _begin(session, account, subscription, look, now=now)
    attempt = live_attempt(session, recovery.id)
    if attempt is not None and attempt.status in IN_FLIGHT:
        # What Stripe shows now may be the doing of our own charge: its answer first.
        recovery.look_again = True
        return recovery
    if recovery.looked_at > look.asked_at:
        return recovery  # a later look was followed already
    charged_before = recovery.stripe_payment_method_id
    _note_state(recovery, look)
    is_settled = settle_processing(
        session, recovery, look.invoice, look.in_order, now=now
    )
    is_news = _note_charges(session, recovery, look)
    new_card = _card_was_replaced(recovery, look)
    if new_card:
        # By Stripe's clock the refusal of the old card may seem to lie ahead of us.
        refused_at = recovery.declines[-1].occurred_at
        recovery.card_changed_at = max(now, refused_at + timedelta(microseconds=1))
    tried_at = _first_refusal_of_chosen(recovery)
    if tried_at is not None and not new_card:
        new_card = (recovery.card_changed_at or recovery.started_at) < tried_at
        recovery.card_changed_at = max(tried_at, recovery.card_changed_at or tried_at)
    if not is_settled:
        _move_on(session, recovery, look, is_news=is_news, new_card=new_card, now=now)
    if is_known:
        card_changes.keep(
            session, recovery, charged_before, look.card, is_new=new_card, now=now
        )
    return recovery


def recovery_of(session: Session, stripe_invoice_id: str) -> Recovery | None:
    """The recovery of this invoice, locked for the transaction."""
    id = session.scalar(
        select(Recovery.id).where(Recovery.stripe_invoice_id == stripe_invoice_id)
    )
    return lock_recovery(session, id) if id is not None else None


def _subscription(
    session: Session, account_id: int, look: Look, *, now: datetime
) -> Subscription | None:
    invoice = look.invoice
    if invoice.subscription is None:
        return None
    row = keep_subscription(
        session, account_id, invoice.subscription, now=look.asked_at
    )
    keep_customer(row, invoice.customer)
    session.flush()
    return row


def _wants_recovery(account: StripeAccount, look: Look) -> bool:
    """A renewal of ours that was refused, or could not even be tried."""
    invoice = look.invoice
    if not is_renewal(invoice, with_first_invoices=account.with_first_invoices):
        return False
    refused = any(charge.is_declined for charge in look.charges)
    return refused or (invoice.status == "open" and invoice.attempted)


def _follow_undisturbed(
    session: Session,
    account: StripeAccount,
    subscription: Subscription | None,
    look: Look,
) -> None:
    """An invoice without a decline: its payment tells the subscription's story."""
    keep_charges(session, account.id, look.charges)
    if subscription is not None and look.invoice.status == "paid":
        follow_payment(subscription, look.invoice)


def _begin(
    session: Session,
    account: StripeAccount,
    subscription: Subscription | None,
    look: Look,
    *,
    now: datetime,
) -> Recovery:
    invoice = look.invoice
    first = next((c.created for c in look.in_order if c.is_declined), None)
    started_at = first or invoice.finalized_at or now
    dealt = deal(session, account, invoice.customer.id, declined_at=started_at, now=now)
    recovery = Recovery(
        account_id=account.id,
        subscription=subscription,
        stripe_invoice_id=invoice.id,
        stripe_customer_id=invoice.customer.id,
        amount=invoice.amount_remaining or invoice.amount_due,
        currency=invoice.currency,
        status=RecoveryStatus.IN_RETRY,
        strategy=dealt.strategy,
        strategy_version=dealt.version,
        # Any fixed number will do; this one can be computed again from the invoice.
        seed=zlib.crc32(invoice.id.encode()),
        started_at=started_at,
        deadline_at=deadline(
            started_at,
            next_billing_at=subscription.current_period_end if subscription else None,
            cancel_at=subscription.cancel_at if subscription else None,
        ),
        charges=0,
        retries=0,
        recovered_amount=0,
        card_trap=False,
        looked_at=look.asked_at,
        look_again=False,
    )
    session.add(recovery)
    session.flush()
    keep_allocation(session, recovery, dealt)
    return recovery


def _note_state(recovery: Recovery, look: Look) -> None:
    invoice = look.invoice
    recovery.looked_at = look.asked_at
    recovery.look_again = False
    recovery.invoice_number = invoice.number
    recovery.hosted_invoice_url = invoice.hosted_invoice_url
    recovery.stripe_retries_at = invoice.next_payment_attempt
    intents = invoice.payment_intent_ids
    recovery.stripe_payment_intent_id = intents[0] if intents else None
    if invoice.status == "open" and invoice.amount_remaining > 0:
        recovery.amount = invoice.amount_remaining
    choice = invoice.card_choice
    recovery.stripe_payment_method_id = choice.id if choice else None
    recovery.card_set_on = choice.set_on if choice else None
    recovery.card_trap = invoice.is_card_trap
    subscription = recovery.subscription
    if subscription is not None and subscription.cancel_at is not None:
        recovery.deadline_at = min(recovery.deadline_at, subscription.cancel_at)


def _note_charges(session: Session, recovery: Recovery, look: Look) -> bool:
    """Keep the charges; True when a refusal among them is new."""
    charges = look.in_order
    known = {decline.stripe_charge_id for decline in recovery.declines}
    made_by = _who_made(charges, known, look)
    new = keep_charges(
        session, recovery.account_id, charges, recovery_id=recovery.id, made_by=made_by
    )
    recovery.charges = max(recovery.charges, len(charges))
    recovery.stripe_latest_charge_id = look.invoice.latest_charge_id
    count_declines(recovery.subscription, new)
    session.flush()
    session.expire(recovery, ["declines"])
    return bool(new)


def _who_made(
    charges: list[ChargeSnapshot], known: set[str], look: Look
) -> dict[str, MadeBy]:
    """The first charge is the renewal's own; of the rest only events know."""
    made_by: dict[str, MadeBy] = {}
    if charges:
        made_by[charges[0].id] = MadeBy.FIRST
    unknown = [c for c in charges[1:] if c.id not in known]
    if unknown and look.newest_made_by:
        made_by[unknown[-1].id] = look.newest_made_by
    return made_by


def _card_was_replaced(recovery: Recovery, look: Look) -> bool:
    """Whether the next charge would take another card than was refused last.

    Another payment method was chosen, or the same one now holds a new card: the
    networks' updaters replace number and expiry under the same id.
    """
    if not recovery.declines or recovery.stripe_payment_method_id is None:
        return False
    refused = recovery.declines[-1]
    if recovery.card_changed_at and recovery.card_changed_at > refused.occurred_at:
        return False  # noticed already, and not charged since
    if any(_is_same(decline, recovery, look) for decline in recovery.declines[:-1]):
        return False  # another card was tried by hand; this one is an old acquaintance
    if refused.stripe_payment_method_id not in (
        None,
        recovery.stripe_payment_method_id,
    ):
        return True
    card = look.card
    if card is None or card.id != refused.stripe_payment_method_id:
        return False
    return (card.card.fingerprint, card.card_expiry) != (
        refused.fingerprint,
        refused.card_expiry,
    )


def _is_same(decline: Decline, recovery: Recovery, look: Look) -> bool:
    """Whether it was the card chosen now that was refused then."""
    if decline.stripe_payment_method_id != recovery.stripe_payment_method_id:
        return False
    card = look.card
    return card is None or (card.card.fingerprint, card.card_expiry) == (
        decline.fingerprint,
        decline.card_expiry,
    )


def _first_refusal_of_chosen(recovery: Recovery) -> datetime | None:
    """When the chosen card was first refused, if only other cards were before: the
    customer, or the staff, tried it by hand. None where no other was refused."""
    chosen = recovery.stripe_payment_method_id
    methods = [decline.stripe_payment_method_id for decline in recovery.declines]
    if chosen is None or None in methods or chosen not in methods[1:]:
        return None
    first = methods.index(chosen)
    if first == 0 or set(methods[first:]) != {chosen}:
        return None
    return recovery.declines[first].occurred_at


def _move_on(
    session: Session,
    recovery: Recovery,
    look: Look,
    *,
    is_news: bool,
    new_card: bool,
    now: datetime,
) -> None:
    verdict = judge(look.invoice)
    match verdict.standing:
        case Standing.PAID:
            _end_paid(session, recovery, look, now=now)
        case Standing.OVER:
            close(session, recovery, verdict, now=now)
        case Standing.DEAD:
            end(session, recovery, RecoveryStatus.TERMINATED, verdict.reason, now=now)
        case Standing.PAUSED_AT_STRIPE:
            _hold(session, recovery, PauseCause.PAUSED_AT_STRIPE, verdict, now=now)
        case Standing.STRIPE_RETRIES:
            _hold(session, recovery, PauseCause.STRIPE_RETRIES, verdict, now=now)
        case Standing.SETTLING:
            _hold(session, recovery, PauseCause.SETTLING, verdict, now=now)
        case Standing.PAYABLE:
            _take_up(session, recovery, is_news=is_news, new_card=new_card, now=now)


def _end_paid(
    session: Session, recovery: Recovery, look: Look, *, now: datetime
) -> None:
    if recovery.status in (RecoveryStatus.RECOVERED, RecoveryStatus.CLOSED):
        return
    if look.invoice.is_paid_out_of_band:
        reason = "Paid outside of Stripe: somebody marked the invoice as paid."
    elif look.newest_made_by is MadeBy.METRICSCO:
        reason = "Paid by a retry of ours that these records do not remember."
    else:
        reason = (
            "Paid by a charge that was not ours: the customer, the staff or Stripe's "
            "own retry."
        )
    verdict = Judgment(Standing.PAID, reason, ClosedAs.PAID_ELSEWHERE)
    close(session, recovery, verdict, now=now)
    if recovery.subscription is not None:
        follow_payment(recovery.subscription, look.invoice)


def close(
    session: Session, recovery: Recovery, verdict: Judgment, *, now: datetime
) -> None:
    """End the recovery from outside: nothing planned remains."""
    was = recovery.status
    end(session, recovery, RecoveryStatus.CLOSED, verdict.reason, now=now)
    if recovery.status is not was:
        recovery.closed_as = verdict.closed_as


def end(
    session: Session,
    recovery: Recovery,
    status: RecoveryStatus,
    reason: str,
    *,
    now: datetime,
) -> None:
    """Put the recovery to an end, unless it has one that is as good."""
    withdraw(session, recovery.id, reason, now=now)
    if recovery.status in (RecoveryStatus.RECOVERED, RecoveryStatus.CLOSED, status):
        return
    if recovery.status not in OPEN and status is not RecoveryStatus.CLOSED:
        return
    put(recovery, status, reason, now=now)


def _hold(
    session: Session,
    recovery: Recovery,
    cause: PauseCause,
    verdict: Judgment,
    *,
    now: datetime,
) -> None:
    """Keep still while something at Stripe stands against a charge."""
    if recovery.status not in OPEN or recovery.paused_because is PauseCause.PERSON:
        return
    withdraw(session, recovery.id, verdict.reason, now=now)
    pause(recovery, cause, verdict.reason, now=now)


def _take_up(
    session: Session,
    recovery: Recovery,
    *,
    is_news: bool,
    new_card: bool,
    now: datetime,
) -> None:
    """The invoice can be charged: plan where there is news, or no plan stands."""
    if recovery.status is RecoveryStatus.TERMINATED and new_card:
        put(recovery, RecoveryStatus.IN_RETRY, "The card was replaced.", now=now)
    if recovery.status not in OPEN or recovery.paused_because is PauseCause.PERSON:
        return
    was_held = recovery.paused_because in HELD_AT_STRIPE
    lacks_plan = (
        recovery.status is RecoveryStatus.IN_RETRY
        and live_attempt(session, recovery.id) is None
    )
    has_no_card = recovery.stripe_payment_method_id is None
    if has_no_card and recovery.stripe_refused_at is not None:
        withdraw(session, recovery.id, NO_CARD, now=now)
        put(recovery, RecoveryStatus.WAITING_FOR_CUSTOMER, NO_CARD, now=now)
        return
    if not (is_news or new_card or was_held or lacks_plan):
        return
    if plan(session, recovery, now=now) is None:
        put(recovery, RecoveryStatus.WAITING_FOR_CUSTOMER, NO_CARD, now=now)
