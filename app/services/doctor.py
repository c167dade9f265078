"""`flask doctor`: what keeps this panel from working, in plain sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import current
from app.config import PUBLIC_URL, STRIPE_API_BASE
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.settings_doctor import SettingsWord
from app.services import (
    clock_watch,
    connections,
    schema,
    sealed_values,
    settings_doctor,
    webhook_test,
)
from app.services.account_rows import mode_of
from app.services.key_access import checked, lacking
from app.storage.health import database_size
from app.storage.models import StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import (
    Credentials,
    CredentialsRefused,
    PermissionStatus,
    StripeTrouble,
)
from app.vault import SecretUnreadable


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. A fault keeps the panel from working; a note does not."""

    sentence: str
    is_fault: bool = False


def examine(*, now: datetime) -> Iterator[Finding]:
    """Everything, in the order in which one thing needs the other."""
    yield from _configuration()
    database = list(_database())
    yield from database
    if any(finding.is_fault for finding in database):
        return
    yield from _keys()
    yield from _platform()
    accounts = _accounts()
    if not accounts:
        yield Finding("No Stripe account is connected yet.")
    for account in accounts:
        yield from _account(account, now=now)
    wrong_clock = clock_watch.warning()  # as Stripe's answers were dated
    if wrong_clock:
        yield _fault(wrong_clock)


def _fault(sentence: str) -> Finding:
    return Finding(sentence, is_fault=True)


def _configuration() -> Iterator[Finding]:
    config = current.config()
    if config.public_url == PUBLIC_URL and config.stripe_api_base == STRIPE_API_BASE:
        yield _fault(
            "PUBLIC_URL is not set, so Stripe is told to deliver to this machine's own "
            "loopback. Set it to the address at which the panel is reachable."
        )
    else:
        yield Finding(f"Configuration: complete; reachable at {config.public_url}.")


def _database() -> Iterator[Finding]:
    try:
        if not schema.is_migrated():
            yield _fault(
                "The database is not migrated: run `flask --app app db upgrade`."
            )
            return
        with transaction() as session:
            size = database_size(session)
    except SQLAlchemyError as fault:
        yield _fault(f"The database does not answer ({type(fault).__name__}).")
    else:
        yield Finding(
            f"Database: answers, takes writes, and is migrated; {size / 1e6:,.1f} MB."
        )


def _keys() -> Iterator[Finding]:
    lost = sealed_values.warning()
    if lost:
        yield _fault(lost)
        return
    newest = current.vault().newest
    older = sum(n for key, n in sealed_values.survey().by_key.items() if key != newest)
    if older:
        yield Finding(
            f"Encryption: {older} secrets are sealed with older keys; "
            "`flask --app app keys rotate` seals them with the newest."
        )
    else:
        yield Finding("Encryption: every secret can be read, under the newest key.")


def _platform() -> Iterator[Finding]:
    config = current.config()
    if not config.has_connect_platform:
        return
    assert config.stripe_secret_key is not None
    try:
        connections.gateway_with(Credentials(config.stripe_secret_key)).account()
    except CredentialsRefused:
        yield _fault("Stripe does not accept STRIPE_SECRET_KEY.")
    except StripeTrouble as trouble:
        yield _fault(f"The Connect platform could not be asked: {_said(trouble)}")
    else:
        yield Finding("Connect platform: Stripe accepts its key.")


def _accounts() -> list[StripeAccount]:
    with reading() as session:
        return list(
            session.scalars(
                select(StripeAccount)
                .where(StripeAccount.status != ConnectionStatus.DISCONNECTED)
                .order_by(StripeAccount.id)
            )
        )


def _account(account: StripeAccount, *, now: datetime) -> Iterator[Finding]:
    name = f"{account.name} ({account.stripe_account_id}, {mode_of(account)} mode)"
    try:
        yield from _access(account, name)
        yield from _webhook(account, name, now=now)
    except SecretUnreadable as fault:
        yield _fault(f"{name}: {fault}.")
    if account.trouble:
        yield _fault(f"{name}: {account.trouble}")
    if account.restored_at:
        yield Finding(
            f"{name}: the database was put back from a copy. Nothing is charged before "
            "Stripe was asked about every open invoice, which is done while serving."
        )
    if not account.is_on:
        yield Finding(f"{name}: the switch is off, so nothing is retried.")
    yield _settings(account, name, now=now)


def _access(account: StripeAccount, name: str) -> Iterator[Finding]:
    try:
        missing = _missing(account)
    except CredentialsRefused:
        yield _fault(f"{name}: Stripe does not accept our access any more.")
    except connections.NotConnected as fault:
        yield _fault(f"{name}: {fault}.")
    except StripeTrouble as trouble:
        yield _fault(f"{name}: Stripe could not be asked: {_said(trouble)}")
    else:
        if missing:
            yield _fault(f"{name}: {lacking(missing)}")
        else:
            yield Finding(f"{name}: Stripe accepts our access.")


def _missing(account: StripeAccount) -> list[str]:
    """Needed permissions that the account's key lacks; raises StripeTrouble."""
    gateway = connections.gateway_of(account.id)
    if account.kind is ConnectionKind.CONNECT:
        gateway.account()
        return []
    needed = [check for check in checked(gateway) if check.is_required]
    return [c.slug for c in needed if c.status is PermissionStatus.MISSING]


def _webhook(account: StripeAccount, name: str, *, now: datetime) -> Iterator[Finding]:
    tested = webhook_test.send(account.id, now=now)
    yield Finding(f"{name}: {tested.sentence}", is_fault=not tested.arrived)


def _settings(account: StripeAccount, name: str, *, now: datetime) -> Finding:
    found = settings_doctor.verdict_of(account.id, now=now)
    return Finding(
        f"{name}: Stripe's settings: {found.worst.sentence}",
        is_fault=found.word is SettingsWord.NOT_IN_FORCE,
    )


def _said(trouble: StripeTrouble) -> str:
    return trouble.sentence or "it did not answer."
