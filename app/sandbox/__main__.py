"""`python -m app.sandbox`: a sandbox in a process of its own, until told to end."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from app.sandbox.launch import start_sandbox


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
    )
    sys.stdout.write(f"sandbox at {sandbox.url}\n")
    sys.stdout.flush()
    ended.wait()
    sandbox.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.sandbox")
    parser.add_argument("--port", type=int, default=12111, help="0 takes a free one")
    parser.add_argument("--clock-file", type=Path, help="an ISO 8601 time, kept by us")
    parser.add_argument("--now", help="ISO 8601; without it, the clock file or today")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same world")
    return parser


if __name__ == "__main__":
    main()
