"""Webhooks, stored durably before they are answered, beside a bare Flask endpoint.

python -m benchmarks.webhooks [--rounds 5] [--events 3000] [--slower-by 0.010]
python -m benchmarks.webhooks --readers 4 [--seeded 10000]   # alone and beside readers
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from app.server import THREADS
from benchmarks import served
from benchmarks.served import PATH, ROOT, Process, running

Numbers = dict[str, float]


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bare(folder: Path, port: int, *, slower_by: float) -> list[str]:
    return [
        *(sys.executable, "-m", "benchmarks.bare", "--file", str(folder / "bare.db")),
        *("--port", str(port), "--slower-by", str(slower_by)),
        *("--threads", str(THREADS)),
    ]


def measured(process: Process, events: int, prefix: str, **more: object) -> Numbers:
    """One run of the load generator against the server."""
    before = process.cpu_seconds()
    command = [sys.executable, "-m", "benchmarks.load", "--port", str(process.port)]
    command += ["--path", process.path, "--events", str(events), "--prefix", prefix]
    for name, value in more.items():
        command += [f"--{name}", str(value)]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(run.stdout)
    assert result["statuses"] == {"200": events}, result["statuses"]
    return {
        "events a second": result["a_second"],
        "p50 ms": result["p50_ms"],
        "p99 ms": result["p99_ms"],
        "CPU ms an event": (process.cpu_seconds() - before) / events * 1000,
        "resident MB": process.resident_mb(),
    }


def one_round(
    serve: Callable[..., list[str]], path: str, events: int, slower_by: float
) -> Numbers:
    """A fresh server on a fresh database: a short warm-up, then the run."""
    with tempfile.TemporaryDirectory() as folder:
        port = a_free_port()
        command = serve(Path(folder), port, slower_by=slower_by)
        with running(command, port, path) as process:
            measured(process, 300, "warm")
            return measured(process, events, "run")


def beside_readers(readers: int, *, rounds: int, events: int, seeded: int) -> None:
    """The same server alone and while people turn pages, in turns."""
    alone: list[Numbers] = []
    beside: list[Numbers] = []
    with tempfile.TemporaryDirectory() as folder:
        port = a_free_port()
        command = served.ours(Path(folder), port, seeded=seeded)
        with running(command, port, PATH) as process:
            measured(process, 300, "warm")
            cookie = (Path(folder) / served.COOKIE).read_text()
            for number in range(rounds):
                alone.append(measured(process, events, f"alone{number}"))
                with reading(port, cookie, readers) as pages:
                    beside.append(measured(process, events, f"beside{number}"))
                beside[-1]["pages a second"] = pages[0]
    print(f"{'median':18}{'alone':>10}{'beside':>10}{'ratio':>8}")
    for name in beside[0]:
        a, b = (median(n.get(name, 0) for n in each) for each in (alone, beside))
        print(f"{name:18}{a:10.2f}{b:10.2f}{b / a if a else 0:8.2f}")


@contextmanager
def reading(port: int, cookie: str, readers: int) -> Iterator[list[float]]:
    """Readers at work meanwhile; what it yields has their pages a second afterwards."""
    command = [sys.executable, "-m", "benchmarks.readers", "--port", str(port)]
    command += ["--cookie", cookie, "--readers", str(readers)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pages: list[float] = []
    try:
        yield pages
    finally:
        said, _ = process.communicate("")
        pages.append(float(said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--slower-by", type=float, default=0.0, help="seconds a commit")
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--seeded", type=int, default=10_000, help="subscriptions")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, {asked.rounds} rounds of {asked.events} events")
    if asked.readers:
        many = {"rounds": asked.rounds, "events": asked.events, "seeded": asked.seeded}
        beside_readers(asked.readers, **many)
        return
    ours: list[Numbers] = []
    limit: list[Numbers] = []
    for _ in range(asked.rounds):  # interleaved: a busy minute hits both
        limit.append(
            one_round(bare, "/webhooks/stripe/bare", asked.events, asked.slower_by)
        )
        ours.append(one_round(served.ours, PATH, asked.events, asked.slower_by))
    print(f"{'median':18}{'bare':>10}{'ours':>10}{'ratio':>8}")
    for name in ours[0]:
        a, b = (median(numbers[name] for numbers in each) for each in (limit, ours))
        print(f"{name:18}{a:10.2f}{b:10.2f}{b / a:8.2f}")


if __name__ == "__main__":
    main()
