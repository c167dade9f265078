"""Stripe's HTTP line, held by `responses`; the real SDK and our gateway behind it."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
import stripe

from app.sandbox import Sandbox, start_sandbox
from app.stripe_gateway import Call, Credentials, StripeGateway

FIXTURES = Path(__file__).parent / "fixtures"
API = "https://api.stripe.com"
KEY = "rk_test_SecretOfTheMerchant"


def recorded(name: str, **over: Any) -> dict[str, Any]:
    """The object in fixtures/, with some of its top-level fields replaced."""
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return {**copy.deepcopy(found), **over}


def a_list(*items: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    """A list object of Stripe's."""
    return {"object": "list", "data": list(items), "has_more": has_more, "url": "/v1/x"}


def an_error(
    code: str | None = None, message: str = "No.", **more: Any
) -> dict[str, Any]:
    """An error body; null fields are left out, as Stripe does."""
    error = {"type": "invalid_request_error", "code": code, "message": message, **more}
    return {
        "error": {name: value for name, value in error.items() if value is not None}
    }


def asked(call: responses.Call) -> dict[str, list[str]]:
    """The parameters of a request, from its query or its body."""
    body = call.request.body or ""
    text = body.decode() if isinstance(body, bytes) else str(body)
    return parse_qs(urlsplit(str(call.request.url)).query or text)


@pytest.fixture(autouse=True)
def _no_waiting_between_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    """Answers for Stripe; a call to anything not announced fails."""
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def calls() -> list[Call]:
    """What the gateway told its observer."""
    return []


@pytest.fixture
def gateway(calls: list[Call]) -> StripeGateway:
    return StripeGateway(Credentials(KEY), observer=calls.append)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(now="2026-11-01T09:00:00+00:00") as running:
        yield running
