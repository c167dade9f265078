"""Declines by code, from the kept tallies: no row of the history is counted."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from app.storage.listings.declines import DeclineFilter
from app.storage.tallies import DeclineTally

MOST_CODES = 12


def count_by_code(
    session: Session, wanted: DeclineFilter
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The commonest codes of the accounts, kind and whole months (UTC) of the filter.

    The tallies know no more: the other filters are not followed.
    """
    kept, count = DeclineTally, func.sum(DeclineTally.declines).label("declines")
    statement = select(kept.decline_code, count).where(kept.decline_code != "")
    if wanted.since is not None:
        statement = statement.where(kept.month >= f"{wanted.since:%Y-%m}")
    if wanted.before is not None:
        last = wanted.before - timedelta(microseconds=1)
        statement = statement.where(kept.month <= f"{last:%Y-%m}")
    if wanted.kind is not None:
        statement = statement.where(kept.kind == wanted.kind)
    if wanted.accounts is not None:
        statement = statement.where(kept.account_id.in_(sorted(wanted.accounts)))
    return session.execute(
        statement.group_by(kept.decline_code)
        .order_by(count.desc(), kept.decline_code)
        .limit(MOST_CODES)
    ).all()
