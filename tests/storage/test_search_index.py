from importlib.util import module_from_spec, spec_from_file_location

import pytest
from flask import Flask
from sqlalchemy import text

from app.config import ROOT
from app.storage import search_index
from app.storage.models import Subscription
from app.storage.transaction import reading, transaction
from tests.builders import a_subscription

pytestmark = pytest.mark.sqlite


def _found(piece: str) -> list[int]:
    with reading() as session:
        statement = text(
            "SELECT rowid FROM subscription_search WHERE subscription_search MATCH :p"
        )
        return list(session.scalars(statement, {"p": f'"{piece}"'}))


def test_the_index_follows_a_changed_name(app: Flask) -> None:
    made = a_subscription(customer_name="Ännchen")
    with transaction() as session:
        session.get_one(Subscription, made.id).customer_name = "Berta"
    assert _found("ännch") == []
    assert _found("erta") == [made.id]


def test_the_index_forgets_a_deleted_row(app: Flask) -> None:
    made = a_subscription(customer_name="Ännchen")
    assert _found("ännch") == [made.id]
    with transaction() as session:
        session.delete(session.get_one(Subscription, made.id))
    assert _found("ännch") == []


def test_the_migration_makes_the_same_index() -> None:
    path = ROOT / "migrations" / "versions" / "0001_initial.py"
    spec = spec_from_file_location("initial", path)
    assert spec is not None
    assert spec.loader is not None
    migration = module_from_spec(spec)
    spec.loader.exec_module(migration)
    assert migration.SEARCH_ON_SQLITE == search_index.ON_SQLITE
    # 0021 adds the others.
    assert search_index.ON_POSTGRESQL[:1] == migration.SEARCH_ON_POSTGRESQL
