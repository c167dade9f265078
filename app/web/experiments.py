"""Experiments: two strategies compared on one account, with the proof said plainly."""

from datetime import UTC, date, datetime, time
from typing import Any

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.experiment_verdict import points
from app.domain.experiments import Arm, outlook, outlook_sentence
from app.domain.people import Role
from app.extensions import db
from app.services import experiment_results, experiments, strategies
from app.services.experiment_results import Expected
from app.services.experiments import ExperimentRefused, Wish
from app.services.strategies import called
from app.storage import experiment_reads
from app.storage.models import StripeAccount
from app.storage.strategy_models import Experiment
from app.web.access import me, needs
from app.web.accounts_seen import chosen_account_id
from app.web.filters import viewer_zone
from app.web.lists import sight
from app.web.rendering import render, wants_fragment
from app.web.strategies import connected

bp = Blueprint("experiments", __name__, url_prefix="/strategies/experiments")

POINTS = (20, 10, 5, 3, 1)


@bp.get("")
def index() -> ResponseReturnValue:
    now = current.now()
    rows = experiment_reads.experiments(db.session(), accounts=sight())
    return render(
        "experiments/index.html",
        experiments=[(row, state_of(row, now=now)) for row in rows],
        prospects=_prospects(),
    )


@bp.get("/new")
@needs(Role.OWNER)
def new() -> ResponseReturnValue:
    return _form(
        {
            "name": "",
            "control": "even-spread",
            "treatment": "adaptive",
            "share": "50",
            "points": "10",
            "starts": "",
            "stops": "",
        }
    )


@bp.post("/new")
@needs(Role.OWNER)
def create() -> ResponseReturnValue:
    account_id = chosen_account_id()
    names = ("name", "control", "treatment", "share", "points", "starts", "stops")
    given = {
        name: " ".join(request.form.get(name, "").split())
        for name in (*names, "account")
    }
    try:
        wish = _wish(account_id, given)
        new_id = experiments.start(wish, user_id=me().id, now=current.now())
    except ExperimentRefused as refusal:
        return _form(given, refusal=refusal, status=422)
    flash("The experiment is set. Recoveries that begin from its start on take part.")
    address = f"/strategies/experiments/{new_id}"
    if wants_fragment():
        return "", 200, {"HX-Redirect": address}
    return redirect(address, 303)


@bp.get("/<int:experiment_id>")
def show(experiment_id: int) -> ResponseReturnValue:
    now, row = current.now(), _found(experiment_id)
    return render(
        "experiments/show.html",
        experiment=row,
        state=state_of(row, now=now),
        ended_at=row.ended_at(now),
        result=experiment_results.result(db.session(), row, now=now),
        is_aa=experiment_results.is_aa(row),
        points=points,
        arms=[(Arm.CONTROL, row.control), (Arm.TREATMENT, row.treatment)],
        adoptable=[(arm, called(*experiments.tested(row, arm))) for arm in Arm],
    )


@bp.post("/<int:experiment_id>/stop")
@needs(Role.OWNER)
def stop(experiment_id: int) -> ResponseReturnValue:
    _found(experiment_id)
    try:
        experiments.stop(experiment_id, user_id=me().id, now=current.now())
    except ExperimentRefused as refusal:
        flash(f"Nothing was changed. {refusal}", "warn")
    else:
        flash("Stopped. What has begun goes on as it began, and is still counted.")
    return redirect(f"/strategies/experiments/{experiment_id}", 303)


@bp.post("/<int:experiment_id>/adoption")
@needs(Role.OWNER)
def adopt(experiment_id: int) -> ResponseReturnValue:
    _found(experiment_id)
    try:
        arm = Arm(request.form.get("arm", ""))
    except ValueError:
        abort(422, "Say which of the two strategies you mean.")
    try:
        name = experiments.adopt(experiment_id, arm, user_id=me().id, now=current.now())
    except ExperimentRefused as refusal:
        flash(f"Nothing was changed. {refusal}", "warn")
    else:
        flash(f"New recoveries take {name} from now on; the experiment has ended.")
    return redirect(f"/strategies/experiments/{experiment_id}", 303)


def state_of(row: Experiment, *, now: datetime) -> str:
    """Scheduled, running, stopped or adopted."""
    if row.adopted is not None:
        return "adopted"
    if row.ended_at(now) is not None:
        return "stopped"
    return "scheduled" if row.starts_at > now else "running"


def _wish(account_id: int, given: dict[str, str]) -> Wish:
    return Wish(
        account_id=account_id,
        name=given["name"],
        control=given["control"],
        treatment=given["treatment"],
        treatment_percent=_number("share", given["share"] or "50"),
        points=_number("points", given["points"] or "10"),
        starts_at=_day("starts", given["starts"]),
        stops_at=_day("stops", given["stops"]),
    )


def _number(field: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise ExperimentRefused(field, "Write a whole number.")
    return int(text)


def _day(field: str, text: str) -> datetime | None:
    """The beginning of that day in the viewer's zone; None for no day."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), tzinfo=viewer_zone()).astimezone(UTC)
    except (ValueError, OverflowError):
        said = "Write a day like 2026-12-01, or leave it empty."
        raise ExperimentRefused(field, said) from None


def _form(
    given: dict[str, str],
    *,
    refusal: ExperimentRefused | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    accounts = connected()
    return render(
        "experiments/new.html",
        fragment="experiments/_form.html",
        status=status,
        given=given,
        refusal=refusal,
        accounts=[(str(a.id), a.name or a.stripe_account_id) for a in accounts],
        choices=[(c.name, c.title) for c in strategies.choices(db.session())],
        prospects=_prospects(),
    )


def _prospects() -> list[dict[str, Any]]:
    """For each connected account: what its own numbers can show, and how soon."""
    session, now = db.session(), current.now()
    return [
        _prospect(account, experiment_results.expected(session, account.id, now=now))
        for account in connected()
    ]


def _prospect(account: StripeAccount, own: Expected) -> dict[str, Any]:
    return {
        "account": account,
        "own": own,
        "sentence": outlook_sentence(own.monthly, base=own.base),
        "rows": [
            outlook(points, monthly=own.monthly, base=own.base) for points in POINTS
        ],
    }


def _found(experiment_id: int) -> Experiment:
    found = experiment_reads.experiment(db.session(), experiment_id, accounts=sight())
    return found or abort(404, "No experiment with this number is known here.")
