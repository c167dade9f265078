"""Bulk actions on subscriptions: choose, look at what would happen, confirm, watch."""

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.bulk import MOST_AT_ONCE, BulkAction, BulkStatus, ItemState
from app.domain.people import Role
from app.extensions import db
from app.services import bulk, bulk_work
from app.services.bulk import BulkRefused, Chosen
from app.services.fees import fees_of
from app.storage import bulk_reads
from app.storage.bulk_models import BulkJob
from app.storage.listings import keyset
from app.storage.listings.subscriptions import SubscriptionFilter
from app.web.access import me, needs
from app.web.lists import LONGEST_QUERY, question_of, sight
from app.web.rendering import render
from app.web.subscription_list import wanted_subscriptions

bp = Blueprint("bulk", __name__, url_prefix="/bulk")

# Work done while the person waits: a handful of rows is finished when the page comes.
MEANWHILE = 0.7  # seconds
ITEMS_SHOWN = 50
MOST_IDS = 500
_POLLED = (BulkStatus.CHECKING, BulkStatus.RUNNING)


@bp.get("")
@needs(Role.STAFF)
def index() -> ResponseReturnValue:
    session = db.session()
    jobs = [job for job in bulk_reads.latest(session) if _is_seen(job)]
    return render("bulk/index.html", jobs=jobs)


@bp.post("")
def create() -> ResponseReturnValue:
    """What was ticked in the list, or all of it, becomes a preview."""
    query = request.form.get("query", "")[:LONGEST_QUERY]
    back = f"/subscriptions?{query}" if query else "/subscriptions"
    action = request.form.get("action", "")
    if action not in set(BulkAction):
        abort(422, "Choose what to do with them.")
    try:
        chosen = _chosen(query)
    except BulkRefused as refusal:
        flash(str(refusal), "warn")
        return redirect(back, 303)
    job_id = bulk.propose(
        BulkAction(action), chosen, user_id=me().id, now=current.now()
    )
    bulk_work.work_on(job_id, now=current.now(), seconds=MEANWHILE)
    return redirect(url_for("bulk.show", job_id=job_id), 303)


@bp.get("/<int:job_id>")
@needs(Role.STAFF)
def show(job_id: int) -> ResponseReturnValue:
    return _page(_found(job_id))


@bp.post("/<int:job_id>/confirm")
def confirm(job_id: int) -> ResponseReturnValue:
    _found(job_id)
    reason = " ".join(request.form.get("reason", "").replace("\0", " ").split())
    try:
        bulk.confirm(job_id, reason=reason, user_id=me().id, now=current.now())
    except BulkRefused as refusal:
        flash(f"Nothing was changed. {refusal}", "warn")
    else:
        bulk_work.work_on(job_id, now=current.now(), seconds=MEANWHILE)
    return redirect(url_for("bulk.show", job_id=job_id), 303)


@bp.post("/<int:job_id>/cancel")
def cancel(job_id: int) -> ResponseReturnValue:
    _found(job_id)
    try:
        bulk.cancel(job_id, user_id=me().id, now=current.now())
    except BulkRefused as refusal:
        flash(str(refusal), "warn")
    return redirect(url_for("bulk.show", job_id=job_id), 303)


def _chosen(query: str) -> Chosen:
    """What the form ticked; of accounts in the person's sight, whatever it sent."""
    if request.form.get("all") != "1":
        return Chosen(SubscriptionFilter(accounts=sight()), query, _ids())
    asked = question_of(query)
    wanted = wanted_subscriptions(asked)
    if asked.remarks:
        # A filter left out would take in what nobody looked at.
        raise BulkRefused(" ".join(asked.remarks))
    return Chosen(wanted, query)


def _ids() -> frozenset[int]:
    given = request.form.getlist("id")
    ids = frozenset(int(each) for each in given if each.isdecimal() and len(each) < 19)
    if not ids:
        raise BulkRefused("Tick the subscriptions that you mean, or all of them.")
    if len(ids) > MOST_IDS:
        raise BulkRefused(f"Tick at most {MOST_IDS}, or choose all that is shown.")
    return ids


def _page(job: BulkJob) -> ResponseReturnValue:
    session = db.session()
    counts = bulk_reads.counts(session, job.id)
    page = bulk_reads.item_page(session, job.id, cursor=_cursor(), size=ITEMS_SHOWN)
    return render(
        "bulk/show.html",
        fragment="bulk/_job.html",
        job=job,
        counts={state.value: counts.get(state, 0) for state in ItemState},
        total=sum(counts.values()),
        reasons=bulk_reads.reasons(session, job.id),
        at_stake=bulk_reads.at_stake(session, job.id),
        billed=_billed(job),
        others=bulk_reads.running_of_others(session, me().id),
        rows=page.rows,
        pager={
            "previous": _at(job, page.before),
            "next": _at(job, page.after),
        },
        is_polled=job.status in _POLLED,
        is_mine=job.user_id == me().id,
        most=MOST_AT_ONCE[job.action],
        here=request.full_path.rstrip("?") if request.method == "GET" else _at(job),
    )


def _billed(job: BulkJob) -> list[dict[str, object]]:
    """What the retries would cost, beside what the month has cost already."""
    if job.action is not BulkAction.RETRY or job.status is not BulkStatus.PROPOSED:
        return []
    session, now = db.session(), current.now()
    told = []
    for account, cents in bulk_reads.expected_fees(session, job.id):
        month = fees_of(session, account, now=now)
        budget = month.budget.amount if month.budget else None
        told.append(
            {
                "account": account,
                "fee": cents,
                "month": month,
                "is_over": budget is not None and month.spent.amount + cents > budget,
            }
        )
    return told


def _cursor() -> keyset.Cursor | None:
    word = request.args.get("page", "")
    try:
        return keyset.read(word, order=bulk_reads.BY_ID) if word else None
    except keyset.BadCursor:
        return None


def _at(job: BulkJob, cursor: keyset.Cursor | None = None) -> str | None:
    word = keyset.write(cursor) if cursor else None
    return url_for("bulk.show", job_id=job.id, page=word) if word else None


def _found(job_id: int) -> BulkJob:
    job = bulk_reads.job_by_id(db.session(), job_id)
    if job is None or not _is_seen(job):
        abort(404, "There is no such bulk action.")
    return job


def _is_seen(job: BulkJob) -> bool:
    """One's own; those of others may be about accounts that one may not see."""
    return job.user_id == me().id or not me().is_restricted
