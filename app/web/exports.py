"""What the lists show, whole, as CSV: streamed in chunks, so memory stays flat."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort
from sqlalchemy.orm import Session

from app.domain.recovery import AttemptStatus
from app.extensions import db
from app.storage.listings.attempts import ATTEMPTS, AttemptFilter
from app.storage.listings.declines import DECLINES
from app.storage.listings.listing import Filter, Listing
from app.storage.listings.subscriptions import SUBSCRIPTIONS
from app.web.declines import wanted_declines
from app.web.lists import narrowed, question
from app.web.question import Question, words_of
from app.web.subscriptions import wanted_subscriptions

bp = Blueprint("exports", __name__)

Columns = dict[str, str]  # heading: the column of the listing
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
# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@bp.get("/subscriptions.csv")
def subscriptions() -> Response:
    asked = question()
    wanted = wanted_subscriptions(asked)
    return _export("subscriptions", SUBSCRIPTIONS, wanted, asked, SUBSCRIPTION_COLUMNS)


@bp.get("/declines.csv")
def declines() -> Response:
    asked = question()
    return _export("declines", DECLINES, wanted_declines(asked), asked, DECLINE_COLUMNS)


@bp.get("/attempts.csv")
def attempts() -> Response:
    asked = question()
    return _export(
        "attempts", ATTEMPTS, _wanted_attempts(asked), asked, ATTEMPT_COLUMNS
    )


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


def _export(
    name: str,
    listing: Listing[Filter],
    wanted: Filter,
    asked: Question,
    columns: Columns,
) -> Response:
    if asked.remarks:
        # A file cannot say that a filter was left out: it would be taken for the whole.
        abort(422, " ".join(asked.remarks))
    # The page's own read ends here: a slow download must not hold on to it.
    db.session.rollback()
    chunks = listing.chunks(partial(Session, db.engine), wanted)
    response = Response(_lines(chunks, columns), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(chunks: Iterable[Iterable[Any]], columns: Columns) -> Iterator[str]:
    yield _csv([list(columns)])
    for rows in chunks:
        yield _csv(_cells(row, columns) for row in rows)


def _cells(row: Any, columns: Columns) -> list[Any]:
    return [_cell(getattr(row, column)) for column in columns.values()]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _csv(rows: Iterable[list[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
