"""One-time links: the first owner and the invited choose a password."""

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.services import links
from app.services.people import PersonRefused
from app.storage.models import OneTimeLink
from app.web.access import begin_session
from app.web.rendering import render

bp = Blueprint("links", __name__)

DEAD = "This link was used already, or its day is over."


@bp.get("/setup/<token>")
def show(token: str) -> ResponseReturnValue:
    return render("links/show.html", link=_link(token))


@bp.post("/setup/<token>")
def accept(token: str) -> ResponseReturnValue:
    link = _link(token)
    try:
        user = links.accept(
            token,
            email=request.form.get("email", ""),
            name=request.form.get("name", ""),
            password=request.form.get("password", ""),
            now=current.wall(),
        )
    except PersonRefused as refusal:
        return render("links/show.html", status=422, link=link, refusal=refusal)
    except links.LinkDead:
        abort(404, DEAD)
    begin_session(user)
    return redirect("/", 303)


def _link(token: str) -> OneTimeLink:
    try:
        return links.look(token, now=current.wall())
    except links.LinkDead:
        abort(404, DEAD)
