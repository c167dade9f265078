"""The subscription-settings guide, with the doctor's verdict beside it."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.account import ConnectionStatus
from app.services import settings_doctor
from app.storage.models import StripeAccount
from app.web.accounts_seen import chosen_account_id, seen_accounts
from app.web.rendering import render, wants_fragment
from app.web.stripe_links import permission_name, stripe_link

bp = Blueprint("guide", __name__, url_prefix="/account/payment-processor/guide")


@bp.app_context_processor
def _lend() -> dict[str, object]:
    return {"stripe_link": stripe_link, "permission_name": permission_name}


@bp.get("")
def show() -> ResponseReturnValue:
    accounts = [a for a in seen_accounts() if _is_connected(a)]
    return _page(accounts, _shown(accounts))


@bp.post("/check")
def check() -> ResponseReturnValue:
    account_id = chosen_account_id()
    settings_doctor.check_again(account_id, now=current.now())
    if not wants_fragment():
        return redirect(url_for("guide.show", account=account_id), 303)
    accounts = [a for a in seen_accounts() if _is_connected(a)]
    return _page(accounts, _shown(accounts))


def _page(
    accounts: list[StripeAccount], account: StripeAccount | None
) -> ResponseReturnValue:
    now = current.now()
    return render(
        "guide/show.html",
        fragment="guide/_doctor.html",
        accounts=accounts,
        account=account,
        verdict=settings_doctor.verdict_of(account.id, now=now) if account else None,
    )


def _shown(accounts: list[StripeAccount]) -> StripeAccount | None:
    """The account asked for, or the first; the guide itself is the same for all."""
    given = request.values.get("account", "")
    chosen = [account for account in accounts if str(account.id) == given]
    return next(iter(chosen or accounts), None)


def _is_connected(account: StripeAccount) -> bool:
    return account.status is not ConnectionStatus.DISCONNECTED
