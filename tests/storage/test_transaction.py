import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import InternalError, OperationalError

from app.domain.people import Role
from app.extensions import db
from app.storage.models import User
from app.storage.transaction import TransactionOpen, reading, transaction
from tests.conftest import MONDAY


def _user(email: str = "ann@example.com") -> User:
    return User(email=email, password_hash="x", role=Role.OWNER, created_at=MONDAY)


def _how_many() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def test_a_transaction_is_all(app: Flask) -> None:
    with transaction() as session:
        session.add(_user())
    assert _how_many() == 1


def test_or_nothing(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), transaction() as session:
        session.add(_user())
        session.flush()
        _ = 1 / 0
    assert _how_many() == 0


def test_a_transaction_never_nests(app: Flask) -> None:
    with transaction(), pytest.raises(TransactionOpen), transaction():
        pass


def test_a_page_cannot_write(app: Flask) -> None:
    db.session.add(_user())
    with pytest.raises((InternalError, OperationalError)):
        db.session.flush()
    db.session.rollback()


def test_a_time_without_a_zone_is_refused(app: Flask) -> None:
    naive = _user()
    naive.created_at = MONDAY.replace(tzinfo=None)
    with pytest.raises(Exception, match="zone"), transaction() as session:
        session.add(naive)
