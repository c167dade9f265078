"""One call to Stripe's API: what goes out, what comes back, how long it may take."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import stripe

from app.stripe_gateway import discreet, fields
from app.stripe_gateway.credentials import Credentials
from app.stripe_gateway.errors import Gone, Refused, StripeTrouble, StripeUnavailable
from app.stripe_gateway.translate import (
    date_of,
    error_of,
    is_about_card,
    trouble,
    was_replayed,
)
from app.stripe_gateway.wire import OneAnswer

HttpClient = stripe.HTTPClient
Timeout = tuple[float, float]  # seconds to connect, seconds of silence while reading

# Stripe answers a charge within seconds; half a minute of silence is a lost answer,
# which costs nothing: the same idempotency key is asked again.
TIMEOUT: Timeout = (5.0, 30.0)
READ_REPEATS = 2
# Ids come from webhooks and from addresses that people type. Anything else than this
# cannot be an object of Stripe's, and could turn one path into another.
STRIPE_ID = re.compile(r"[A-Za-z0-9_]{1,255}")

stripe.enable_telemetry = False
# Below warnings the SDK logs whole bodies, new webhook secrets and tokens among them.
logging.getLogger("stripe").setLevel(logging.WARNING)
# The variable STRIPE_LOG would print the same to standard error.
stripe._util.STRIPE_LOG = None


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call, for those who count. `outcome`: "ok" or the trouble's name;
    `dated`: Stripe's time of it, to the second, where there was an answer."""

    name: str
    is_write: bool
    account: str | None
    seconds: float
    outcome: str
    dated: datetime | None = None


Observer = Callable[[Call], None]
# Told the name of each call before it goes out; it may keep the call waiting.
Pacer = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON object that came back; with `is_refusal`, the error in it."""

    json: fields.Json
    is_refusal: bool = False
    replayed: bool = False
    dated: datetime | None = None


def new_http_client(timeout: Timeout = TIMEOUT) -> stripe.HTTPClient:
    """A client to be shared by every gateway and thread of the process.

    The SDK's own would open a session per thread.
    """
    discreet.keep()
    return stripe.RequestsClient(timeout=timeout, session=OneAnswer())


class Connection:
    """Calls Stripe for one merchant. Raises `StripeTrouble` and nothing else.

    Calls are raw: building the SDK's objects took 1 ms of 2.4 ms a call (measured,
    stripe 16.1.0, an invoice of 3 kB), and they would not leave this package anyway.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        api_base: str,
        connect_base: str,
        http_client: stripe.HTTPClient,
        observer: Observer | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self.credentials = credentials
        self._observer = observer
        self._pacer = pacer
        self.client = stripe.StripeClient(
            credentials.api_key,
            stripe_account=credentials.stripe_account,
            base_addresses={"api": api_base, "connect": connect_base},
            http_client=http_client,
            max_network_retries=0,
        )

    def read(self, name: str, path: str, **params: object) -> Answer:
        """GET; the SDK repeats it when there is no answer."""
        options = {"max_network_retries": READ_REPEATS}
        return self._observed(name, "get", path, {**params, **options})

    def write(
        self,
        name: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        method: str = "post",
        base: str = "api",
        repeats: int = 0,
    ) -> Answer:
        """POST or DELETE, under a new idempotency key that `repeats` share."""
        options = {"max_network_retries": repeats, "base": base}
        return self._observed(name, method, path, {**(params or {}), **options})

    def charge(
        self,
        name: str,
        path: str,
        *,
        params: Mapping[str, object],
        idempotency_key: str,
    ) -> Answer:
        """POST once. That Stripe will not charge is an answer here, not a trouble."""
        options = {"max_network_retries": 0, "idempotency_key": idempotency_key}
        return self._observed(name, "post", path, {**params, **options}, refusable=True)

    def _observed(
        self,
        name: str,
        method: str,
        path: str,
        params: Mapping[str, object],
        *,
        refusable: bool = False,
    ) -> Answer:
        if self._pacer is not None:
            self._pacer(name)
        began = time.perf_counter()
        answer = self._ask(method, path, params, refusable=refusable)
        if self._observer is not None:
            outcome = "ok" if isinstance(answer, Answer) else type(answer).__name__
            account = self.credentials.stripe_account
            seconds = time.perf_counter() - began
            is_write = method != "get"
            self._observer(
                Call(name, is_write, account, seconds, outcome, answer.dated)
            )
        if isinstance(answer, Answer):
            return answer
        # Raised out here, it drags along nothing of the SDK's error and its request.
        raise answer

    def _ask(
        self, method: str, path: str, params: Mapping[str, object], *, refusable: bool
    ) -> Answer | StripeTrouble:
        try:
            response = self.client.raw_request(method, path, **params)
        except stripe.StripeError as error:
            found = trouble(error)
            found.dated = date_of(error.headers)
            refused = isinstance(found, Refused)
            cardless = isinstance(found, Gone) and is_about_card(error)
            if refusable and (refused or cardless):
                replayed = was_replayed(error.headers)
                return Answer(
                    error_of(error),
                    is_refusal=True,
                    replayed=replayed,
                    dated=found.dated,
                )
            return found
        except (AttributeError, KeyError, TypeError, ValueError):
            # The SDK stumbles so over error bodies of a shape that it does not expect.
            return StripeUnavailable("Stripe's answer could not be read.")
        if not isinstance(response.data, dict):
            return StripeUnavailable("Stripe's answer could not be read.")
        return Answer(
            response.data,
            replayed=was_replayed(response.headers),
            dated=date_of(response.headers),
        )


def path_of(*parts: str) -> str:
    """The path of an object below /v1. Raises Gone for what cannot be an id."""
    for part in parts:
        if not STRIPE_ID.fullmatch(part):
            raise Gone("Stripe has no object with such an id.")
    return "/v1/" + "/".join(parts)


def expected(answer: Answer, kind: str) -> fields.Json:
    """The object of an answer, if it is one of this kind and has an id.

    Anything else (a proxy's page, an answer cut short) raises StripeUnavailable, so
    that nothing is ever concluded from it.
    """
    if answer.json.get("object") != kind or not fields.text(answer.json, "id"):
        raise StripeUnavailable(f"Stripe's answer was no {kind}.")
    return answer.json


def expected_list(answer: Answer) -> fields.Json:
    """The list of an answer; raises StripeUnavailable for anything else."""
    if not isinstance(answer.json.get("data"), list):
        raise StripeUnavailable("Stripe's answer was no list.")
    return answer.json
