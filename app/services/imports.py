"""The first import of an account."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain.account import ImportStage
from app.storage.connection_models import ImportItem, ImportRun

DECLINES_OF = timedelta(days=90)


def begin(session: Session, account_id: int, *, now: datetime) -> None:
    """Have the account imported from the start, with the next tick."""
    session.execute(delete(ImportItem).where(ImportItem.account_id == account_id))
    run = session.scalar(select(ImportRun).where(ImportRun.account_id == account_id))
    if run is None:
        run = ImportRun(account_id=account_id)
        session.add(run)
    run.stage = ImportStage.LISTING
    run.cursor = run.trouble = run.finished_at = None
    run.declines = run.tries = 0
    run.started_at = run.try_at = run.declines_until = now
    run.declines_since = now - DECLINES_OF
