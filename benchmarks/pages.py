"""How fast the pages are on big accounts, beside a peer and the limit.

    python -m benchmarks.pages s10000.db s100000.db s1000000.db [--rounds 60]

Each file is a SQLite database filled by benchmarks.seeding. Every round asks each page
once on each database, so that what else the machine does falls on all alike. Pages go
through the whole application (sign-in, CSRF, headers), without a socket. The limit is
the bare keyset query and a plain Jinja template in the same process; the peer is
Flask-Admin's list of the same table, where flask-admin is installed.
"""

import argparse
import resource
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from jinja2 import Environment

from app import create_app
from app.config import Config
from app.domain.people import Role
from app.extensions import db
from app.services import sessions
from app.storage.listings.keyset import Cursor, write
from app.storage.models import User
from app.storage.transaction import transaction

KEY = "9dFJ8bH4Yh2m1fS1u1QmY3vJkq2m3XG2k0m8n3q6s7o="
RAW = """SELECT id, customer_name, customer_email, plan, amount, currency, lifecycle,
    status, declines, next_retry_at, recovered_amount FROM subscription
    WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT 50"""
PLAIN = Environment(autoescape=True).from_string(
    "<table>{% for row in rows %}<tr>{% for value in row %}<td>{{ value }}</td>"
    "{% endfor %}</tr>{% endfor %}</table>"
)
Ask = Callable[[], int]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("databases", nargs="+", type=Path)
    options.add_argument("--rounds", type=int, default=60)
    chosen = options.parse_args()
    asked = {path: pages_of(path) for path in chosen.databases}
    times: dict[tuple[Path, str], list[float]] = defaultdict(list)
    for number in range(chosen.rounds + 3):
        for path, pages in asked.items():
            for name, ask in pages.items():
                began = time.perf_counter()
                weight = ask()
                took = (time.perf_counter() - began) * 1000
                assert weight > 100, name
                if number >= 3:  # caches are warm
                    times[path, name].append(took)
    for path, pages in asked.items():
        print(f"\n{path.name}\n| page | p50 ms | p95 ms |\n|---|---|---|")
        for name in pages:
            taken = sorted(times[path, name])
            p95 = taken[int(len(taken) * 0.95) - 1]
            print(f"| {name} | {statistics.median(taken):.1f} | {p95:.1f} |")
    for path in chosen.databases:
        export(path)


def pages_of(path: Path) -> dict[str, Ask]:
    """Every page to ask for, by name."""
    app = _app(path)
    client = _signed_in(app)
    raw = sqlite3.connect(path)
    size, oldest = _depth(raw)
    deep = write(Cursor(oldest, size))
    latest_decline = raw.execute(
        "SELECT occurred_at, id FROM decline ORDER BY occurred_at LIMIT 1"
    ).fetchone()
    moment = datetime.fromisoformat(latest_decline[0]).replace(tzinfo=UTC)
    deep_declines = write(Cursor(moment.replace(year=moment.year + 1), 1))
    some = raw.execute(
        "SELECT customer_name, customer_email, stripe_customer_id FROM subscription "
        "WHERE id = ?",
        (size // 2,),
    ).fetchone()
    addresses = {
        "subscriptions, first page": "/subscriptions",
        "subscriptions, deep page": f"/subscriptions?page={deep}",
        "subscriptions, filtered": "/subscriptions?status=terminated",
        "search by e-mail": f"/subscriptions?q={some[1]}",
        "search by name": f"/subscriptions?q={some[0]}",
        "search by id": f"/subscriptions?q={some[2]}",
        "search, in everyone's e-mail": "/subscriptions?q=example",
        "search for nobody": "/subscriptions?q=nobody+of+this+name",
        "declines, first page": "/declines",
        "declines, deep page": f"/declines?page={deep_declines}",
        "declines, filtered": "/declines?code=stolen_card",
        "declines, searched": f"/declines?q={some[1]}",
        "dashboard": "/",
    }
    asks: dict[str, Ask] = {
        name: lambda address=address: len(client.get(address).data)  # type: ignore[misc]
        for name, address in addresses.items()
    }
    asks["limit: keyset SQL, plain template"] = lambda: len(
        PLAIN.render(rows=raw.execute(RAW, ("9999-12-31", 0)).fetchall())
    )
    return asks | _peer(path)


def export(path: Path) -> None:
    """How fast all subscriptions leave as CSV, and what that costs in memory."""
    client = _signed_in(_app(path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, rows = time.perf_counter(), 0
    for piece in client.get("/subscriptions.csv").response:
        rows += piece.count(b"\n" if isinstance(piece, bytes) else "\n")  # type: ignore[arg-type]
    took = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    speed = rows / took
    print(f"\n{path.name}: {rows:,} rows of CSV, {speed:,.0f}/s, {grown:.1f} MB more")


def _app(path: Path) -> Flask:
    return create_app(
        Config(
            database_url=f"sqlite:///{path.resolve()}",
            secret_key="bench",
            encryption_keys=(KEY,),
        )
    )


def _signed_in(app: Flask) -> "object":
    now = datetime.now(UTC)
    with app.app_context():
        user = db.session.query(User).first()
        if user is None:
            with transaction() as session:
                user = User(
                    email="bench@example.com",
                    password_hash="-",
                    role=Role.OWNER,
                    created_at=now,
                )
                session.add(user)
        token = sessions.begin(user.id, address="", browser="", now=now)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = token
    return client


def _depth(raw: sqlite3.Connection) -> tuple[int, datetime]:
    """How many there are, and the moment nine tenths of the way down the list."""
    (size,) = raw.execute("SELECT max(id) FROM subscription").fetchone()
    (at,) = raw.execute(
        "SELECT created_at FROM subscription ORDER BY created_at DESC LIMIT 1 OFFSET ?",
        (size * 9 // 10,),
    ).fetchone()
    return size, datetime.fromisoformat(at).replace(tzinfo=UTC)


def _peer(path: Path) -> dict[str, Ask]:
    try:
        from flask_admin import Admin
        from flask_admin.contrib.sqla import ModelView
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session
    except ImportError:
        return {}
    from app.storage.models import Subscription

    class View(ModelView):  # type: ignore[misc]
        column_list = ("customer_name", "customer_email", "plan", "amount", "status")
        column_searchable_list = ("customer_name", "customer_email")
        column_default_sort = ("created_at", True)
        page_size = 50

    app = Flask("peer")
    app.secret_key = "bench"
    session = Session(create_engine(f"sqlite:///{path.resolve()}"))
    Admin(app).add_view(View(Subscription, session))
    client = app.test_client()
    return {
        "peer: Flask-Admin, first page": lambda: len(
            client.get("/admin/subscription/").data
        ),
        "peer: Flask-Admin, search": lambda: len(
            client.get("/admin/subscription/?search=nobody").data
        ),
    }


if __name__ == "__main__":
    main()
