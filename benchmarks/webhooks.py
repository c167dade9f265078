"""Webhooks, stored durably before they are answered, beside a bare Flask endpoint.

python -m benchmarks.webhooks [--rounds 5] [--events 3000] [--slower-by 0.010]
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--slower-by", type=float, default=0.0, help="seconds a commit")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, {asked.rounds} rounds of {asked.events} events")
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
