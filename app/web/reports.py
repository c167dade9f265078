"""Reports to keep or to send on: what the dashboard shows of a period, as a PDF."""

from collections.abc import Iterator
from itertools import chain

from flask import Blueprint, Response, abort

from app import current
from app.domain.periods import Period
from app.extensions import db
from app.storage import figures as kept
from app.web.filters import viewer_zone
from app.web.lists import narrowed, question
from app.web.overview import asked_period, overview
from app.web.report_pdf import Accounts, pieces

bp = Blueprint("reports", __name__, url_prefix="/reports")


@bp.get("/recovered.pdf")
def recovered() -> Response:
    session, asked, now = db.session(), question(), current.now()
    accounts = narrowed(asked)
    period = asked_period(asked, now=now)
    if asked.remarks:
        # A file cannot say that something was left out: it would be taken for all.
        abort(422, " ".join(asked.remarks))
    found = overview(session, period, accounts=accounts)
    whose = Accounts(
        tuple(
            (account.name, account.stripe_account_id, account.livemode)
            for account in kept.accounts_of(session, accounts=accounts)
        )
    )
    # The page's own read ends here: a slow download must not hold on to it.
    session.rollback()
    file = pieces(found, whose, zone=viewer_zone().key, now=now)
    response = Response(_begun(file), mimetype="application/pdf")
    name = f"recovered-{_days(period)}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _begun(file: Iterator[bytes]) -> Iterator[bytes]:
    """The same, made within the request: what fails is an error page, not half a
    file."""
    first = next(file)
    return chain([first], file)


def _days(period: Period) -> str:
    first = period.first.isoformat() if period.first else "all"
    return f"{first}-to-{period.last.isoformat()}"
