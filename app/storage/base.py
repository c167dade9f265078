"""What every table stands on: names of constraints, aware times, words."""

import json
import zlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator


class Base(DeclarativeBase):
    """The tables' common base; constraint names are fixed, so migrations find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# SQLite makes row ids only for columns spelled INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, stored without its zone in UTC; refuses naive values."""

    impl = DateTime
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)
        return self._as_text  # a fifth of the time that SQLAlchemy's own takes

    def _as_text(self, value: datetime | None) -> str | None:
        """What SQLite keeps: 2026-11-02 09:00:00.000000."""
        if value is None:
            return None
        return self._in_utc(value).isoformat(" ", "microseconds")[:26]

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        # Likewise, and a list has two hundred of them.
        return self._from_text if dialect.name == "sqlite" else self._from_naive

    @staticmethod
    def _from_text(value: str | None) -> datetime | None:
        return None if value is None else datetime.fromisoformat(f"{value}+00:00")

    @staticmethod
    def _from_naive(value: datetime | None) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        return None if value is None else self._in_utc(value).replace(tzinfo=None)

    @staticmethod
    def _in_utc(value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a stored time must know its zone")
        return value if value.tzinfo is UTC else value.astimezone(UTC)


class ReadableJSON(TypeDecorator[Any]):
    """JSON of which damaged text reads as None, so that one row cannot take a page or
    a decision with it."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        read = super().result_processor(dialect, coltype)

        def readable(value: Any) -> Any:
            try:
                return read(value) if read else value
            except (ValueError, RecursionError):
                return None

        return readable


class PackedJSON(TypeDecorator[Any]):
    """JSON kept compressed, in a third of the space; damage reads as None."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes:
        return zlib.compress(json.dumps(value, separators=(",", ":")).encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        try:
            return json.loads(zlib.decompress(value or b""))
        except (ValueError, RecursionError, zlib.error):
            return None


class Word(TypeDecorator[StrEnum]):
    """One word of a StrEnum, stored as plain text."""

    impl = String
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__(length=24)
        self.words = words

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.words(value).value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        known: dict[str | None, StrEnum | None] = {None: None}
        known.update((word.value, word) for word in self.words)
        return known.__getitem__
