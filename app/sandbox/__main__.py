"""`python -m app.sandbox`: a sandbox in a process of its own, until told to end."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from app.sandbox.launch import start_sandbox
from app.sandbox.snapshots import save


def main() -> None:
    options = _parser().parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    sandbox = start_sandbox(
        port=options.port,
        seed=options.seed,
        now=options.now,
        clock_file=options.clock_file,
        state=options.state,
        speed=options.speed,
    )
    sys.stdout.write(f"sandbox at {sandbox.url}\n")
    sys.stdout.flush()
    ended.wait()
    sandbox.stop()
    if options.state:
        save(sandbox.world, options.state)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.sandbox")
    parser.add_argument("--port", type=int, default=12111, help="0 takes a free one")
    parser.add_argument("--clock-file", type=Path, help="an ISO 8601 time, kept by us")
    parser.add_argument("--now", help="ISO 8601; without it, the clock file or today")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same world")
    parser.add_argument("--state", type=Path, help="kept there at the end, if given")
    parser.add_argument(
        "--speed", type=float, default=0.0, help="sandbox hours per real second"
    )
    return parser


if __name__ == "__main__":
    main()
