"""Believed chances against what happened."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.domain.calibration import calibration, score
from app.extensions import db
from app.storage import strategy_reads
from app.web.lists import narrowed, question
from app.web.rendering import render

bp = Blueprint("calibration", __name__, url_prefix="/strategies/calibration")


@bp.get("")
def show() -> ResponseReturnValue:
    asked = question()
    accounts = narrowed(asked)
    stated = strategy_reads.stated_chances(db.session(), accounts=accounts)
    return render(
        "strategies/calibration.html",
        bins=calibration(stated),
        score=score(stated),
        counted=strategy_reads.COUNTED,
        kept=asked.kept,
        remarks=asked.remarks,
    )
