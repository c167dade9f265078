"""Stripe accounts: who they are, their settings, their books in test and live mode."""

from dataclasses import dataclass, field
from typing import Any, Literal

from app.sandbox.errors import Obj
from app.sandbox.tables import Book

# What to do when Stripe's own retries have ended, by the Dashboard's choices.
AtTheEnd = Literal["cancel", "unpaid", "leave"]


@dataclass(slots=True)
class RetrySettings:
    """The Dashboard's "Manage failed payments", which no API shows."""

    mode: Literal["none", "custom", "smart"] = "none"
    days: list[int] = field(default_factory=lambda: [3, 5, 7])  # custom: up to three
    at_the_end: AtTheEnd = "leave"
    invoice_at_the_end: Literal["leave", "uncollectible"] = "leave"
    # With Billing automations the first event has no next_payment_attempt; it comes
    # with a later invoice.updated (docs.stripe.com smart-retries, copy of 2026-04).
    automations: bool = False
    automations_delay: int = 300
    # Nobody outside Stripe has told what auto_advance is after the last try.
    auto_advance_after_last: bool = False


@dataclass(slots=True)
class Account:
    id: str
    name: str
    email: str = "owner@example.com"
    country: str = "US"
    currency: str = "usd"
    created: int = 0
    retries: RetrySettings = field(default_factory=RetrySettings)
    client_id: str | None = None  # a Connect platform has one for each mode
    live_client_id: str | None = None
    redirect_uris: list[str] = field(default_factory=list)
    # Which platforms may act for this account, and in which mode.
    granted: set[tuple[str, bool]] = field(default_factory=set)
    books: dict[bool, Book] = field(default_factory=dict)

    def book(self, *, livemode: bool) -> Book:
        if livemode not in self.books:
            self.books[livemode] = Book(account_id=self.id, livemode=livemode)
        return self.books[livemode]


def account_object(account: Account) -> Obj:
    """Return what `GET /v1/account` says of this account."""
    return {
        "id": account.id,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": "5734",
            "name": account.name,
            "support_email": account.email,
            "url": None,
        },
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": account.country,
        "created": account.created,
        "default_currency": account.currency,
        "details_submitted": True,
        "email": account.email,
        "metadata": {},
        "payouts_enabled": True,
        "settings": account_settings(account),
        "type": "standard",
    }


def account_settings(account: Account) -> dict[str, Any]:
    return {
        "branding": {
            "icon": None,
            "logo": None,
            "primary_color": None,
            "secondary_color": None,
        },
        "card_payments": {
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": account.name, "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
    }
