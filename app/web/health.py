"""`/healthz`: alive."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    return "alive\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
