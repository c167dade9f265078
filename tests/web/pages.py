"""What tests of pages share: reading a form's token, posting like a browser."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "correct horse battery"


def csrf_of(client: FlaskClient, page: str) -> str:
    """The CSRF token that stands in `page`."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert found, f"{page} has no form"
    return found[1]


def post(
    client: FlaskClient, address: str, *, page: str | None = None, **fields: Any
) -> TestResponse:
    """Send the form of `page` (or of `address`) as a browser would."""
    token = csrf_of(client, page or address)
    return client.post(address, data={"csrf_token": token, **fields})
