"""What is wrong in the settings is told in sentences, before anything starts."""

import pytest
from cryptography.fernet import Fernet

from app.config import Config, ConfigError

NEEDED = {"SECRET_KEY": "x", "ENCRYPTION_KEYS": Fernet.generate_key().decode()}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user@db/name",  # another driver's, which is not installed
        "postgres://user@db/name",
        "mysql://user@db/name",
        "/var/lib/metricsco.db",
    ],
)
def test_a_database_that_cannot_be_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL: begins with sqlite:///"):
        Config.from_env({**NEEDED, "DATABASE_URL": url})


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/panel.db", "postgresql+psycopg://user@db/name"]
)
def test_both_kinds_of_database_are_taken(url: str) -> None:
    assert Config.from_env({**NEEDED, "DATABASE_URL": url}).database_url == url


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        Config.from_env({"PORT": "abc"})
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "PORT"):
        assert name in str(refused.value)
