"""nginx and Caddy with the files in deploy/, in front of the real server, over TLS."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from sqlalchemy import select

from app import passwords
from app.config import ROOT, Config
from app.storage.models import StripeEvent
from app.storage.people_models import UserSession
from app.storage.transaction import reading
from tests.builders import a_user
from tests.servers import a_free_port, a_server, answers
from tests.stripe_events import SECRET, a_listening_account, an_event, signature
from tests.web.pages import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]

NAME = "panel.example.com"
CLIENT = "127.0.0.2"  # where the browser is; the proxy is on 127.0.0.1
TOKEN = "a-token-for-metrics"


@pytest.fixture
def config(config: Config) -> Config:
    port = a_free_port()
    return replace(config, port=port, stripe_api_base="http://127.0.0.1:9")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for NAME, signed by itself, with its key beside it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(pem))
    return tmp_path


def nginx(folder: Path, port: int, plain: int, behind: int) -> list[str]:
    """The command that runs nginx with deploy/nginx.conf, at these ports."""
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    for written, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", f"{folder}/cert.pem"),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", f"{folder}/key.pem"),
        ("127.0.0.1:8000", f"127.0.0.1:{behind}"),
    ):
        assert written in site
        site = site.replace(written, here)
    whole = (
        f"{_USER}daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off;\n{_in(folder)}\n{site} }}\n"
    )
    (folder / "nginx.conf").write_text(whole)
    return ["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")]


# Root's nginx serves as somebody else, who may not read a test's folder.
_USER = "user root; " if os.geteuid() == 0 else ""


def _in(folder: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in kinds)


def caddy(folder: Path, port: int, plain: int, behind: int) -> list[str]:
    """The command that runs Caddy with deploy/Caddyfile, at these ports."""
    site = (ROOT / "deploy" / "Caddyfile").read_text()
    for written, here in (
        ("\n{\n", f"\n{{\nadmin off\nhttp_port {plain}\nhttps_port {port}\n"),
        (f"\n{NAME} {{\n", f"\n{NAME} {{\ntls {folder}/cert.pem {folder}/key.pem\n"),
        ("127.0.0.1:8000", f"127.0.0.1:{behind}"),
    ):
        assert written in site
        site = site.replace(written, here, 1)
    (folder / "Caddyfile").write_text(site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: bytes


class Front:
    """The proxy, seen by a browser and by Stripe."""

    def __init__(self, folder: Path, port: int, plain: int) -> None:
        self.port, self.plain = port, plain
        self._trust = ssl.create_default_context(cafile=str(folder / "cert.pem"))

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Answer:
        """Over TLS, from CLIENT."""
        line = socket.create_connection(
            ("127.0.0.1", self.port), timeout=10, source_address=(CLIENT, 0)
        )
        connection = HTTPConnection(NAME)
        connection.sock = self._trust.wrap_socket(line, server_hostname=NAME)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        read = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return read

    def comes_up(self) -> bool:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                return self.ask("GET", "/healthz").status == 200
            except OSError:
                time.sleep(0.05)
        return False


Command = Callable[[Path, int, int, int], list[str]]


@pytest.fixture(params=[nginx, caddy], ids=lambda command: command.__name__)
def front(
    request: pytest.FixtureRequest, app: Flask, config: Config, certificate: Path
) -> Iterator[Front]:
    command: Command = request.param
    if shutil.which(command.__name__) is None:
        pytest.skip(f"{command.__name__} is missing")
    front = Front(certificate, a_free_port(), a_free_port())
    words = command(certificate, front.port, front.plain, config.port)
    settings = {"TRUSTED_PROXIES": "1", "METRICS_TOKEN": TOKEN}
    with (
        a_server(config, PUBLIC_URL=f"https://{NAME}", **settings),
        _running(words, home=certificate),
    ):
        assert answers(config, "/readyz")
        assert front.comes_up()
        yield front


@contextmanager
def _running(words: list[str], *, home: Path) -> Iterator[None]:
    log = home / "proxy.log"
    with log.open("w") as told:
        process = subprocess.Popen(
            words, stdout=told, stderr=told, env={"HOME": str(home), "PATH": _PATH}
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def test_the_proxy_files_do_what_they_are_for(front: Front) -> None:
    _sign_in(front)
    _deliver(front)

    answer = front.ask("GET", "/login")
    assert len(answer.headers.get_all("Strict-Transport-Security") or []) == 1
    assert answer.headers["X-Request-Id"]
    assert "Secure" in (answer.headers["Set-Cookie"] or "")
    assert front.ask("GET", "/metrics", Authorization=f"Bearer {TOKEN}").status == 404
    assert front.ask("POST", "/login", b"x" * 1_500_000).status == 413

    plain = HTTPConnection("127.0.0.1", front.plain, timeout=10)
    plain.request("GET", "/declines?q=a", headers={"Host": NAME})
    moved = plain.getresponse()
    assert moved.status in {301, 308}
    location = moved.headers["Location"] or ""
    assert location.startswith(f"https://{NAME}")
    assert location.endswith("/declines?q=a")
    plain.close()


def _sign_in(front: Front) -> None:
    """With a forged X-Forwarded-For; the session knows the true address."""
    a_user(email="ann@example.com", password_hash=passwords.hashed(PASSWORD))
    page = front.ask("GET", "/login")
    token = re.search(rb'name="csrf_token" value="([^"]+)"', page.body)
    assert token
    form = f"email=ann@example.com&password={PASSWORD}&csrf_token={token[1].decode()}"
    answer = front.ask(
        "POST",
        "/login",
        form.replace(" ", "+").encode(),
        **{
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": (page.headers["Set-Cookie"] or "").split(";")[0],
            "Referer": f"https://{NAME}/login",
            "X-Forwarded-For": "6.6.6.6",
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Host": "evil.example.com",
        },
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    with reading() as session:
        assert session.scalars(select(UserSession)).one().address == CLIENT


def _deliver(front: Front) -> None:
    """A delivery arrives byte by byte as it was sent, large and oddly spaced."""
    account = a_listening_account()
    event = an_event("invoice.paid", object={"billing_reason": "manual"})
    told = json.dumps(
        {**event, "padding": "é€😀" * 60_000}, ensure_ascii=False, indent=3
    )
    body = f" \r\n{told}\t\n ".encode()
    header = signature(body.decode(), SECRET, at=datetime.now(UTC))
    answer = front.ask(
        "POST",
        f"/webhooks/stripe/{account.connection_key}",
        body,
        **{"Stripe-Signature": header, "Content-Type": "application/json"},
    )
    assert answer.status == 200, answer.body
    with reading() as session:
        assert session.scalars(select(StripeEvent.payload)).one() == body.decode()
