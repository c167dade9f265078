"""What the lists show, whole: read in chunks, so that memory stays flat."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from flask import Blueprint, Response, abort
from sqlalchemy.orm import Session

from app.domain.recovery import AttemptStatus
from app.extensions import db
from app.storage.listings.attempts import ATTEMPTS, AttemptFilter
from app.storage.listings.declines import DECLINES
from app.storage.listings.listing import Filter, Listing
from app.storage.listings.subscriptions import SUBSCRIPTIONS
from app.web.decline_list import wanted_declines
from app.web.lists import narrowed, question
from app.web.question import Question, words_of
from app.web.spreadsheet import workbook
from app.web.subscription_list import wanted_subscriptions

bp = Blueprint("exports", __name__)

Columns = dict[str, str]  # heading: the column of the listing
Rows = Iterable[Sequence[Any]]
# The first ones are promised, in this order; more may follow them.
SUBSCRIPTION_COLUMNS: Columns = {
    "subscription": "stripe_subscription_id",
    "customer": "stripe_customer_id",
    "email": "customer_email",
    "status": "status",
    "lifecycle": "lifecycle",
    "amount": "amount",
    "currency": "currency",
    "declines": "declines",
    "attempts": "attempts",
    "next_retry_at": "next_retry_at",
    "recovered_amount": "recovered_amount",
    "customer_name": "customer_name",
    "plan": "plan",
    "interval": "interval",
    "interval_count": "interval_count",
    "created_at": "created_at",
}
DECLINE_COLUMNS: Columns = {
    "occurred_at": "occurred_at",
    "invoice": "stripe_invoice_id",
    "subscription": "stripe_subscription_id",
    "customer": "stripe_customer_id",
    "amount": "amount",
    "currency": "currency",
    "decline_code": "decline_code",
    "advice_code": "advice_code",
    "network_decline_code": "network_decline_code",
    "network_advice_code": "network_advice_code",
    "kind": "kind",
    "brand": "brand",
    "funding": "funding",
    "country": "country",
    "attempt": "attempt",
    "made_by": "made_by",
    "charge": "stripe_charge_id",
}
ATTEMPT_COLUMNS: Columns = {
    "invoice": "stripe_invoice_id",
    "subscription": "stripe_subscription_id",
    "number": "number",
    "strategy": "strategy",
    "status": "status",
    "due_at": "due_at",
    "started_at": "started_at",
    "finished_at": "finished_at",
    "outcome": "outcome",
    "decline_code": "decline_code",
    "reason": "reason",
    "idempotency_key": "idempotency_key",
    "strategy_version": "strategy_version",
    "probability": "probability",
    "collected_amount": "amount",
    "currency": "currency",
}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
_FORMULA = frozenset("=+-@\t\r")


@bp.get("/subscriptions.csv", defaults={"form": "csv"})
@bp.get("/subscriptions.xlsx", defaults={"form": "xlsx"})
def subscriptions(form: str) -> Response:
    asked = question()
    wanted = wanted_subscriptions(asked)
    refuse_what_was_not_understood(asked)
    return export(f"subscriptions.{form}", SUBSCRIPTIONS, wanted, SUBSCRIPTION_COLUMNS)


@bp.get("/declines.csv", defaults={"form": "csv"})
@bp.get("/declines.xlsx", defaults={"form": "xlsx"})
def declines(form: str) -> Response:
    asked = question()
    wanted = wanted_declines(asked)
    refuse_what_was_not_understood(asked)
    return export(f"declines.{form}", DECLINES, wanted, DECLINE_COLUMNS)


@bp.get("/attempts.csv", defaults={"form": "csv"})
@bp.get("/attempts.xlsx", defaults={"form": "xlsx"})
def attempts(form: str) -> Response:
    asked = question()
    wanted = _wanted_attempts(asked)
    refuse_what_was_not_understood(asked)
    return export(f"attempts.{form}", ATTEMPTS, wanted, ATTEMPT_COLUMNS)


def _wanted_attempts(asked: Question) -> AttemptFilter:
    status = asked.word("status", words_of(AttemptStatus))
    since, before = asked.days()
    return AttemptFilter(
        text=asked.text("q"),
        status=AttemptStatus(status) if status else None,
        code=asked.code("code"),
        since=since,
        before=before,
        accounts=narrowed(asked),
    )


def refuse_what_was_not_understood(asked: Question) -> None:
    """A file cannot say that a filter was left out: it would be taken for the whole."""
    if asked.remarks:
        abort(422, " ".join(asked.remarks))


def export(
    name: str, listing: Listing[Filter], wanted: Filter, columns: Columns
) -> Response:
    """The whole listing as the file `name`, in the form that its ending says."""
    # The page's own read ends here: a slow download must not hold on to it.
    db.session.rollback()
    opened, heading = partial(Session, db.engine), list(columns)
    chunks = listing.written(opened, wanted, list(columns.values()))
    if name.endswith(".xlsx"):
        rows = chain.from_iterable(chunks)
        response = Response(workbook(heading, rows), mimetype=_XLSX)
    else:
        response = Response(_lines(heading, chunks), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(heading: list[str], chunks: Iterable[Rows]) -> Iterator[str]:
    yield _csv([heading])
    for rows in chunks:
        yield _csv(map(_guarded, rows))


def _guarded(row: Sequence[Any]) -> list[Any]:
    return [
        f"'{value}" if type(value) is str and value[:1] in _FORMULA else value
        for value in row
    ]


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
