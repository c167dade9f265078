"""Lines that machines read, requests that can be told apart, and nothing secret."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app, logs
from app.config import Config, ConfigError
from app.extensions import db
from app.logs import JsonLine, LogFormat, PlainLine
from app.web import requests_logged
from tests.conftest import FERNET_KEY
from tests.stripe_events import a_listening_account, an_event, deliver


def a_record(message: str = "said", **more: object) -> logging.LogRecord:
    record = logging.LogRecord("app.x", logging.INFO, "x.py", 1, message, (), None)
    record.__dict__.update(more)
    return record


@pytest.fixture
def answered(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, object]]]:
    caplog.set_level(logging.INFO, logger="app")

    def lines() -> list[dict[str, object]]:
        return [
            json.loads(JsonLine().format(record))
            for record in caplog.records
            if record.name == requests_logged.__name__
        ]

    return lines


def test_a_line_is_one_json_object_whatever_is_said() -> None:
    told = JsonLine().format(a_record('two\nlines, "quoted"', account=7))
    assert "\n" not in told
    line = json.loads(told)
    assert line["message"] == 'two\nlines, "quoted"'
    assert (line["level"], line["logger"], line["account"]) == ("info", "app.x", 7)
    assert line["time"].endswith("+00:00")


def test_a_traceback_is_part_of_its_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError as fault:
        record = a_record(exc_info=(type(fault), fault, fault.__traceback__))
    line = JsonLine().format(record)
    assert "\n" not in line
    assert "ValueError: broken" in json.loads(line)["traceback"]


def test_a_plain_line_cannot_be_forged_by_a_line_break() -> None:
    told = PlainLine().format(a_record("one\n2026-01-01 ERROR two", status=200))
    assert len(told.splitlines()) == 1
    assert told.endswith("status=200")


@pytest.fixture
def kept_logging() -> Iterator[None]:
    """The test run's own logging comes back afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("app")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.mark.parametrize("form", LogFormat)
def test_the_server_logs_to_standard_error(
    kept_logging: None, capsys: pytest.CaptureFixture[str], form: LogFormat
) -> None:
    logs.begin(form)
    logging.getLogger("app.x").info("said")
    logging.getLogger("other").info("not ours")
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert ("{" in told[0]) == (form is LogFormat.JSON)


def test_an_unknown_format_is_a_fault_of_the_settings() -> None:
    keys = {"SECRET_KEY": "x", "ENCRYPTION_KEYS": FERNET_KEY}
    assert Config.from_env(keys).log_format is LogFormat.JSON
    with pytest.raises(ConfigError, match="LOG_FORMAT: json or plain"):
        Config.from_env({**keys, "LOG_FORMAT": "xml"})


def test_an_answer_is_told_with_its_route_and_not_its_address(
    owner: FlaskClient, answered: Callable[[], list[dict[str, object]]]
) -> None:
    answer = owner.get("/subscriptions?q=Ada+Lovelace")
    (line,) = answered()
    assert line["route"] == "/subscriptions"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert isinstance(line["ms"], float)
    assert line["user"] == 1
    assert "Ada" not in json.dumps(line)
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])


def test_health_and_static_files_are_not_told(
    client: FlaskClient, answered: Callable[[], list[dict[str, object]]]
) -> None:
    for path in ("/healthz", "/readyz", "/static/app.css"):
        client.get(path).close()
    assert answered() == []


@pytest.mark.parametrize(
    ("given", "proxies", "is_kept"),
    [
        ("proxy-made-0001", 1, True),
        ("proxy-made-0001", 0, False),
        ("two words here", 1, False),
    ],
)
def test_a_request_keeps_the_id_that_a_trusted_proxy_gave_it(
    config: Config, given: str, proxies: int, is_kept: bool
) -> None:
    app = create_app(replace(config, trusted_proxies=proxies))
    answer = app.test_client().get("/healthz", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is is_kept
    assert logs.doing.get() == "", "it ends with the request"
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def test_a_broken_page_tells_the_id_that_the_log_has(
    app: Flask, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise RuntimeError("boom")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(app.view_functions, "dashboard.show", broken)
    answer = owner.get("/")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text


def test_a_delivery_is_no_line_and_its_secrets_are_in_none(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    account = a_listening_account()
    deliver(client, account, an_event())
    told = [record for record in caplog.records if record.name.startswith("app")]
    assert told == []
