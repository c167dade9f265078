"""A real browser before the real server, with the sandbox for Stripe."""

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, Page, Route, sync_playwright
from waitress.server import create_server

from app import create_app
from app.clock import Clock
from app.config import ROOT, Config
from app.domain.people import Role
from app.extensions import db
from app.sandbox import Sandbox
from app.sandbox.founding import CLIENT_ID, PLATFORM_KEY
from app.storage.base import Base
from app.storage.models import User
from app.web.headers import HTMX
from tests.conftest import SetClock, a_user, session_of
from tests.databases import missing
from tests.servers import a_free_port

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Chromium asks its maker for things at every start; nothing answers here.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CACHE = ROOT / ".pytest_cache" / "npm"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", help="keep pictures of the pages in this folder")


def needed(*programs: str) -> str:
    """The path of one of them; skips, or fails where every test has to run."""
    for program in programs:
        path = shutil.which(program)
        if path:
            return path
    missing(programs[0])
    raise AssertionError  # missing() has raised


@pytest.fixture(scope="session")
def htmx() -> bytes:
    """htmx as npm has it in the version that the pages name.

    The browser checks it against the hash in the page, as it would the CDN's.
    """
    version = HTMX.split("htmx.org@")[1].split("/")[0]
    package = CACHE / f"htmx.org-{version}.tgz"
    if not package.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [needed("npm"), "pack", "--silent", f"htmx.org@{version}"],
            cwd=CACHE,
            check=True,
        )
    with tarfile.open(package) as tar:
        found = tar.extractfile("package/dist/htmx.min.js")
        assert found
        return found.read()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = needed(*BROWSERS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


class SandboxClock(SetClock):
    """Moved by the test; people at the keyboard live by the machine's time.

    While time passes at the sandbox, its deliveries must not come from the future:
    a clock that follows it shows its time at any moment.
    """

    followed: Sandbox | None = None

    def now(self) -> datetime:
        if self.followed is None:
            return self.time
        return datetime.fromisoformat(self.followed.now())

    @property
    def is_real(self) -> bool:
        return False

    def wall(self) -> datetime:
        return Clock.wall(self)


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock()


@pytest.fixture
def port() -> int:
    return a_free_port()


@pytest.fixture
def config(config: Config, sandbox: Sandbox, port: int) -> Config:
    """Settings with the sandbox for Stripe, a Connect platform of it included."""
    return replace(
        config,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        stripe_api_base=sandbox.url,
        stripe_connect_base=sandbox.url,
        stripe_client_id=CLIENT_ID,
        stripe_secret_key=PLATFORM_KEY,
        testing=False,
    )


@pytest.fixture
def app(config: Config, clock: SetClock) -> Iterator[Flask]:
    """The application, served by waitress on its own port."""
    app = create_app(config, clock=clock)
    with app.app_context():
        Base.metadata.create_all(db.engines["writer"])
        with _served(app, config.port):
            yield app
        for engine in db.engines.values():
            engine.dispose()


class _served:  # noqa: N801 - reads as a verb
    def __init__(self, app: Flask, port: int) -> None:
        self._server = create_server(app, host="127.0.0.1", port=port, threads=8)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_raised: object) -> None:
        self._server.close()
        self._thread.join(timeout=10)


Open = Callable[..., Page]


@pytest.fixture(params=["with script", "without script"])
def has_script(request: pytest.FixtureRequest) -> bool:
    """Every journey is walked twice."""
    return bool(request.param == "with script")


@pytest.fixture
def open_as(
    app: Flask, config: Config, chromium: Browser, htmx: bytes, clock: SetClock
) -> Iterator[Open]:
    """Opens a page of the panel in a new browser session, signed in as somebody."""
    contexts = []

    def open_as(
        user: User | None = None,
        *,
        script: bool = True,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
    ) -> Page:
        context = chromium.new_context(
            java_script_enabled=script,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            base_url=config.public_url,
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.route(HTMX, _answering(htmx))
        context.add_cookies([_session_of(app, user or _owner(), clock, config)])
        return context.new_page()

    yield open_as
    for context in contexts:
        context.close()


def _answering(body: bytes) -> Callable[[Route], None]:
    def answer(route: Route) -> None:
        route.fulfill(
            body=body,
            content_type="text/javascript",
            headers={"Access-Control-Allow-Origin": "*"},
        )

    return answer


def _owner() -> User:
    return a_user(Role.OWNER)


def _session_of(
    app: Flask, user: User, clock: SetClock, config: Config
) -> SetCookieParam:
    """The cookie of a session that began now; no password is hashed."""
    told = {"_user_id": session_of(user, now=clock.wall())}
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer
    name = app.config["SESSION_COOKIE_NAME"]
    return {"name": name, "value": signer.dumps(told), "url": config.public_url}
