"""Refuses what no browser sends by itself, before a view or the database meets it."""

from flask import Flask, abort, request

# The largest id either database can compare with.
_LARGEST_ID = 2**63 - 1


def guard(app: Flask) -> None:
    """Answer hostile addresses and forms with a 4xx page."""
    app.before_request(_refuse_nonsense)


def _refuse_nonsense() -> None:
    if request.endpoint is None:
        return
    for value in (request.view_args or {}).values():
        if isinstance(value, int) and value > _LARGEST_ID:
            abort(404)
        if isinstance(value, str) and "\0" in value:
            abort(404)
    if request.query_string and any(_has_nul(pair) for pair in _query_pairs()):
        abort(400, "The address has a character in it that no text has.")
    if request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        pairs = request.form.items(multi=True)
        if any(_has_nul(pair) for pair in pairs):
            abort(400, "The form has a character in it that no text has.")


def _query_pairs() -> list[tuple[str, str]]:
    return list(request.args.items(multi=True))


def _has_nul(pair: tuple[str, str]) -> bool:
    return "\0" in pair[0] or "\0" in pair[1]
