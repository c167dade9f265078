"""A short run of `make chaos`: forty kills, then rows against the sandbox's ledger."""

import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]


def test_forty_kills_lose_nothing_double_nothing_and_leave_nothing_stuck() -> None:
    # In a process of its own: it forks, which a process with threads must not do.
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.chaos", "--kills", "40", "--seed", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, nothing doubled, nothing stuck" in done.stdout
