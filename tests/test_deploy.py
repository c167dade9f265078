"""What stands in deploy/ and the documents is what the program has."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.config import ROOT, Config
from app.domain.people import Role
from app.services import restored
from app.storage.models import StripeAccount
from app.storage.transaction import transaction
from app.stripe_gateway import Call
from tests.conftest import MONDAY, SignIn, a_user
from tests.stripe_events import a_listening_account, an_event, deliver

DEPLOY = ROOT / "deploy"
ALERTS = (DEPLOY / "prometheus" / "alerts.yml").read_text()


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, metrics_token="a-long-token")


@pytest.fixture
def scraped(app: Flask, sign_in: SignIn) -> set[str]:
    """The names of all metrics, once everything has happened that is counted."""
    account: StripeAccount = a_listening_account()
    restored.beat(now=MONDAY)
    client = app.test_client()
    deliver(client, account, an_event())
    sign_in(a_user(Role.OWNER)).get("/")
    call = Call("pay", is_write=True, account=None, seconds=0.3, outcome="ok")
    for listener in app.extensions["metricsco.call_listeners"]:
        listener(account.id, call)
    answer = client.get("/metrics", headers={"Authorization": "Bearer a-long-token"})
    return set(re.findall(r"^((?:metricsco|process)_\w+)", answer.text, re.MULTILINE))


def named(text: str) -> set[str]:
    return set(re.findall(r"\b(?:metricsco|process)_[a-z_]+\b", text))


def test_every_metric_of_the_dashboard_and_the_alerts_exists(scraped: set[str]) -> None:
    board = json.loads((DEPLOY / "grafana" / "metricsco.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in named(target["expr"])
    }
    assert asked
    assert asked <= scraped
    assert named(ALERTS) <= scraped


def test_every_alert_has_its_section(app: Flask) -> None:
    sections = re.findall(
        r"^### (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )
    alerts = re.findall(r"- alert: (\w+)", ALERTS)
    assert len(alerts) > 5
    assert set(alerts) <= set(sections)


def test_every_word_of_readyz_has_its_section() -> None:
    told = (ROOT / "docs" / "operations.md").read_text()
    source = "".join(
        Path(ROOT / "app" / part).read_text()
        for part in ("services/readiness.py", "web/health.py")
    )
    words = re.findall(r'"(the (?:database|scheduler)[^"]+|\w+ are late)"', source)
    assert len(words) >= 5
    assert [word for word in words if word not in told] == []


def test_what_the_units_start_is_there() -> None:
    unit = (DEPLOY / "systemd" / "metricsco.service").read_text()
    assert "ExecStart=/opt/metricsco/.venv/bin/python wsgi.py" in unit
    container = (DEPLOY / "Containerfile").read_text()
    for copied in re.findall(r"^COPY (\S+)", container, re.MULTILINE):
        assert (ROOT / copied).exists(), copied


def test_the_accounts_that_were_put_back_are_counted(
    app: Flask, scraped: set[str]
) -> None:
    with transaction() as session:
        restored.mark(session, now=MONDAY)
    answer = app.test_client().get(
        "/metrics", headers={"Authorization": "Bearer a-long-token"}
    )
    assert "metricsco_accounts_put_back 1.0" in answer.text
