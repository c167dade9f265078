"""What belongs to this process: settings, clock, vault. For web, jobs and cli."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app

from app.clock import Clock
from app.config import Config
from app.stripe_gateway import HttpClient
from app.vault import Vault


@dataclass(frozen=True, slots=True)
class Parts:
    """What create_app() was given or made, kept for the life of the process."""

    config: Config
    clock: Clock
    vault: Vault
    http_client: HttpClient  # shared by every call to Stripe


def parts() -> Parts:
    return cast(Parts, current_app.extensions["metricsco"])


def config() -> Config:
    return parts().config


def clock() -> Clock:
    return parts().clock


def now() -> datetime:
    """Now, aware and in UTC; ask once per request or tick."""
    return parts().clock.now()


def wall() -> datetime:
    """The machine's time: for what people do at the keyboard (sessions, links)."""
    return parts().clock.wall()


def vault() -> Vault:
    return parts().vault
