"""Whether Stripe fails at one object only, or at all that is asked of it."""

from app.services.connections import NotConnected
from app.stripe_gateway import (
    CredentialsRefused,
    Gateway,
    PermissionMissing,
    RateLimited,
    StripeTrouble,
    StripeUnavailable,
)
from app.vault import SecretUnreadable


def is_alone(gateway: Gateway, trouble: StripeTrouble) -> bool:
    """Whether it is this object that Stripe does not show, while it answers the rest.

    Asks a cheap question more where the trouble itself does not tell.
    """
    match trouble:
        case RateLimited() | CredentialsRefused():
            return False
        case PermissionMissing(permission=slug):
            return not _lacks(gateway, slug)
        case StripeUnavailable():
            return _answers(gateway)
    return True


def _lacks(gateway: Gateway, slug: str | None) -> bool:
    try:
        return gateway.lacks_permission(slug)
    except StripeTrouble:
        return True


def _answers(gateway: Gateway) -> bool:
    try:
        gateway.open_invoices(limit=1)
    except StripeTrouble:
        return False
    return True


def sentence_of(fault: Exception) -> str:
    """What an operator may read; texts of unknown faults may hold anything."""
    match fault:
        case StripeTrouble(sentence=str() as sentence) if sentence:
            return sentence
        case StripeTrouble() | NotConnected() | SecretUnreadable():
            return str(fault)
    return f"a fault of ours ({type(fault).__name__}); the log has it whole"
