"""Troubles on request: the next calls that match are answered wrong, late or never."""

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from app.sandbox.errors import Obj
from app.sandbox.http import Answer
from app.sandbox.world import World

USUAL = {
    429: {
        "type": "invalid_request_error",
        "code": "rate_limit",
        "message": "Too many requests hit the API too quickly.",
    },
    401: {
        "type": "invalid_request_error",
        "code": "api_key_expired",
        "message": "Expired API Key provided.",
    },
}
SERVER_ERROR = {"type": "api_error", "message": "An unknown error occurred."}


@dataclass(slots=True)
class Fault:
    """`method` and `path` are patterns with `*`; `times` counts down to nothing.

    "before": the call has no effect. "after": it has, but the caller is not told.
    "delay" waits `seconds` of real time before the call runs.
    """

    method: str = "*"
    path: str = "*"
    times: int = 1
    skip: int = 0  # let so many matching calls through first
    do: Literal["answer", "drop", "delay"] = "answer"
    when: Literal["before", "after"] = "before"
    status: int = 500
    body: Obj | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def answer(self) -> Answer:
        usual = {"error": USUAL.get(self.status, SERVER_ERROR)}
        body = json.dumps(usual if self.body is None else self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        return Answer(self.status, body, headers)


def take_fault(world: World, method: str, path: str) -> Fault | None:
    """Return the first fault that matches this call, and count it down."""
    for fault in world.faults:
        if not fnmatchcase(method, fault.method) or not fnmatchcase(path, fault.path):
            continue
        if fault.skip > 0:
            fault.skip -= 1
            continue
        fault.times -= 1
        if fault.times <= 0:
            world.faults.remove(fault)
        found: Fault = fault
        return found
    return None
