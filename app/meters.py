"""What this process counts and times itself, for /metrics: deliveries, pages, calls.

Everything else that /metrics tells is read from the tables when it is asked.
"""

from flask import Flask
from prometheus_client import CollectorRegistry, Histogram

from app.stripe_gateway import Call

# Seconds. A delivery takes a commit, a page some reads, Stripe a third of a second; it
# has given up after 80.
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 80.0)


class Meters:
    """One per application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._deliveries = self._histogram(
            "metricsco_webhook_seconds", "Deliveries answered", "status", FAST
        )
        self._pages = self._histogram(
            "metricsco_request_seconds", "Pages and forms answered", "status", FAST
        )
        self._calls = Histogram(
            "metricsco_stripe_call_seconds",
            "Calls to Stripe",
            ("call", "outcome"),
            buckets=SLOW,
            registry=self.registry,
        )

    def delivery(self, status: int, seconds: float) -> None:
        """A delivery of Stripe was answered."""
        self._deliveries.labels(str(status)).observe(seconds)

    def page(self, status: int, seconds: float) -> None:
        """A request of a person was answered."""
        self._pages.labels(str(status)).observe(seconds)

    def call(self, _account_id: int | None, call: Call) -> None:
        """A call to Stripe ended."""
        self._calls.labels(call.name, call.outcome).observe(call.seconds)

    def _histogram(
        self, name: str, told: str, label: str, buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(name, told, (label,), buckets=buckets, registry=self.registry)


def register(app: Flask) -> None:
    """Let `app` count."""
    meters = Meters()
    app.extensions["meters"] = meters
    app.extensions["metricsco.call_listeners"].append(meters.call)
