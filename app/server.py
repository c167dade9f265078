"""`python wsgi.py`: waitress, one process with threads, ended cleanly by SIGTERM."""

import gc
import logging
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from app import cli, current, heap, logs, ticking
from app.services import schema, sealed_values
from app.services.deliveries import reception

log = logging.getLogger(__name__)

# Sixteen deliveries may wait for one commit together, and pages are still served.
THREADS = 20
# The app refuses a megabyte with a sentence; nobody may fill our disk before that.
LARGEST_BODY = 4_000_000
# Of so many connections at most. From `CROWDED` on the oldest that have sent no whole
# request go, so that a flood of those keeps nobody out.
CONNECTIONS, CROWDED = 500, 400
# Bytes of a body kept in memory while it comes; the rest waits in a file.
BODY_IN_MEMORY = 65_536
# Our own cookies and addresses come to 5 kB at most.
LARGEST_HEADER = 32_768
# Seconds for the requests under way when we are told to stop.
FINISH_WITHIN = 10.0
SWITCH_AFTER = 0.0005  # seconds
GIVE_BACK_EVERY = 10.0  # seconds


def serve(app: Flask) -> int:
    """Serve until SIGTERM or SIGINT; the exit code of the process."""
    heap.keep_small()
    _tune_threads()
    logs.begin(app.extensions["metricsco"].config.log_format)
    # It warns whenever all threads are busy, as they are in every burst of webhooks.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with app.app_context():
        fault = _database_fault()
        if fault:
            return _refuse(fault)
        config, owner_link = current.config(), cli.first_owner_address()
        lost_keys = sealed_values.warning()
    try:
        server = _Server(
            app, host=config.host, port=config.port, proxies=config.trusted_proxies
        )
    except (OSError, ValueError) as reason:
        return _refuse(f"Cannot listen on {config.host}:{config.port}: {reason}")
    click.echo(f"Metricsco is at {config.public_url}, on {config.host}:{config.port}")
    if lost_keys:
        click.echo(lost_keys, err=True)
    if owner_link:
        click.echo(f"Nobody can sign in yet. Make the first owner at {owner_link}")
    _spare_the_collector()
    work = ticking.start(app)
    server.run()
    _end(app, work)
    return 0


def _tune_threads() -> None:
    """Many threads that mostly wait: for Stripe, for the disk, for their turn."""
    # A webhook changes threads five times. Whenever charging computes meanwhile, each
    # change waits this long, 5 ms unless told.
    sys.setswitchinterval(SWITCH_AFTER)


def _spare_the_collector() -> None:
    """Garbage is looked for among what is new: what was loaded at the start stays. A
    tenth of the time of a webhook, and the longest pauses."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


def _refuse(sentence: str) -> int:
    click.echo(sentence, err=True)
    return 1


def _database_fault() -> str | None:
    try:
        if not schema.is_migrated():
            return "The database is not up to date. Run: flask --app app db upgrade"
        if schema.was_moved():
            return "This database was moved: set DATABASE_URL to the new one."
    except SQLAlchemyError as reason:
        return f"The database does not answer: {getattr(reason, 'orig', reason)}"
    return None


def _end(app: Flask, work: ticking.Ticking) -> None:
    """Nobody asks us anything any more: end what works by itself."""
    has_ended = work.stop()
    with app.app_context():
        reception().inbox.close()
    if not has_ended:
        # Python would wait for every thread, and some wait for Stripe. An attempt cut
        # off here stays claimed; the next start asks Stripe what became of it.
        log.warning("stopped while Stripe was being asked")
        logging.shutdown()
        os._exit(0)


class _Server:
    """Waitress, with an end: it stops listening, answers what it took, and returns."""

    def __init__(self, app: Flask, *, host: str, port: int, proxies: int) -> None:
        self._sockets: dict[int, Any] = {}
        self._stopping = False
        self._give_back_at = 0.0
        self._waitress = create_server(
            app,
            map=self._sockets,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=60,
            inbuf_overflow=BODY_IN_MEMORY,
            max_request_body_size=LARGEST_BODY,
            max_request_header_size=LARGEST_HEADER,
            # What a proxy says is for the application to believe or not.
            clear_untrusted_proxy_headers=not proxies,
            ident=None,
        )
        for listener in self._listeners():
            listener.channel_class = self._channel_class()

    def run(self) -> None:
        """Serve until a signal, then finish."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            self._turn(timeout=GIVE_BACK_EVERY)
            if time.monotonic() > self._give_back_at:
                heap.give_back()
                self._give_back_at = time.monotonic() + GIVE_BACK_EVERY
        self._finish()
        self._waitress.task_dispatcher.shutdown()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        signal.signal(number, signal.SIG_DFL)  # the second one ends us at once
        for listener in self._listeners():
            listener.pull_trigger()

    def _finish(self) -> None:
        for listener in self._listeners():
            listener.del_channel()
            listener.socket.close()
        give_up_at = time.monotonic() + FINISH_WITHIN
        while self._channels() and time.monotonic() < give_up_at:
            for channel in self._channels():
                if not (channel.requests or channel.total_outbufs_len):
                    channel.will_close = True
            self._turn(timeout=0.1)

    def _turn(self, *, timeout: float) -> None:
        if len(self._sockets) > CROWDED:
            self._make_room()
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._sockets, count=1)

    def _make_room(self) -> None:
        channels = self._channels()
        idle = [c for c in channels if not (c.requests or c.total_outbufs_len)]
        idle.sort(key=lambda channel: channel.creation_time)
        for channel in idle[: max(0, len(channels) - CROWDED)]:
            channel.will_close = True

    def _listeners(self) -> list[Any]:
        return [s for s in self._sockets.values() if isinstance(s, BaseWSGIServer)]

    def _channels(self) -> list[Any]:
        return [s for s in self._sockets.values() if isinstance(s, HTTPChannel)]

    def _channel_class(self) -> type:
        server = self

        class Channel(HTTPChannel):  # type: ignore[misc]
            def readable(self) -> bool:
                """Once we are stopping, no request is taken any more."""
                return not server._stopping and bool(super().readable())

        return Channel
