"""The sandbox as a process of its own, and apart from the app."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import requests

from app.sandbox import Driver

ROOT = Path(__file__).parents[2]


def test_it_runs_on_its_own_until_it_is_told_to_end(tmp_path: Path) -> None:
    clock, state = tmp_path / "clock", tmp_path / "state"
    told = ["--port", "0", "--clock-file", str(clock), "--state", str(state)]
    process = subprocess.Popen(
        [sys.executable, "-m", "app.sandbox", "--now", "2026-11-01T09:00:00Z", *told],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        url = process.stdout.readline().rsplit(" ", 1)[-1].strip()
        driver = Driver(url)
        driver.advance(days=1)
        assert clock.read_text() == "2026-11-02T09:00:00+00:00"
        assert requests.get(f"{url}/v1/account", timeout=5).status_code == 401
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert state.exists()


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("app")}


def test_the_sandbox_and_the_app_do_not_know_each_other() -> None:
    inside = set((ROOT / "app" / "sandbox").rglob("*.py"))
    for path in (ROOT / "app").rglob("*.py"):
        of_sandbox = {n for n in imports_of(path) if n.startswith("app.sandbox")}
        if path in inside:
            assert imports_of(path) <= of_sandbox | {"app"}, path
        else:
            assert not of_sandbox, path
