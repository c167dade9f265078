"""The states of a connected Stripe account, its import, and a stored event."""

from enum import StrEnum


class ConnectionKind(StrEnum):
    """How we may act for a merchant."""

    KEY = "key"  # with the merchant's own restricted key
    CONNECT = "connect"  # with the platform's key and a Stripe-Account header


class ConnectionStatus(StrEnum):
    """Whether we can act for a merchant. The switch is apart: it is the owner's."""

    CONNECTED = "connected"
    TROUBLE = "trouble"  # key revoked, permission missing: nothing is charged
    DISCONNECTED = "disconnected"


class ImportStage(StrEnum):
    """What the first import of an account is busy with, in this order."""

    LISTING = "listing"  # which renewal invoices are open
    LOOKING = "looking"  # at each of them, its subscription and its customer
    DECLINES = "declines"  # the refused charges of the last 90 days
    DONE = "done"


class EventStatus(StrEnum):
    """What became of a stored event."""

    PENDING = "pending"
    HANDLED = "handled"
    IGNORED = "ignored"  # of no concern: unknown type, other mode, unknown account
