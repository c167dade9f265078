"""Following what Stripe said about an invoice: the one place where a recovery begins,
is kept up to date. Never ends a transaction."""

import zlib
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import chosen_card
from app.domain.declines import MadeBy
from app.domain.looks import Look
from app.domain.recovery import (
    IN_FLIGHT,
    RecoveryStatus,
)
from app.domain.snapshots import (
    ChargeSnapshot,
    PaymentMethodSnapshot,
)
from app.domain.standing import is_renewal
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
from app.services.verdicts import move_on
from app.storage.cases import CHOSEN
from app.storage.claims import live_attempt
from app.storage.locks import lock_recovery
from app.storage.models import Recovery, StripeAccount, Subscription


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
    chosen = recovery.stripe_payment_method_id
    new_card = chosen_card.was_replaced(
        recovery.declines, chosen, look.card, noticed_at=recovery.card_changed_at
    )
    if new_card:
        # By Stripe's clock the refusal of the old card may seem to lie ahead of us.
        refused_at = recovery.declines[-1].occurred_at
        recovery.card_changed_at = max(now, refused_at + timedelta(microseconds=1))
    is_first = is_known and charged_before is None and chosen is not None
    if is_first and not (recovery.declines or look.invoice.wants_customer):
        # Stripe tried it without any card: now there is one.
        new_card, recovery.card_changed_at = True, now
    tried_at = chosen_card.first_refused_at(recovery.declines, chosen)
    if tried_at is not None and not new_card:
        new_card = (recovery.card_changed_at or recovery.started_at) < tried_at
        recovery.card_changed_at = max(tried_at, recovery.card_changed_at or tried_at)
    if is_news or new_card:
        recovery.stripe_refusals = 0
    if not is_settled:
        move_on(session, recovery, look, is_news=is_news, new_card=new_card, now=now)
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
    is_tried = invoice.status == "open" and invoice.attempted
    return refused or (is_tried and not invoice.is_settling)


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
    _note_card(recovery, look.card)
    subscription = recovery.subscription
    if subscription is not None and subscription.cancel_at is not None:
        recovery.deadline_at = min(recovery.deadline_at, subscription.cancel_at)


def _note_card(recovery: Recovery, card: PaymentMethodSnapshot | None) -> None:
    """Keep what was read of the card that is charged next: it may be ruled out."""
    if card is None or card.id != recovery.stripe_payment_method_id:
        return
    told = {name: getattr(card.card, name) for name in CHOSEN}
    recovery.chosen_card = {"id": card.id, **told, "kind": card.kind}


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
