"""All that the Payment Processor tab shows of one account."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app import current
from app.domain.account import ConnectionKind, ConnectionStatus, ImportStage
from app.domain.event_types import HANDLED_TYPES
from app.domain.settings_doctor import Verdict
from app.services import endpoints, platform, set_aside, settings_doctor
from app.services.account_rows import mode_of
from app.services.governor import Held, governor
from app.storage import account_reads
from app.storage.connection_models import ImportRun, UnreadInvoice
from app.storage.models import AuditEntry, StripeAccount
from app.storage.transaction import reading

# Stripe allows 500 reads a transaction on average over 30 days, and 10,000 a month
# whatever the number of transactions (docs.stripe.com/rate-limits, 2026).
READS_ALLOWED = 10_000
REPAIRS = ("account.repaired",)


class CardState(StrEnum):
    """The one word for how an account stands."""

    CONNECTED = "connected"
    PAUSED = "paused"
    TROUBLE = "trouble"
    UNHEARD = "unheard"  # connected, but its events do not arrive
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far the import is. `share` is 0 to 100."""

    stage: ImportStage
    found: int
    done: int
    declines: int
    share: int
    trouble: str | None

    @property
    def is_running(self) -> bool:
        return self.stage is not ImportStage.DONE


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Events that Stripe made from `since` until `until`, and how many arrived."""

    expected: int
    received: int
    since: datetime
    until: datetime

    @property
    def missed(self) -> int:
        return self.expected - self.received


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """Whether Stripe's events reach us; `note` says why the endpoint is not ours."""

    address: str
    types: tuple[str, ...]
    is_by_hand: bool
    has_secret: bool
    note: str | None
    waiting: int
    oldest_waiting_at: datetime | None
    received_today: int
    bad_signature_at: datetime | None
    is_compared: bool  # what Stripe made was asked for; None in `arrivals`: refused
    arrivals: Arrivals | None


@dataclass(frozen=True, slots=True)
class AccountCard:
    """One account with everything around it; `row` is detached and read only."""

    row: StripeAccount
    state: CardState
    mode: str
    is_by_key: bool
    verdict: Verdict
    webhook: WebhookHealth
    progress: ImportProgress | None
    permissions: tuple[dict[str, Any], ...]
    repairs: tuple[AuditEntry, ...]
    set_aside: tuple[UnreadInvoice, ...]  # the first of those that Stripe does not show
    set_aside_count: int
    reads: int
    lost: str | None  # what cannot be read for want of its encryption key
    held: Held
    held_until: datetime | None  # no call to Stripe before
    reads_allowed: int = READS_ALLOWED

    @property
    def is_connected(self) -> bool:
        return self.state is not CardState.DISCONNECTED


def card_of(account_id: int, *, now: datetime) -> AccountCard:
    """The card of one account."""
    verdict = settings_doctor.verdict_of(account_id, now=now)
    with reading() as session:
        row = session.get_one(StripeAccount, account_id)
        counts = account_reads.event_counts(session, account_id, now=now)
        run = account_reads.import_run(session, account_id)
        found = account_reads.import_counts(session, account_id)
        reads = account_reads.reads_of(session, account_id, now=now)
        repairs = account_reads.last_done(session, account_id, REPAIRS, limit=5)
        unread = set_aside.of_account(session, account_id, limit=5)
        unread_count = set_aside.count(session, account_id)
    webhook = _health(row, counts)
    return AccountCard(
        row=row,
        state=_state(row, webhook, repairs),
        mode=mode_of(row),
        is_by_key=row.kind is ConnectionKind.KEY,
        verdict=verdict,
        webhook=webhook,
        progress=_progress(run, found) if run else None,
        permissions=tuple(row.permissions),
        repairs=tuple(repairs),
        set_aside=tuple(unread),
        set_aside_count=unread_count,
        reads=reads,
        lost=_lost(row),
        held=governor().held(account_id),
        held_until=row.hold_until if row.hold_until and row.hold_until > now else None,
    )


def _lost(row: StripeAccount) -> str | None:
    """What an owner must know, and do, when an encryption key is gone."""
    vault = current.vault()
    sealed = (row.sealed_api_key, row.sealed_webhook_secret)
    lost = [text for text in sealed if text and not vault.opens(text)]
    if not lost:
        return None
    named = ", ".join(sorted({vault.key_of(text) or "unknown" for text in lost}))
    return (
        f"Stored credentials of this account cannot be read: their encryption key "
        f"({named}) is not in ENCRYPTION_KEYS. Put it back and restart. If it is lost, "
        "replace the key below, then the webhook secret."
    )


def _state(
    row: StripeAccount, webhook: WebhookHealth, repairs: list[AuditEntry]
) -> CardState:
    if row.status is ConnectionStatus.DISCONNECTED:
        return CardState.DISCONNECTED
    if row.status is ConnectionStatus.TROUBLE:
        return CardState.TROUBLE
    if not row.is_on:
        return CardState.PAUSED
    is_heard = webhook.has_secret and not _came_too_late(row, repairs)
    return CardState.CONNECTED if is_heard else CardState.UNHEARD


def _came_too_late(row: StripeAccount, repairs: list[AuditEntry]) -> bool:
    """Whether we found out by ourselves, and have heard nothing from Stripe since."""
    if not repairs:
        return False
    return row.last_event_at is None or row.last_event_at < repairs[0].at


def _health(row: StripeAccount, counts: account_reads.EventCounts) -> WebhookHealth:
    if row.kind is ConnectionKind.KEY:
        address = endpoints.address_of(row)
        has_secret = row.sealed_webhook_secret is not None
    else:
        address = platform.webhook_address()
        has_secret = platform.has_webhook_secret()
    return WebhookHealth(
        address=address,
        types=HANDLED_TYPES,
        is_by_hand=row.stripe_webhook_endpoint_id is None,
        has_secret=has_secret,
        note=row.webhook_note,
        waiting=counts.waiting,
        oldest_waiting_at=counts.oldest_waiting_at,
        received_today=counts.received_today,
        bad_signature_at=row.bad_signature_at,
        is_compared=row.events_compared_at is not None,
        arrivals=_arrivals(row),
    )


def _arrivals(row: StripeAccount) -> Arrivals | None:
    expected, received = row.events_expected, row.events_received
    since, until = row.events_compared_since, row.events_compared_at
    if expected is None or received is None or since is None or until is None:
        return None
    return Arrivals(expected, received, since, until)


def _progress(run: ImportRun, found: account_reads.ImportCounts) -> ImportProgress:
    return ImportProgress(
        stage=run.stage,
        found=found.found,
        done=found.done,
        declines=run.declines,
        share=_share(run, found),
        trouble=run.trouble,
    )


def _share(run: ImportRun, found: account_reads.ImportCounts) -> int:
    """Listing is a tenth, looking half, the declines the rest of the work."""
    if run.stage is ImportStage.LISTING:
        return 5
    if run.stage is ImportStage.LOOKING:
        return 10 + 50 * found.done // max(found.found, 1)
    if run.stage is ImportStage.DECLINES:
        whole = run.started_at - run.declines_since
        return 60 + int(40 * ((run.started_at - run.declines_until) / whole))
    return 100
