from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.config import Config
from app.domain.declines import DeclineKind
from app.domain.recovery import AttemptStatus
from app.extensions import db
from tests.builders import a_decline, an_attempt
from tests.conftest import MONDAY, SetClock

TOKEN = "a-long-token"


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, metrics_token=TOKEN)


def _scrape(client: FlaskClient, token: str = TOKEN) -> str:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Bearer é", TOKEN])
def test_it_needs_its_token(client: FlaskClient, header: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": header})
    assert answer.status_code == 401
    assert "metricsco_" not in answer.text


def test_without_the_setting_the_address_does_not_exist(
    app: Flask, config: Config, clock: SetClock
) -> None:
    without = create_app(replace(config, metrics_token=None), clock=clock)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert without.test_client().get("/metrics", headers=headers).status_code == 404
    with without.app_context():
        for engine in db.engines.values():
            engine.dispose()


def test_it_counts_what_is_in_the_tables(client: FlaskClient, clock: SetClock) -> None:
    a_decline(kind=DeclineKind.SOFT)
    an_attempt(status=AttemptStatus.DECLINED, due_at=MONDAY - timedelta(days=3))
    an_attempt(due_at=MONDAY - timedelta(minutes=3))
    first = _scrape(client)
    assert 'metricsco_declines_total{kind="soft"} 1.0' in first
    assert 'metricsco_retry_attempts_total{outcome="declined"} 1.0' in first
    assert "metricsco_retries_due 1.0" in first
    assert "metricsco_retries_due_oldest_seconds 180.0" in first
    assert "metricsco_events_due 0.0" in first


def test_each_look_counts_everything_once(client: FlaskClient, clock: SetClock) -> None:
    for day in range(5):
        a_decline(kind=DeclineKind.HARD)
        an_attempt(status=AttemptStatus.SUCCEEDED, due_at=clock.time)
        text = _scrape(client)
        assert f'metricsco_declines_total{{kind="hard"}} {day + 1}.0' in text
        told = f'metricsco_retry_attempts_total{{outcome="succeeded"}} {day + 1}.0'
        assert told in text
        clock.advance(days=1)
