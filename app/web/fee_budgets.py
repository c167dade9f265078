"""The owner's budget for network fees, by account."""

import re

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.services import fees
from app.services.fees import BudgetRefused
from app.web.access import me, needs
from app.web.accounts_seen import chosen_account_id

bp = Blueprint("fee_budgets", __name__, url_prefix="/strategies/fee-budget")

_DOLLARS = re.compile(r"([0-9]{1,7})(?:[.,]([0-9]{1,2}))?")


@bp.post("")
@needs(Role.OWNER)
def update() -> ResponseReturnValue:
    account_id = chosen_account_id()
    given = "".join(request.form.get("dollars", "").split())
    found = _DOLLARS.fullmatch(given)
    if given and found is None:
        abort(422, "Write the budget in dollars, like 25.00, or leave it empty.")
    cents = int(found[1] + (found[2] or "").ljust(2, "0")) if found else None
    try:
        fees.set_budget(account_id, cents, user_id=me().id, now=current.now())
    except BudgetRefused as refusal:
        abort(422, str(refusal))
    flash("The budget for network fees is saved.", "good")
    return redirect("/strategies#fees", 303)
