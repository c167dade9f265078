"""A sandbox of its own for each test, with the real stripe library speaking to it."""

from collections.abc import Iterator

import pytest
import requests
import stripe

from app.sandbox import Sandbox, start_sandbox
from tests.sandbox.clients import MERCHANT_SECRET_KEY, client_for

START = "2026-11-01T09:00:00+00:00"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(now=START) as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as kept:
        yield kept


@pytest.fixture
def merchant(sandbox: Sandbox, session: requests.Session) -> stripe.StripeClient:
    return client_for(sandbox, MERCHANT_SECRET_KEY, session=session)
