"""Signed deliveries of events to webhook endpoints on this machine.

Retries: https://docs.stripe.com/webhooks says up to three days in live mode and three
times over a few hours in a sandbox, without naming the intervals; ours are made up.
"""

import hashlib
import heapq
import hmac
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.sandbox.clock import HOUR, MINUTE, wall_clock
from app.sandbox.errors import Obj, invalid
from app.sandbox.tables import Book
from app.sandbox.world import World

LIVE_WAITS = tuple(
    wait * MINUTE for wait in (5, 30, 120, 300, 600, 600, 720, 720, 1080)
)
TEST_WAITS = (10 * MINUTE, HOUR, 3 * HOUR)
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    event: Obj
    book: Book
    endpoint: Obj
    secret: str
    connect: bool
    due: int
    number: int
    is_copy: bool = False
    status: str = "pending"  # delivered, failed, dropped, held
    tries: int = 0
    answer: int | None = None

    def signed(self) -> tuple[bytes, dict[str, str]]:
        """Return the body and its headers, signed for now.

        Now is the later of two clocks, so that no reader finds it stale: the stripe
        library compares with the machine's clock and refuses only what is too old; an
        app in a sandbox tries both clocks.
        """
        body = dict(self.event)
        if self.connect:
            body["account"] = self.book.account_id
        payload = json.dumps(body).encode()
        at = max(wall_clock(), self.due)
        return payload, {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, secret=self.secret, at=at),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }


def signature(payload: bytes, *, secret: str, at: int) -> str:
    """Return the Stripe-Signature header over these bytes."""
    signed = f"{at}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def demand_local(url: str) -> None:
    """Raise a 400 unless the address is on this machine: nothing goes elsewhere."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Invalid URL: must be http or https.", param="url")
    if parts.hostname not in LOCAL_HOSTS:
        raise invalid(
            "The sandbox delivers only to 127.0.0.1 or localhost.",
            code="url_invalid",
            param="url",
        )


def send_later(world: World, book: Book, event: Obj) -> None:
    """Queue the event for every endpoint that asked for its type."""
    for endpoint, secret, connect in _endpoints_for(world, book):
        wanted = endpoint["enabled_events"]
        if endpoint["status"] != "enabled":
            continue
        if event["type"] not in wanted and "*" not in wanted:
            continue
        event["pending_webhooks"] += 1
        _queue(world, book, event, (endpoint, secret), connect=connect)


def _endpoints_for(world: World, book: Book) -> list[tuple[Obj, str, bool]]:
    own = [
        (endpoint, book.notes(endpoint["id"])["secret"], False)
        for endpoint in book.webhook_endpoints.rows.values()
        if not book.notes(endpoint["id"])["connect"]
    ]
    account = world.account_of(book)
    for platform_id, livemode in sorted(account.granted):
        if livemode != book.livemode:
            continue
        platform = world.accounts[platform_id]
        # A live Connect endpoint gets live and test events of the accounts.
        modes = (True,) if book.livemode else (True, False)
        for mode in modes:
            theirs = platform.book(livemode=mode)
            own += [
                (endpoint, theirs.notes(endpoint["id"])["secret"], True)
                for endpoint in theirs.webhook_endpoints.rows.values()
                if theirs.notes(endpoint["id"])["connect"]
            ]
    return own


def _queue(
    world: World, book: Book, event: Obj, to: tuple[Obj, str], *, connect: bool
) -> None:
    travel = world.delivery
    copies = 2 if world.random.random() < travel.duplicates else 1
    for copy in range(copies):
        delivery = Delivery(
            event=event,
            book=book,
            endpoint=to[0],
            secret=to[1],
            connect=connect,
            due=world.now + world.random.randint(*travel.delay),
            number=len(world.deliveries),
            is_copy=copy > 0,
        )
        world.deliveries.append(delivery)
        if world.random.random() < travel.drop:
            delivery.status = "dropped"
        else:
            _post(world, delivery)
    world.wake.set()


def _post(world: World, delivery: Delivery) -> None:
    heapq.heappush(world.outbox, (delivery.due, delivery.number, delivery))


def next_delivery_at(world: World) -> int | None:
    return world.outbox[0][0] if world.outbox else None


def take_due(world: World, *, until: int) -> list[Delivery]:
    """Remove and return what is due, in the order it will be sent."""
    due: list[Delivery] = []
    while world.outbox and world.outbox[0][0] <= until:
        due.append(heapq.heappop(world.outbox)[2])
    if world.delivery.shuffle:
        world.random.shuffle(due)
    if world.delivery.mode == "hold":
        world.held += due
        for delivery in due:
            delivery.status = "held"
        return []
    return due


def send_all(world: World, batch: list[Delivery]) -> None:
    """Send a batch and note the answers. Not to be called with the world locked."""
    timeout = world.delivery.timeout
    if world.delivery.workers == 1:
        answers = [_send(delivery, timeout=timeout) for delivery in batch]
    else:
        with ThreadPoolExecutor(world.delivery.workers) as pool:
            answers = list(pool.map(lambda d: _send(d, timeout=timeout), batch))
    with world.lock:
        for delivery, answer in zip(batch, answers, strict=True):
            note_answer(world, delivery, answer)


def _send(delivery: Delivery, *, timeout: float) -> int | None:
    """Return the status the endpoint answered, or None for no answer."""
    parts = urlsplit(delivery.endpoint["url"])
    kind = (
        http.client.HTTPSConnection
        if parts.scheme == "https"
        else (http.client.HTTPConnection)
    )
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, *delivery.signed())
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def note_answer(world: World, delivery: Delivery, answer: int | None) -> None:
    """Finish the delivery, or queue it again after a growing wait."""
    delivery.tries += 1
    delivery.answer = answer
    if answer is not None and 200 <= answer < 300:
        if not delivery.is_copy:
            delivery.event["pending_webhooks"] -= 1
        delivery.status = "delivered"
        return
    waits = LIVE_WAITS if delivery.book.livemode else TEST_WAITS
    gone = delivery.endpoint["status"] != "enabled"
    if delivery.tries > len(waits) or gone:
        delivery.status = "failed"
        return
    delivery.due = world.now + waits[delivery.tries - 1]
    delivery.status = "pending"
    _post(world, delivery)


def run_until(world: World, until: int) -> None:
    """Let everything due by `until` happen, deliveries included, in order of time."""
    with world.one_pump:
        while True:
            with world.lock:
                send_at = next_delivery_at(world)
                act_at = world.schedule.next_at()
                if act_at is not None and act_at <= min(until, send_at or until):
                    world.do_next(until=until)
                    continue
                if send_at is None or send_at > until:
                    return
                # Who hears of it must not read an older time in the clock file.
                world.set_clock(max(world.now, send_at))
                batch = take_due(world, until=world.now)
            send_all(world, batch)


def dispatch_forever(world: World, *, stopping: threading.Event) -> None:
    """Send what API calls cause, without being told to advance."""
    while not stopping.is_set():
        world.wake.wait(timeout=5)
        world.wake.clear()
        if not stopping.is_set():
            run_until(world, world.now)
