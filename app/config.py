"""The settings, and the only reader of the environment."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from dotenv import dotenv_values

from app.logs import LogFormat

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
KEYS_FILE = INSTANCE / "keys.env"
DATABASES = ("sqlite:", "postgresql+psycopg:")
PUBLIC_URL = "http://127.0.0.1:8000"
# An event is seldom looked into after a month; a replay needs its payload no more.
KEEP_PAYLOADS_DAYS = 30
STRIPE_API_BASE = "https://api.stripe.com"
STRIPE_CONNECT_BASE = "https://connect.stripe.com"


class ConfigError(Exception):
    """The settings do not allow a start; the text names every fault."""


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one process. What is secret stays out of its repr."""

    database_url: str
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)  # newest first
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = PUBLIC_URL
    # How many reverse proxies stand before us; each adds to X-Forwarded-For.
    trusted_proxies: int = 0
    metrics_token: str | None = field(default=None, repr=False)
    stripe_client_id: str | None = None
    stripe_secret_key: str | None = field(default=None, repr=False)
    stripe_webhook_secret: str | None = field(default=None, repr=False)
    stripe_api_base: str = STRIPE_API_BASE
    stripe_connect_base: str = STRIPE_CONNECT_BASE
    # Name and address of pages in Stripe's Dashboard that moved; see web/stripe_links.
    stripe_links: tuple[tuple[str, str], ...] = ()
    clock_file: Path | None = None
    log_format: LogFormat = LogFormat.JSON
    keep_payloads_days: int = KEEP_PAYLOADS_DAYS
    testing: bool = False

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def keeps_database_here(self) -> bool:
        """Whether the database is a file under instance/, which may have to be made.
        Elsewhere the program's own folder need not be writable."""
        return self.is_sqlite and str(INSTANCE) in self.database_url

    @property
    def serves_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def has_connect_platform(self) -> bool:
        """Whether merchants can be sent to Stripe's OAuth page."""
        return bool(self.stripe_client_id and self.stripe_secret_key)

    @classmethod
    def without_secrets(cls) -> "Config":
        """Settings for a command that opens neither the database nor a session."""
        return cls(
            database_url=f"sqlite:///{INSTANCE / 'metricsco.db'}",
            secret_key=secrets.token_urlsafe(32),
            encryption_keys=(Fernet.generate_key().decode(),),
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Config":
        """The settings of the environment, `.env` and the kept keys, in that order.

        Raises ConfigError naming every missing or wrong setting at once.
        """
        settings = _environment() if environ is None else dict(environ)
        faults = _faults(settings)
        if faults:
            raise ConfigError(
                "Metricsco cannot start:\n"
                + "\n".join(f"  - {fault}" for fault in faults)
                + "\nEvery setting is described in .env.example."
            )
        clock_file = settings.get("CLOCK_FILE")
        return cls(
            database_url=settings.get("DATABASE_URL")
            or f"sqlite:///{INSTANCE / 'metricsco.db'}",
            secret_key=settings["SECRET_KEY"],
            encryption_keys=_split(settings["ENCRYPTION_KEYS"]),
            host=settings.get("HOST") or "127.0.0.1",
            port=int(settings.get("PORT") or 8000),
            public_url=(settings.get("PUBLIC_URL") or PUBLIC_URL).rstrip("/"),
            trusted_proxies=int(settings.get("TRUSTED_PROXIES") or 0),
            metrics_token=settings.get("METRICS_TOKEN") or None,
            stripe_client_id=settings.get("STRIPE_CLIENT_ID") or None,
            stripe_secret_key=settings.get("STRIPE_SECRET_KEY") or None,
            stripe_webhook_secret=settings.get("STRIPE_WEBHOOK_SECRET") or None,
            stripe_api_base=_api_base(settings),
            stripe_connect_base=(
                settings.get("STRIPE_CONNECT_BASE") or STRIPE_CONNECT_BASE
            ).rstrip("/"),
            stripe_links=_links(settings),
            clock_file=Path(clock_file) if clock_file else None,
            log_format=LogFormat(settings.get("LOG_FORMAT") or LogFormat.JSON),
            keep_payloads_days=int(
                settings.get("KEEP_PAYLOADS_DAYS") or KEEP_PAYLOADS_DAYS
            ),
        )


def environment() -> dict[str, str]:
    """This process's environment, for programs that it starts."""
    return dict(os.environ)  # noqa: TID251


def _environment() -> dict[str, str]:
    layers = (dotenv_values(KEYS_FILE), dotenv_values(ROOT / ".env"), os.environ)  # noqa: TID251
    merged: dict[str, str] = {}
    for layer in layers:
        merged.update({name: value for name, value in layer.items() if value})
    return merged


def _faults(settings: Mapping[str, str]) -> list[str]:
    missing = [
        f"set {name}: {why}"
        for name, why in (
            ("SECRET_KEY", "a long random text that signs sessions"),
            ("ENCRYPTION_KEYS", "one or more Fernet keys, newest first"),
        )
        if not settings.get(name)
    ]
    checks = (
        _database_fault,
        _key_fault,
        _port_fault,
        _proxies_fault,
        _url_faults,
        _links_fault,
        _clock_fault,
        _log_fault,
        _payloads_fault,
        _connect_fault,
    )
    return missing + [fault for check in checks for fault in check(settings)]


def _database_fault(settings: Mapping[str, str]) -> list[str]:
    # Other drivers are not installed: their absence would be told as a traceback.
    if (settings.get("DATABASE_URL") or "sqlite:").startswith(DATABASES):
        return []
    return ["DATABASE_URL: begins with sqlite:/// or postgresql+psycopg://"]


def _key_fault(settings: Mapping[str, str]) -> list[str]:
    for key in _split(settings.get("ENCRYPTION_KEYS", "")):
        try:
            Fernet(key)
        except ValueError:
            return ["ENCRYPTION_KEYS: each must be a Fernet key, separated by commas"]
    return []


def _port_fault(settings: Mapping[str, str]) -> list[str]:
    port = settings.get("PORT") or "8000"
    if port.isdecimal() and 0 < int(port) < 65536:
        return []
    return ["PORT: a number from 1 to 65535"]


def _proxies_fault(settings: Mapping[str, str]) -> list[str]:
    count = settings.get("TRUSTED_PROXIES") or "0"
    if count.isascii() and count.isdecimal() and int(count) <= 10:
        return []
    return ["TRUSTED_PROXIES: how many reverse proxies stand before us, such as 1"]


def _url_faults(settings: Mapping[str, str]) -> list[str]:
    names = ("PUBLIC_URL", "STRIPE_API_BASE", "STRIPE_CONNECT_BASE")
    return [
        f"{name}: an address such as https://panel.example.com"
        for name in names
        if settings.get(name) and not _is_web_address(settings[name])
    ]


def _links_fault(settings: Mapping[str, str]) -> list[str]:
    if all(_is_web_address(address) for _, address in _links(settings)):
        return []
    return ["STRIPE_LINKS: such as retries=https://dashboard.stripe.com/..., by commas"]


def _log_fault(settings: Mapping[str, str]) -> list[str]:
    if (settings.get("LOG_FORMAT") or LogFormat.JSON) in set(LogFormat):
        return []
    return [f"LOG_FORMAT: {' or '.join(LogFormat)}"]


def _payloads_fault(settings: Mapping[str, str]) -> list[str]:
    days = settings.get("KEEP_PAYLOADS_DAYS") or "30"
    if days.isdecimal() and 1 <= int(days) <= 3650:
        return []
    return ["KEEP_PAYLOADS_DAYS: a number of days from 1 to 3650"]


def _clock_fault(settings: Mapping[str, str]) -> list[str]:
    if settings.get("CLOCK_FILE") and _api_base(settings) == STRIPE_API_BASE:
        return ["CLOCK_FILE: for a sandbox only; unset it, or set STRIPE_API_BASE"]
    return []


def _connect_fault(settings: Mapping[str, str]) -> list[str]:
    pair = ("STRIPE_CLIENT_ID", "STRIPE_SECRET_KEY")
    given = [name for name in pair if settings.get(name)]
    if len(given) == 1:
        return [f"{' and '.join(pair)}: set both (a Connect platform) or neither"]
    return []


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _api_base(settings: Mapping[str, str]) -> str:
    return (settings.get("STRIPE_API_BASE") or STRIPE_API_BASE).rstrip("/")


def _links(settings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = (pair.partition("=") for pair in _split(settings.get("STRIPE_LINKS", "")))
    return tuple((name.strip(), address.strip()) for name, _, address in pairs)


def _split(keys: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.split(",") if key.strip())
