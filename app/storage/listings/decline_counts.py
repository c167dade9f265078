"""Declines by code, from the kept tallies: no row of the history is counted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from app.storage.listings.declines import DeclineFilter
from app.storage.tallies import DeclineDayTally, DeclineTally

MOST_CODES = 12


def count_by_code(
    session: Session, wanted: DeclineFilter, *, first: str | None, last: str | None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The commonest codes of the filter's accounts and kind, from the day `first` to
    the day `last` (UTC, as 2026-11-23; None: no end).

    The tallies know no more: the other filters are not followed.
    """
    # Of all time the months have it in far fewer rows.
    kept = DeclineDayTally if first or last else DeclineTally
    count = func.sum(kept.declines).label("declines")
    statement = select(kept.decline_code, count).where(kept.decline_code != "")
    if first:
        statement = statement.where(DeclineDayTally.day >= first)
    if last:
        statement = statement.where(DeclineDayTally.day <= last)
    if wanted.kind is not None:
        statement = statement.where(kept.kind == wanted.kind)
    if wanted.accounts is not None:
        statement = statement.where(kept.account_id.in_(sorted(wanted.accounts)))
    return session.execute(
        statement.group_by(kept.decline_code)
        .order_by(count.desc(), kept.decline_code)
        .limit(MOST_CODES)
    ).all()
