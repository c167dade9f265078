"""Looking at an invoice at Stripe, and following what it says."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.declines import MadeBy
from app.domain.looks import Look
from app.domain.snapshots import ChargeSnapshot, InvoiceSnapshot, PaymentMethodSnapshot
from app.domain.standing import GONE, is_renewal
from app.services.connections import gateway_of
from app.services.following import follow, recovery_of
from app.services.verdicts import close
from app.storage.cases import CUSTOMER_HISTORY
from app.storage.connection_models import UnreadInvoice
from app.storage.models import Decline, Recovery, StripeAccount, Subscription
from app.storage.transaction import reading, transaction
from app.stripe_gateway import Gateway, Gone, PermissionMissing, Refused

# Stripe understood and said no: asking again would change nothing.
REFUSALS = (Gone, PermissionMissing, Refused)


def look(
    account_id: int,
    stripe_invoice_id: str,
    *,
    now: datetime,
    newest_made_by: MadeBy | None = None,
    with_card: bool = False,
) -> int | None:
    """Ask Stripe how the invoice stands and follow it; the recovery's id, if any.

    `with_card`: also read the card that would be charged, for it may be a new one. One
    that was not refused yet is read in any case: it may be an old one once more.

    Raises StripeTrouble when Stripe gives no answer; nothing is written then.
    """
    gateway = gateway_of(account_id)
    invoice = gateway.invoice(stripe_invoice_id)
    if invoice is None:
        return _follow_gone(account_id, stripe_invoice_id, now=now)
    invoice = _with_plan(gateway, invoice)
    found = _ask_on(gateway, account_id, invoice, now=now)
    seen = Look(
        asked_at=now,
        invoice=invoice,
        charges=found[0],
        history=found[1],
        newest_made_by=newest_made_by,
        card=_card(gateway, invoice, is_wanted=with_card),
    )
    try:
        return _follow(account_id, seen, now=now)
    except IntegrityError:
        # Another process wrote the same news first; now its rows are there to follow.
        return _follow(account_id, seen, now=now)


def _with_plan(gateway: Gateway, invoice: InvoiceSnapshot) -> InvoiceSnapshot:
    """A subscription seen for the first time is read by itself: an invoice cannot
    show its product, which is the plan's name (four levels of expansion at most)."""
    if invoice.subscription is None or _knows_plan(invoice.subscription.id):
        return invoice
    try:
        whole = gateway.subscription(invoice.subscription.id)
    except REFUSALS:
        whole = None  # without the plan's name, then
    return replace(invoice, subscription=whole or invoice.subscription)


def _knows_plan(stripe_subscription_id: str) -> bool:
    with reading() as session:
        plan = session.scalar(
            select(Subscription.plan).where(
                Subscription.stripe_subscription_id == stripe_subscription_id
            )
        )
    return bool(plan)


def _card(
    gateway: Gateway, invoice: InvoiceSnapshot, *, is_wanted: bool
) -> PaymentMethodSnapshot | None:
    choice = invoice.card_choice
    if choice is None:
        return None
    if not is_wanted and not _is_another(invoice.id, choice.id):
        return None
    try:
        return gateway.payment_method(choice.id)
    except (Gone, Refused):
        return None  # of a kind that Stripe does not show: judged by its id alone
    except PermissionMissing:
        if is_wanted:
            raise
        return None


def _is_another(stripe_invoice_id: str, stripe_payment_method_id: str) -> bool:
    """Whether only other payment methods were refused for this invoice of ours, or
    none at all."""
    with reading() as session:
        methods = session.scalars(
            select(Decline.stripe_payment_method_id)
            .join_from(Recovery, Decline, isouter=True)
            .where(Recovery.stripe_invoice_id == stripe_invoice_id)
        ).all()
    return bool(methods) and stripe_payment_method_id not in methods


def _follow(account_id: int, seen: Look, *, now: datetime) -> int | None:
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id)
        recovery = follow(session, account, seen, now=now)
        _take_back(session, account_id, seen.invoice.id)
        return recovery.id if recovery else None


def _take_back(session: Session, account_id: int, stripe_invoice_id: str) -> None:
    """It was read: nothing of it is set aside any more."""
    session.execute(
        delete(UnreadInvoice).where(
            UnreadInvoice.account_id == account_id,
            UnreadInvoice.stripe_invoice_id == stripe_invoice_id,
        )
    )


def _follow_gone(
    account_id: int, stripe_invoice_id: str, *, now: datetime
) -> int | None:
    with transaction() as session:
        recovery = recovery_of(session, stripe_invoice_id)
        _take_back(session, account_id, stripe_invoice_id)
        if recovery is None or recovery.account_id != account_id:
            # What one account does not see may well be another account's.
            return None
        close(session, recovery, GONE, now=now)
        recovery.looked_at = now
        recovery.look_again = False
        return recovery.id


def _ask_on(
    gateway: Gateway, account_id: int, invoice: InvoiceSnapshot, *, now: datetime
) -> tuple[tuple[ChargeSnapshot, ...], tuple[ChargeSnapshot, ...]]:
    """The invoice's charges and, at the start, the customer's: where they matter."""
    is_known, with_first_invoices = _what_we_know(account_id, invoice.id)
    if not (is_known or is_renewal(invoice, with_first_invoices=with_first_invoices)):
        return (), ()
    charges = all_charges(gateway, invoice)
    refused = any(charge.is_declined for charge in charges)
    history = () if is_known or not refused else _history(gateway, invoice, now=now)
    return charges, history


def _what_we_know(account_id: int, stripe_invoice_id: str) -> tuple[bool, bool]:
    with reading() as session:
        is_known = session.scalar(
            select(exists().where(Recovery.stripe_invoice_id == stripe_invoice_id))
        )
        account = session.get_one(StripeAccount, account_id)
        return bool(is_known), account.with_first_invoices


def all_charges(
    gateway: Gateway, invoice: InvoiceSnapshot
) -> tuple[ChargeSnapshot, ...]:
    """Every charge of the invoice; where Stripe will not list them, the newest."""
    found: list[ChargeSnapshot] = []
    for payment in invoice.payments:
        if payment.payment_intent_id is None:
            # Made without an intent, as older integrations do; or outside of Stripe.
            made = payment.charge_id and gateway.charge(payment.charge_id)
            found += [made] if made else []
            continue
        try:
            found += gateway.charges(payment.payment_intent_id)
        except (Gone, Refused):
            newest = payment.charge_id and gateway.charge(payment.charge_id)
            found += [newest] if newest else []
    return tuple(found)


def _history(
    gateway: Gateway, invoice: InvoiceSnapshot, *, now: datetime
) -> tuple[ChargeSnapshot, ...]:
    """The customer's other charges: pay days, and tries that count for the card."""
    try:
        charges = gateway.customer_charges(
            invoice.customer.id, since=now - CUSTOMER_HISTORY
        )
    except REFUSALS:
        return ()  # it sharpens the plan, but no plan needs it
    intents = set(invoice.payment_intent_ids)
    return tuple(c for c in charges if c.payment_intent_id not in intents)
