"""The Payment Processor tab: connect by key, the switch, disconnect."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.account import ConnectionStatus
from app.domain.people import Role
from app.services import account_cards, accounts, leaving, oauth
from app.services.account_cards import AccountCard
from app.services.account_rows import AccountRefused
from app.stripe_gateway import PROBES
from app.web.access import me, needs
from app.web.accounts_seen import account_choices, chosen_account_id, seen_accounts
from app.web.confirmation import asks_password
from app.web.rendering import render, wants_fragment

TAB = "/account/payment-processor"
bp = Blueprint("payment_processor", __name__, url_prefix=TAB)


@bp.app_context_processor
def _lend() -> dict[str, object]:
    return {"account_choices": account_choices}


@bp.get("")
def show() -> ResponseReturnValue:
    return _page()


@bp.post("/stripe/key")
@needs(Role.OWNER)
@asks_password(back=TAB)
def connect_with_key() -> ResponseReturnValue:
    try:
        account_id = accounts.connect_with_key(
            request.form.get("api_key", ""), user_id=me().id, now=current.now()
        )
    except AccountRefused as refusal:
        return _page(refusal=refusal, status=503 if refusal.is_passing else 422)
    return redirect(url_for("integration.show", account=account_id), 303)


@bp.post("/stripe/toggle")
@needs(Role.OWNER)
def toggle() -> ResponseReturnValue:
    account_id = chosen_account_id()
    try:
        accounts.switch(
            account_id,
            is_on=_wanted_on(account_id),
            user_id=me().id,
            now=current.now(),
        )
    except AccountRefused as refusal:
        flash(str(refusal), "bad")
    return card_or_page(account_id)


@bp.post("/stripe/disconnect")
@needs(Role.OWNER)
@asks_password(back=TAB)
def disconnect() -> ResponseReturnValue:
    try:
        left_over = leaving.disconnect(
            chosen_account_id(), user_id=me().id, now=current.now()
        )
    except AccountRefused as refusal:
        flash(str(refusal), "bad")
    else:
        flash("Disconnected. Nothing is charged any more; your data is kept.", "good")
        if left_over:
            flash(left_over, "warn")
    return redirect(url_for("payment_processor.show"), 303)


def card_or_page(account_id: int) -> ResponseReturnValue:
    """After an action: the account's card for htmx, the tab for everyone else."""
    if not wants_fragment():
        return redirect(url_for("payment_processor.show"), 303)
    return render(
        "payment_processor/_card.html",
        card=account_cards.card_of(account_id, now=current.now()),
    )


def _wanted_on(account_id: int) -> bool:
    """What the form asks for; without a word, the opposite of what is."""
    given = request.form.get("on")
    if given in {"1", "0"}:
        return given == "1"
    card = account_cards.card_of(account_id, now=current.now())
    return not card.row.is_on


def _page(
    *, refusal: AccountRefused | None = None, status: int = 200
) -> ResponseReturnValue:
    now = current.now()
    cards = [account_cards.card_of(a.id, now=now) for a in seen_accounts()]
    return render(
        "payment_processor/show.html",
        status=status,
        cards=cards,
        connected=[card for card in cards if _is_connected(card)],
        refusal=refusal,
        probes=PROBES,
        has_platform=current.config().has_connect_platform,
        is_under_way=oauth.is_under_way(me().id, now=current.wall()),
    )


def _is_connected(card: AccountCard) -> bool:
    return card.row.status is not ConnectionStatus.DISCONNECTED
