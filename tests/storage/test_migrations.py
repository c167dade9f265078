"""The migrations make the tables that the models describe, and take them away again."""

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import inspect

from app import create_app
from app.config import Config
from app.extensions import db
from app.storage.base import Base
from tests.conftest import FERNET_KEY


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres])]
)
def unmade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """The application on a database in which there is nothing yet."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.url(server.create())
    else:
        url = f"sqlite:///{tmp_path / 'new.db'}"
    config = Config(
        database_url=url,
        secret_key="not-a-secret",
        encryption_keys=(FERNET_KEY,),
        testing=True,
    )
    app = create_app(config)
    with app.app_context():
        yield app
        for engine in db.engines.values():
            engine.dispose()


def _tables() -> set[str]:
    return set(inspect(db.engines["writer"]).get_table_names())


def test_upgrading_makes_what_the_models_describe(unmade: Flask) -> None:
    flask_migrate.upgrade()
    assert set(Base.metadata.tables) <= _tables()
    flask_migrate.check()  # raises where a model and its table differ


def test_downgrading_leaves_nothing_and_upgrading_makes_it_anew(unmade: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="base")
    assert _tables() - {"alembic_version"} == set()
    flask_migrate.upgrade()
    flask_migrate.check()
