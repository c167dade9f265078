"""The settings doctor's verdict for the dashboard, weighed anew once a minute."""

from datetime import datetime, timedelta
from typing import cast

from flask import current_app

from app.domain.settings_doctor import Verdict
from app.services.settings_doctor import verdict_of

# The dashboard is asked for every few seconds; the evidence is not that quick to read.
_KEPT = timedelta(minutes=1)


def recent_verdict(account_id: int, *, now: datetime) -> Verdict:
    """The verdict on an account, at most a minute old."""
    kept = cast(
        dict[int, tuple[datetime, Verdict]],
        current_app.extensions.setdefault("doctor_verdicts", {}),
    )
    at, verdict = kept.get(account_id, (None, None))
    if at is None or verdict is None or abs(now - at) > _KEPT:
        verdict = verdict_of(account_id, now=now)
        kept[account_id] = now, verdict
    return verdict
