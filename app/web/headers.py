"""What every answer says to the browser about safety and keeping."""

import hashlib
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, request, url_for

from app.config import STRIPE_CONNECT_BASE, Config
from app.current import config

# htmx 2, not 4: npm's own `latest` is 2.0.11, its attributes are inherited (one CSRF
# header on <body> serves every form), and its answers to 4xx are ours to configure.
# The hash is of dist/htmx.min.js in the npm package of that version.
HTMX = "https://cdn.jsdelivr.net/npm/htmx.org@2.0.11/dist/htmx.min.js"
HTMX_SHA384 = "sha384-2OatzQy1H+Zd/IIrjr1TcuDGqLXeHhbooAyJY1KdQMKnr4LZ22k31GBLdYKHmVjg"
_A_YEAR = 31_536_000


def register(app: Flask) -> None:
    """Add the headers to every answer; lend templates `asset()` and htmx."""
    app.after_request(_protect)
    app.jinja_env.globals.update(
        asset=asset, htmx_address=HTMX, htmx_integrity=HTMX_SHA384
    )


def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so it may be kept."""
    return _asset(name, request.script_root)


def content_security_policy(config: Config) -> str:
    """No inline script or style; scripts from us and one exact file of the CDN."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {HTMX}",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            f"form-action 'self' {_stripe_forms(config)}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def _stripe_forms(config: Config) -> str:
    """Where "Connect" may lead; Chromium checks every redirect of a form."""
    if config.stripe_connect_base == STRIPE_CONNECT_BASE:
        return "https://*.stripe.com"
    parts = urlsplit(config.stripe_connect_base)
    return f"{parts.scheme}://{parts.netloc}"


def _protect(response: Response) -> Response:
    settings = config()
    headers = response.headers
    headers.setdefault("Content-Security-Policy", content_security_policy(settings))
    headers["X-Content-Type-Options"] = "nosniff"
    # One-time links stand in addresses: no other site may learn them.
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), usb=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    if settings.serves_https:
        headers["Strict-Transport-Security"] = f"max-age={_A_YEAR}"
    if request.endpoint == "static" and "v" in request.args:
        headers["Cache-Control"] = f"public, max-age={_A_YEAR}, immutable"
    elif request.endpoint != "static":
        headers["Cache-Control"] = "no-store"
    return response


@lru_cache(maxsize=64)  # every page names five of them
def _asset(name: str, _root: str) -> str:
    return url_for("static", filename=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    file = Path(__file__).parent.parent / "static" / name
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]
