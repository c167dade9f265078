"""How fast the pages are on big accounts, beside a peer and the limit.

    python -m benchmarks.pages sqlite:////tmp/s10000.db sqlite:////tmp/s1000000.db
    python -m benchmarks.pages --export csv sqlite:////tmp/s1000000.db
    python -m benchmarks.pages --export xlsx sqlite:////tmp/s1000000.db

Each address is of a database filled by benchmarks.seeding, SQLite or PostgreSQL. Every
round asks each page once on each database, so that what else the machine does falls on
all alike. Pages go through the whole application (sign-in, CSRF, headers), without a
socket. The limit is the bare keyset query and a plain Jinja template in the same
process: the rows and columns of the page, in its markup, values as the driver gives
them. The peer is Flask-Admin's list of the same table; it is asked every tenth round.
"""

import argparse
import csv
import gc
import io
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from flask import Flask
from flask.testing import FlaskClient
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from jinja2 import Environment
from sqlalchemy import (
    Connection,
    String,
    create_engine,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy.orm import Session
from werkzeug.test import create_environ

from app import create_app
from app.config import Config
from app.domain.people import Role
from app.extensions import db
from app.services import sessions
from app.storage.base import Base
from app.storage.listings.keyset import Cursor, write
from app.storage.models import Decline, Subscription, User
from app.storage.transaction import transaction
from benchmarks.page_musts import FIRST, Taken, musts

KEY = "9dFJ8bH4Yh2m1fS1u1QmY3vJkq2m3XG2k0m8n3q6s7o="
WARMING, PEER_EVERY = 3, 10
# Every column that the list reads, the moment of Stripe's own next retry included.
LIMIT_SQL = """SELECT id, stripe_subscription_id, stripe_customer_id, customer_name,
    customer_email, plan, "interval", interval_count, amount, currency, status,
    lifecycle, created_at,
    declines, attempts, next_retry_at, recovered_amount, last_decline_code,
    current_period_end, (SELECT min(recovery.stripe_retries_at) FROM recovery
        WHERE recovery.subscription_id = subscription.id
        AND recovery.paused_because = 'stripe_retries') AS stripe_retries_at
    FROM subscription WHERE (created_at, id) < ('9999-12-31', 0)
    ORDER BY created_at DESC, id DESC LIMIT 50"""
LIMIT_PAGE = Environment(autoescape=True).from_string("""<table>
{% for row in rows %}<tr>
<th scope="row"><a href="/subscriptions/{{ row.stripe_subscription_id }}"><bdi>{{ row.customer_name }}</bdi></a><br><bdi class="quiet small">{{ row.customer_email }}</bdi></th>
<td data-label="Plan"><bdi>{{ row.plan }}</bdi></td>
<td data-label="Amount" class="num">{{ row.amount }} {{ row.currency }} <span class="quiet">/ {{ row.interval }}</span></td>
<td data-label="Lifecycle">{{ row.lifecycle }}</td>
<td data-label="At Stripe">{{ row.status }}</td>
<td data-label="Declines" class="num">{{ row.declines }}</td>
<td data-label="Next retry">{{ row.stripe_retries_at or row.next_retry_at }}</td>
<td data-label="Recovered" class="num">{{ row.recovered_amount }} {{ row.currency }}</td>
</tr>{% endfor %}</table>""")  # noqa: E501
# What a file of all subscriptions takes without us: the driver and the csv module.
BARE_EXPORT = """SELECT stripe_subscription_id, stripe_customer_id, customer_email,
    status, lifecycle, amount, currency, declines, attempts, next_retry_at,
    recovered_amount, customer_name, plan, "interval", created_at, interval_count
    FROM subscription ORDER BY created_at DESC, id DESC"""
Ask = Callable[[], int]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("databases", nargs="+")
    options.add_argument("--rounds", type=int, default=60)
    options.add_argument("--export", choices=("csv", "xlsx"))
    chosen = options.parse_args()
    if not chosen.export:
        compare(chosen.databases, chosen.rounds)
        return
    for url in chosen.databases:
        export(url, chosen.export)


def compare(databases: list[str], rounds: int) -> None:
    """Ask every page `rounds` times, print a column for each database, and what the
    pages must reach."""
    asked = {url: pages_of(url) for url in databases}
    _settle()
    clock = {url: defaultdict[str, list[float]](list) for url in databases}
    cpu = {url: defaultdict[str, list[float]](list) for url in databases}
    for number in range(rounds + WARMING):
        for url, pages in asked.items():
            pages[FIRST]()  # the processor holds another database's application
            for name, ask in pages.items():
                if name.startswith("peer") and number % PEER_EVERY != WARMING:
                    continue
                began, used = time.perf_counter(), time.process_time()
                weight = ask()
                took, use = time.perf_counter() - began, time.process_time() - used
                assert weight > 100, name
                if number >= WARMING:
                    clock[url][name].append(took * 1000)
                    cpu[url][name].append(use * 1000)
    names = list(asked[databases[0]])
    taken = [Taken(_kind(url), _size(url), clock[url]) for url in databases]
    used_up = [Taken(_kind(url), _size(url), cpu[url]) for url in databases]
    _print_times(f"p50 / p95 in ms, {rounds} rounds", names, taken)
    _print_musts(taken, used_up)


def _print_times(title: str, names: list[str], taken: list[Taken]) -> None:
    print(f"| {title} | {' | '.join(each.name for each in taken)} |")
    print(f"|---|{'---|' * len(taken)}")
    for name in names:
        cells = [f"{each.p50(name):.1f} / {each.p95(name):.1f}" for each in taken]
        print(f"| {name} | {' | '.join(cells)} |")


def _print_musts(taken: list[Taken], used: list[Taken]) -> None:
    print("\n| database | measure | by the clock | by our CPU | must |")
    print("|---|---|---|---|---|")
    both = zip(musts(taken), musts(used), strict=True)
    for (where, what, figure, must), (_, _, by_cpu, _) in both:
        missed = "" if figure <= must else " **missed**"
        print(f"| {where} | {what} | {figure:.2f}{missed} | {by_cpu:.2f} | {must} |")


def pages_of(url: str) -> dict[str, Ask]:
    """Every page to ask for, by name."""
    client = _signed_in(_app(url))
    asks = {name: _ask(client, address) for name, address in _addresses(url).items()}
    raw = create_engine(url).connect()
    asks["limit: keyset SQL, plain template"] = lambda: _limit(raw)
    return asks | _peer(url)


def _addresses(url: str) -> dict[str, str]:
    with create_engine(url).connect() as raw:
        some = raw.execute(
            text(
                "SELECT customer_name, customer_email, stripe_customer_id "
                "FROM subscription WHERE id = :id"
            ),
            {"id": _size(url) // 2},
        ).one()
        deep = write(_nine_tenths_down(raw, Subscription, "created_at"))
        deep_declines = write(_nine_tenths_down(raw, Decline, "occurred_at"))
    name, email, customer = map(quote, some)
    month_ago = f"{datetime.now(UTC) - timedelta(days=400):%Y-%m-%d}"
    return {
        "subscriptions, first page": "/subscriptions",
        "subscriptions, deep page": f"/subscriptions?page={deep}",
        "subscriptions, by lifecycle": "/subscriptions?status=terminated",
        "subscriptions, by Stripe's status": "/subscriptions?status=past_due",
        "subscriptions, by day": f"/subscriptions?to={month_ago}",
        "subscriptions, by decline code": "/subscriptions?code=stolen_card",
        "subscriptions, by amount": "/subscriptions?currency=eur&amount_from=40",
        "subscriptions, largest first": "/subscriptions?sort=-amount",
        "subscriptions, next retry first": "/subscriptions?sort=next_retry",
        "search by e-mail": f"/subscriptions?q={email}",
        "search by e-mail, as typed": f"/subscriptions?q={email[:8]}",
        "search by name": f"/subscriptions?q={name}",
        "search by id": f"/subscriptions?q={customer}",
        "search, two letters": "/subscriptions?q=an",
        "search, in everyone's e-mail": "/subscriptions?q=example",
        "search for nobody": "/subscriptions?q=nobody+of+this+name",
        "declines, first page": "/declines",
        "declines, deep page": f"/declines?page={deep_declines}",
        "declines, by code": "/declines?code=stolen_card",
        "declines, by kind": "/declines?kind=hard",
        "declines, by brand": "/declines?brand=amex",
        "declines, by country": "/declines?country=JP",
        "declines, by who made them": "/declines?made_by=first",
        "declines, by amount": "/declines?currency=eur&amount_from=40",
        "declines, searched": f"/declines?q={email}",
        "dashboard": "/",
    }


def _ask(client: FlaskClient, address: str) -> Ask:
    """Asks the application as a server does: what the test client adds is not ours.
    It keeps the cookie of the first answer, with the session's CSRF secret, as browsers
    do: each answer would have to bring one."""
    client.get(address)
    cookie = client.get_cookie("metricsco")
    headers = {"Cookie": f"metricsco={cookie.value}"} if cookie else {}
    environ = create_environ(address, headers=headers)
    told: list[str] = []

    def start(status: str, _headers: object, _fault: object = None) -> None:
        told.append(status)

    def ask() -> int:
        body = client.application.wsgi_app({**environ}, start)  # type: ignore[arg-type]
        weight = sum(map(len, body))
        body.close()  # type: ignore[attr-defined]
        assert told.pop().startswith("200"), address
        return weight

    return ask


def _limit(raw: Connection) -> int:
    cursor = raw.connection.cursor()
    cursor.execute(LIMIT_SQL)
    names = [each[0] for each in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    cursor.close()
    return len(LIMIT_PAGE.render(rows=rows))


def export(url: str, form: str) -> None:
    """How fast all subscriptions leave as a file of this form, and, of CSV, what the
    driver and the csv module take for them."""
    client = _signed_in(_app(url))
    before = _most_memory()
    with _timed(url, f"{form}, ours"):
        for _ in client.get(f"/subscriptions.{form}").response:
            pass
    print(f"{_most_memory() - before:.1f} MB more at most")
    if form != "csv":
        return
    with create_engine(url).connect() as raw, _timed(url, "csv, bare"):
        cursor = raw.connection.cursor()
        cursor.execute(BARE_EXPORT)
        while rows := cursor.fetchmany(5000):
            csv.writer(io.StringIO()).writerows(rows)


@contextmanager
def _timed(url: str, what: str) -> Iterator[None]:
    rows = _size(url)
    began, cpu = time.perf_counter(), time.process_time()
    yield
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        f"{url}: {what}: {rows:,} rows, {rows / took:,.0f} a second, "
        f"{rows / cpu:,.0f} a second of our CPU"
    )


def _most_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _settle() -> None:
    """As app/server.py does before it serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _app(url: str) -> Flask:
    return create_app(
        Config(database_url=url, secret_key="bench", encryption_keys=(KEY,))
    )


def _signed_in(app: Flask) -> FlaskClient:
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


def _kind(url: str) -> str:
    return "SQLite" if url.startswith("sqlite") else "PostgreSQL"


def _size(url: str) -> int:
    with create_engine(url).connect() as raw:
        return int(raw.execute(text("SELECT max(id) FROM subscription")).scalar_one())


def _nine_tenths_down(raw: Connection, kind: type[Base], column: str) -> Cursor:
    """The place of that row in the list, newest first."""
    rows = kind.__table__.columns
    size = raw.execute(select(func.max(rows["id"]))).scalar_one()
    row = raw.execute(
        select(type_coerce(rows[column], String), rows["id"])
        .order_by(rows[column].desc(), rows["id"].desc())
        .limit(1)
        .offset(size * 9 // 10)
    ).one()
    at: Any = row[0]
    if isinstance(at, str):  # SQLite's
        at = datetime.fromisoformat(at)
    return Cursor(at.replace(tzinfo=UTC), row[1])


def _peer(url: str) -> dict[str, Ask]:
    class View(ModelView):  # type: ignore[misc]
        column_list = ("customer_name", "customer_email", "plan", "amount", "status")
        column_searchable_list = ("customer_name", "customer_email")
        column_default_sort = ("created_at", True)
        page_size = 50

    app = Flask("peer")
    app.secret_key = "bench"
    session = Session(create_engine(url))
    Admin(app).add_view(View(Subscription, session))
    client = app.test_client()
    return {
        "peer: Flask-Admin, first page": _ask(client, "/admin/subscription/"),
        "peer: Flask-Admin, search": _ask(client, "/admin/subscription/?search=nobody"),
    }


if __name__ == "__main__":
    main()
