"""Starting and stopping a sandbox, in this process or as one of its own."""

import threading
from pathlib import Path
from typing import Any

from app.sandbox.api import answer_api
from app.sandbox.clock import HOUR, parse_time
from app.sandbox.control import answer_control
from app.sandbox.driver import Driver
from app.sandbox.founding import Founding, found
from app.sandbox.http import Answer, HttpServer, Request
from app.sandbox.oauth import answer_oauth
from app.sandbox.pages import answer_page
from app.sandbox.snapshots import load
from app.sandbox.webhooks import dispatch_forever, run_until
from app.sandbox.world import World

BEAT = 0.25  # real seconds between two moves of a clock that runs by itself


class Sandbox(Driver):
    """A running sandbox: its address, its control calls, and its world to look into."""

    def __init__(self, world: World, *, port: int = 0) -> None:
        self.world = world
        self._server = HttpServer(self._answer, port=port)
        self._stopping = threading.Event()
        self._dispatcher = threading.Thread(
            target=dispatch_forever,
            args=(world,),
            kwargs={"stopping": self._stopping},
            name="sandbox-dispatcher",
            daemon=True,
        )
        self._clockwork = threading.Thread(
            target=run_by_itself,
            args=(world,),
            kwargs={"stopping": self._stopping},
            name="sandbox-clock",
            daemon=True,
        )
        super().__init__(self._server.url)
        world.base_url = self._server.url
        self._server.start()
        self._dispatcher.start()
        self._clockwork.start()

    def stop(self) -> None:
        """Stop serving and delivering; nothing is left running."""
        self._stopping.set()
        self.world.wake.set()
        for thread in (self._dispatcher, self._clockwork):
            thread.join(timeout=self.world.delivery.timeout + 5)
        self._server.stop()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_raised: Any) -> None:
        self.stop()

    def _answer(self, request: Request) -> Answer:
        if request.path.startswith("/v1/"):
            return answer_api(self.world, request)
        if request.path.startswith("/oauth/"):
            return answer_oauth(self.world, request)
        if request.path.startswith(("/i/", "/p/session/")):
            return answer_page(self.world, request)
        return answer_control(self.world, request)


def run_by_itself(world: World, *, stopping: threading.Event) -> None:
    """Let time pass at the world's speed, while it has one.

    Where deliveries or the schedule take longer than the beat, time passes slower.
    """
    while not stopping.wait(BEAT):
        if world.speed > 0:
            until = world.now + round(world.speed * HOUR * BEAT)
            run_until(world, until)
            with world.lock:
                world.set_clock(until)


def start_sandbox(
    *,
    port: int = 0,
    seed: int = 0,
    now: str | None = None,
    clock_file: Path | str | None = None,
    state: Path | str | None = None,
    speed: float = 0.0,
) -> Sandbox:
    """Start a sandbox in this process and return its handle; `now` is ISO 8601.

    Without `now` the clock begins at the clock file's time, or the machine's. `speed`
    is in sandbox hours for each real second; `state` is a file that a world saved
    before is read from.
    """
    founding = Founding(
        seed=seed,
        now=parse_time(now) if now else None,
        clock_file=Path(clock_file) if clock_file else None,
    )
    world = found(founding)
    if state and Path(state).exists():
        load(world, Path(state))
        world.set_clock(world.now)
    world.speed = speed
    return Sandbox(world, port=port)
