"""Which of the connected accounts a request means, and whether it may."""

from flask import abort, g, request

from app.domain.account import ConnectionStatus
from app.extensions import db
from app.storage import account_reads
from app.storage.listings.sight import visible_accounts
from app.storage.models import StripeAccount
from app.storage.standing_reads import NamedAccount, Standing
from app.storage.standing_reads import standing as read_standing
from app.web.access import me


def standing() -> Standing:
    """How things stand, for all accounts; read once a request."""
    if "standing" not in g:
        g.standing = read_standing(db.session())
    found: Standing = g.standing
    return found


def sight() -> frozenset[int] | None:
    """Ids of the accounts the signed-in person may see; None for all."""
    if "sight" not in g:
        g.sight = visible_accounts(db.session(), me())
    seen: frozenset[int] | None = g.sight
    return seen


def account_choices() -> list[NamedAccount]:
    """The accounts that the signed-in person may see and choose from."""
    seen = sight()
    accounts = standing().accounts
    return [each for each in accounts if seen is None or each.id in seen]


def seen_accounts() -> list[StripeAccount]:
    """The accounts that the signed-in person may see, connected ones first."""
    if "seen_accounts" not in g:
        g.seen_accounts = account_reads.visible_accounts(db.session(), me())
    seen: list[StripeAccount] = g.seen_accounts
    return seen


def chosen_account_id() -> int:
    """The account of the form field or query `account`.

    It may be left out where only one is connected. 404 for one that is not to be seen.
    """
    accounts = seen_accounts()
    given = request.values.get("account", "")
    if given:
        known = {str(account.id): account.id for account in accounts}
        return known[given] if given in known else abort(404)
    left = ConnectionStatus.DISCONNECTED
    connected = [account for account in accounts if account.status is not left]
    if not connected:
        abort(404, "No Stripe account is connected.")
    if len(connected) > 1:
        abort(422, "Several accounts are connected: say which one you mean.")
    return connected[0].id
