"""What the tables need from time to time. Nothing depends on when it happens."""

from datetime import datetime

from app.storage import tallies
from app.storage.transaction import transaction


def fold_tallies(*, now: datetime) -> int:
    """Add up the rows that count the same; how many fewer there are."""
    with transaction() as session:
        return tallies.fold(session)
