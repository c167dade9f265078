"""`/metrics` for Prometheus; the address exists only with METRICS_TOKEN.

Most figures are read from the tables, so each process tells the same: take the largest
of several, not their sum. The three that end in _seconds_bucket, _count and _sum
(deliveries, pages, calls to Stripe) and process_* are the process's own: add them up.
"""

import secrets
from collections.abc import Iterator
from typing import cast

from flask import Blueprint, abort, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from app import current
from app.domain.declines import DeclineKind
from app.services.figures import Figures, Totals
from app.services.governor import governor
from app.storage.health import FINAL

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def show() -> ResponseReturnValue:
    token = current.config().metrics_token
    if not token:
        abort(404)
    given = request.headers.get("Authorization", "")
    if not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return "a bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"}
    return generate_latest(_registry()), 200, {"Content-Type": CONTENT_TYPE_LATEST}


class _Tables(Collector):
    """What the tables tell, asked at each scrape."""

    def __init__(self) -> None:
        self._figures = Figures()

    def collect(self) -> Iterator[Metric]:
        now = current.now()
        totals = self._figures.totals(now=now)
        yield from _counters(totals)
        for name, found in (("retries", totals.retries), ("events", totals.events)):
            yield _gauge(f"{name}_due", found.count)
            late = found.age(now=now).total_seconds()
            yield _gauge(f"{name}_due_oldest_seconds", late)
        yield _gauge("events_failing", totals.events_failing)
        yield _gauge("accounts_in_trouble", totals.accounts_in_trouble)
        yield _gauge("accounts_put_back", totals.accounts_put_back)
        yield _gauge("database_bytes", totals.database_bytes)
        if totals.beaten_at:
            age = (now - totals.beaten_at).total_seconds()
            yield _gauge("scheduler_beat_age_seconds", max(age, 0.0))
        yield from _held_back()


def _counters(totals: Totals) -> Iterator[Metric]:
    declines = CounterMetricFamily(
        "metricsco_declines", "Declines recorded", labels=["kind"]
    )
    for kind in DeclineKind:
        declines.add_metric([kind], totals.declines.get(kind, 0))
    attempts = CounterMetricFamily(
        "metricsco_retry_attempts", "Retry attempts that ended", labels=["outcome"]
    )
    for status in FINAL:
        attempts.add_metric([status], totals.attempts.get(status, 0))
    yield declines
    yield attempts
    yield CounterMetricFamily(
        "metricsco_events_received", "Events stored", value=totals.events_received
    )


def _held_back() -> Iterator[Metric]:
    """What this process kept waiting: add up several, unlike the figures above."""
    held = governor().all_held().values()
    yield CounterMetricFamily(
        "metricsco_stripe_calls_held",
        "Calls to Stripe that waited for room under its limits",
        value=sum(one.calls for one in held),
    )
    yield CounterMetricFamily(
        "metricsco_stripe_held_seconds",
        "Seconds that calls to Stripe waited for room",
        value=sum(one.seconds for one in held),
    )


def _gauge(name: str, value: float) -> Metric:
    words = name.replace("_", " ").capitalize()
    return GaugeMetricFamily(f"metricsco_{name}", words, value=value)


def _registry() -> CollectorRegistry:
    if "metrics" not in current_app.extensions:
        registry = current_app.extensions["meters"].registry
        registry.register(_Tables())
        ProcessCollector(registry=registry)
        current_app.extensions["metrics"] = registry
    return cast(CollectorRegistry, current_app.extensions["metrics"])
