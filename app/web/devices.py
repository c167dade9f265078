"""Device cookies: a browser that signed in before is not locked out by strangers.

After OWASP's "Slow Down Online Guessing Attacks with Device Cookies" (read 2026-11).
"""

import hashlib
import secrets

from flask import Response, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app import current

_COOKIE = "metricsco_device"
_KEPT_SECONDS = 180 * 24 * 3600


def of_request(email: str) -> str | None:
    """The id of this browser, if it signed in as `email` before."""
    sealed = request.cookies.get(_COOKIE, "")
    try:
        owner, device = _signer().loads(sealed, max_age=_KEPT_SECONDS)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(device) if owner == _owner(email) else None


def remember(response: Response, email: str) -> None:
    """Let this browser be known as one that signed in as `email`."""
    response.set_cookie(
        _COOKIE,
        _signer().dumps([_owner(email), secrets.token_hex(8)]),
        max_age=_KEPT_SECONDS,
        path="/login",
        secure=current.config().serves_https,
        httponly=True,
        samesite="Lax",
    )


def _owner(email: str) -> str:
    return hashlib.sha256(email.encode()).hexdigest()[:16]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current.config().secret_key, salt="device")
