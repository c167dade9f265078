"""Starting and stopping a sandbox, in this process or as one of its own."""

import threading
from pathlib import Path
from typing import Any

from app.sandbox.api import answer_api
from app.sandbox.clock import parse_time
from app.sandbox.control import answer_control
from app.sandbox.driver import Driver
from app.sandbox.founding import Founding, found
from app.sandbox.http import Answer, HttpServer, Request
from app.sandbox.webhooks import dispatch_forever
from app.sandbox.world import World


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
        super().__init__(self._server.url)
        self._server.start()
        self._dispatcher.start()

    def stop(self) -> None:
        """Stop serving and delivering; nothing is left running."""
        self._stopping.set()
        self.world.wake.set()
        self._dispatcher.join(timeout=self.world.delivery.timeout + 5)
        self._server.stop()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_raised: Any) -> None:
        self.stop()

    def _answer(self, request: Request) -> Answer:
        if request.path.startswith("/v1/"):
            return answer_api(self.world, request)
        return answer_control(self.world, request)


def start_sandbox(
    *,
    port: int = 0,
    seed: int = 0,
    now: str | None = None,
    clock_file: Path | str | None = None,
) -> Sandbox:
    """Start a sandbox in this process and return its handle; `now` is ISO 8601.

    Without `now` the clock begins at the clock file's time, or the machine's.
    """
    founding = Founding(
        seed=seed,
        now=parse_time(now) if now else None,
        clock_file=Path(clock_file) if clock_file else None,
    )
    return Sandbox(found(founding), port=port)
