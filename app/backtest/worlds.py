"""The door to a world: loads it, asks it, and refuses nonsense with the case named.

A world is made by a factory without arguments, `FILE.py:FACTORY`, and has
`declines(n)`, a list of cases (plain dicts, see `reading.py`), and
`attempt(case_id, at)`, the answer to a charge: a dict with `outcome` ("succeeded" or
"declined") and, when declined, `decline_code`, `advice_code`, `network_decline_code`,
`network_advice_code`, each a string or None. Calls for one case come in time order.
"""

import importlib.util
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from numbers import Integral
from pathlib import Path
from typing import Any, Protocol, TypeGuard

from app.domain.declines import Codes

CODE_FIELDS = (
    "decline_code",
    "advice_code",
    "network_decline_code",
    "network_advice_code",
)

# Seconds by the clock that a world may think: far beyond what any needs, also where a
# busy machine leaves it a hundredth of a core. Dealing means making thousands of cases.
DEALING_SECONDS = 3600.0
ANSWER_SECONDS = 120.0


class WorldFault(Exception):
    """The world raised, or answered what no issuer could; says where and what."""


class _TooLong(BaseException):
    """No Exception, so that a world that catches everything cannot swallow it."""


class World(Protocol):
    """Simulated cardholders, banks and networks."""

    def declines(self, n: int) -> list[dict[str, Any]]: ...

    def attempt(self, case_id: Any, at: datetime) -> Mapping[str, object]: ...


def factory_at(address: str) -> Callable[[], World]:
    """The factory named `FILE.py:FACTORY`; raises WorldFault when there is none."""
    file, colon, name = address.rpartition(":")
    path = Path(file)
    if not colon or not path.is_file():
        raise WorldFault(f"no world at {address!r}: wanted FILE.py:FACTORY")
    spec = importlib.util.spec_from_file_location(f"world_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    sys.path.append(str(path.parent.resolve()))  # where a world's own modules lie
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    with asked(f"{path} cannot be loaded:", DEALING_SECONDS):
        spec.loader.exec_module(module)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise WorldFault(f"{path} has no factory {name!r}")
    return _guarded(factory, address)


def _guarded(factory: Callable[[], World], address: str) -> Callable[[], World]:
    def make() -> World:
        with asked(f"{address} raised", DEALING_SECONDS):
            return factory()

    return make


def dealt(world: World, n: int) -> list[dict[str, Any]]:
    """The world's `n` cases as it gave them, in a list of dicts with distinct ids."""
    with asked(f"declines({n}) raised", DEALING_SECONDS):
        cases = world.declines(n)
    if not isinstance(cases, list) or len(cases) != n:
        raise WorldFault(f"declines({n}) did not give a list of {n} cases")
    seen = set()
    for number, case in enumerate(cases):
        case_id = case.get("case_id") if isinstance(case, dict) else None
        if not _is_id(case_id) or str(case_id) in seen:
            raise WorldFault(
                f"case number {number}: no case_id of its own ({case_id!r})"
            )
        seen.add(str(case_id))
    return cases


def is_whole(value: object) -> TypeGuard[Integral]:
    """Whether it is a whole number, numpy's included; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_id(value: object) -> bool:
    return is_whole(value) or (isinstance(value, str) and value != "")


def answer(world: World, case_id: Any, at: datetime) -> Codes | None:
    """The codes of a refusal, or None for an approval; the id as the world gave it."""
    with asked(f"case {case_id}: attempt raised", ANSWER_SECONDS):
        told = world.attempt(case_id, at)
    with asked(f"case {case_id}: its answer raised"):
        return _read(told, case_id, at)


def _read(told: object, case_id: Any, at: datetime) -> Codes | None:
    if not isinstance(told, dict):
        raise WorldFault(f"case {case_id}: the answer is {told!r:.80}, not a dict")
    match told.get("outcome"):
        case "succeeded":
            return None
        case "declined":
            return codes_in(told, str(case_id))
        case other:
            raise WorldFault(
                f"case {case_id}: outcome {other!r} at {at:%Y-%m-%d %H:%M}"
            )


def codes_in(told: Mapping[str, object], case_id: str) -> Codes:
    """The four code fields of a case or an answer."""
    found: dict[str, str | None] = {}
    for field in CODE_FIELDS:
        code = told.get(field)
        if code is not None and not isinstance(code, str):
            raise WorldFault(f"case {case_id}: {field} is {code!r}, not text")
        found[field] = code or None
    return Codes(**found)


def said(error: BaseException) -> str:
    """An exception in one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # it cannot even be told
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def asked(what: str, seconds: float = ANSWER_SECONDS) -> Iterator[None]:
    """Turns whatever the world does but answer into a WorldFault.

    Also an exit, which would look like a finished back-test, whatever else ends
    programs, and thinking for longer than `seconds` (on the main thread, where signals
    arrive). A person's Ctrl-C still ends the back-test.
    """
    interrupts: list[int] = []
    try:
        with _limited(seconds, interrupts):
            yield
    except WorldFault:
        raise
    except _TooLong:
        text = what.removesuffix(" raised").removesuffix(" cannot be loaded:")
        raise WorldFault(f"{text}: no answer within {seconds:g} seconds") from None
    except BaseException as error:
        if not interrupts:
            raise WorldFault(f"{what} {said(error)}") from error
    if interrupts:  # also where the world swallowed it
        raise KeyboardInterrupt


@contextmanager
def _limited(seconds: float, interrupts: list[int]) -> Iterator[None]:
    """Notes in `interrupts` that a person, not the world, wants it to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise _TooLong

    def interrupt(number: int, frame: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    before_interrupt = signal.signal(signal.SIGINT, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, before_interrupt)
