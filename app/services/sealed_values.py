"""Every sealed value of the database: under which key it is, and under a newer one.

Whatever column is called `sealed_...` is one: a new one cannot be forgotten here.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Table, and_, select, update

from app import current
from app.storage.base import Base
from app.storage.transaction import reading, transaction
from app.vault import SecretUnreadable


@dataclass(frozen=True, slots=True)
class Place:
    """Where one sealed value stands; says nothing of what it is."""

    table: str
    column: str
    row: tuple[object, ...]  # its primary key

    def __str__(self) -> str:
        key = ", ".join(map(str, self.row))
        return f"{self.table} {key}, {self.column.removeprefix('sealed_')}"


@dataclass(frozen=True, slots=True)
class Survey:
    """How many values each key seals (None: unknown), and what no key here opens."""

    by_key: Counter[str | None]
    lost: list[Place]


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did, and what it could not do."""

    sealed_anew: int
    left: list[Place]


def survey() -> Survey:
    """Look at every sealed value."""
    vault = current.vault()
    by_key: Counter[str | None] = Counter()
    lost = []
    for place, sealed in _all():
        by_key[vault.key_of(sealed)] += 1
        if not vault.opens(sealed):
            lost.append(place)
    return Survey(by_key, lost)


def rotate() -> Rotation:
    """Seal everything under the newest key, each value in a transaction of its own.

    May be broken off and begun again: what is done already is left as it is.
    """
    vault = current.vault()
    done, left = 0, []
    for place, sealed in _all():
        if vault.key_of(sealed) == vault.newest and vault.opens(sealed):
            continue
        try:
            done += _replace(place, sealed, vault.rotate(sealed))
        except SecretUnreadable:
            left.append(place)
    return Rotation(done, left)


def warning() -> str | None:
    """What to tell an operator at the start when values cannot be read."""
    lost = survey().lost
    if not lost:
        return None
    several = len(lost) > 1
    return (
        f"{len(lost)} stored secret{'s' if several else ''} cannot be read with the "
        f"keys in ENCRYPTION_KEYS ({'; '.join(map(str, lost[:5]))}). Put the lost key "
        "back, or renew them: replace the key and the webhook secret on the Payment "
        "Processor tab, set up the second factor anew."
    )


def _all() -> Iterator[tuple[Place, str]]:
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name.startswith("sealed_"):
                yield from _of(table, column)


def _of(table: Table, column: Column[str]) -> Iterator[tuple[Place, str]]:
    keys = table.primary_key.columns
    with reading() as session:
        rows = session.execute(
            select(column, *keys).where(column.is_not(None)).order_by(*keys)
        ).all()
    for sealed, *row in map(tuple, rows):
        yield Place(table.name, column.name, tuple(row)), sealed


def _replace(place: Place, sealed: str, anew: str) -> bool:
    """Whether the value was still `sealed`: somebody may just have renewed it."""
    table = Base.metadata.tables[place.table]
    keys = zip(table.primary_key.columns, place.row, strict=True)
    column = table.columns[place.column]
    with transaction() as session:
        replaced = session.execute(
            update(table)
            .where(and_(*(key == value for key, value in keys)), column == sealed)
            .values({column: anew})
            .returning(column)
        ).first()
    return replaced is not None
