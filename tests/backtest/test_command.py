"""`flask --app app backtest`, as a person types it."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import update

from app.backtest_cli import backtest
from app.config import ROOT
from app.domain.strategies.own import Definition, Line, Then
from app.services import own_strategies
from app.storage.strategy_models import OwnStrategy
from app.storage.transaction import transaction
from tests.builders import a_user
from tests.conftest import MONDAY

HERE = Path(__file__).with_name("worlds.py")
DAY = timedelta(days=1)
MEDIAN_MS = "decision_ms_median"


def called(factory: str, *more: str) -> Result:
    world = f"{HERE}:{factory}"
    given = ["--world", world, "--cases", "3", "--strategy", "even-spread", *more]
    return CliRunner().invoke(backtest, given)


def test_prints_one_object_with_each_strategys_figures() -> None:
    result = called("opens_on_day_five", "--strategy", "adaptive", "--json")
    printed = json.loads(result.output)
    assert printed["cases"] == 3
    assert list(printed["strategies"]) == ["even-spread", "adaptive"]
    figures = printed["strategies"]["adaptive"]
    assert figures["recovered_invoices"] == 1.0
    assert set(figures["breaches"]) == {
        *("never_retry", "advice_wait", "network_cap", "after_deadline")
    }
    assert figures["decisions"] >= 3
    assert figures["decision_ms_median"] > 0


def test_each_strategy_meets_a_world_of_its_own() -> None:
    once = called("opens_on_day_five", "--json")
    twice = called("opens_on_day_five", "--strategy", "fixed-ladder", "--json")
    alone, beside = (json.loads(each.output)["strategies"] for each in (once, twice))
    same = {"recovered_amount", "attempts_per_invoice", "median_days_to_money"}
    for key in same:
        assert alone["even-spread"][key] == beside["even-spread"][key]


def test_a_world_that_raises_ends_with_a_sentence() -> None:
    result = called("Raises")
    assert result.exit_code == 1
    assert "case case-" in result.output
    assert "attempt raised ZeroDivisionError" in result.output
    assert "Traceback" not in result.output


def test_what_a_world_prints_is_not_the_answer() -> None:
    result = called("prints", "--json")
    assert json.loads(result.stdout)["cases"] == 3
    assert "a case is asked" in result.stderr


def test_a_world_finds_the_modules_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python itself does for a file that it is told to run."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "kit_of_this_test.py").write_text(HERE.read_text())
    world = tmp_path / "world_of_this_test.py"
    world.write_text("from kit_of_this_test import opens_on_day_five as world\n")
    given = ["--world", f"{world}:world", "--cases", "1", "--strategy", "hands-off"]
    result = CliRunner().invoke(backtest, given)
    assert result.exit_code == 0, result.output


def test_what_is_not_there_is_said() -> None:
    assert "has no factory 'nobody'" in called("nobody").output
    assert "raised RuntimeError: out of cards" in called("cannot_be_made").output
    unknown = called("opens_on_day_five", "--strategy", "hope")
    assert unknown.exit_code == 1
    assert "no strategy named 'hope'" in unknown.output


def test_an_own_strategy_runs_by_its_name(app: Flask) -> None:
    lines = (Line(then=Then.DELAYS, delays=(6 * DAY,)),)
    own_strategies.create("mine", Definition(lines), user_id=a_user().id, now=MONDAY)
    given = ["backtest", "--world", f"{HERE}:opens_on_day_five", "--cases", "3"]
    given += ["--strategy", "mine", "--json"]
    done = app.test_cli_runner().invoke(args=given)
    figures = json.loads(done.stdout)["strategies"]["mine"]
    assert figures["recovered_invoices"] == 1.0
    assert figures["attempts_per_recovery"] == 1.0
    other = app.test_cli_runner().invoke(args=[*given, "--strategy", "hope"])
    assert other.exit_code == 1
    assert "no strategy named 'hope'" in other.output
    with transaction() as session:
        session.execute(update(OwnStrategy).values(definition={"lines": 7}))
    damaged = app.test_cli_runner().invoke(args=given)
    assert damaged.exit_code == 1
    assert "mine cannot be run: its version 1 is stored damaged" in damaged.output


def test_the_same_seed_prints_the_same_figures() -> None:
    """All of them but the clock's."""

    def figures(seed: str) -> dict[str, object]:
        result = called("opens_on_day_five", "--json", "--seed", seed)
        found: dict[str, object] = json.loads(result.output)["strategies"][
            "even-spread"
        ]
        return {k: v for k, v in found.items() if k not in {"seconds", MEDIAN_MS}}

    assert figures("4") == figures("4")
    assert set(figures("4")) | {"seconds", MEDIAN_MS} == {
        *("recovered_amount", "recovered_invoices", "attempts_per_invoice"),
        *("attempts_per_recovery", "median_days_to_money"),
        *("max_attempts_on_an_invoice", "breaches", "decisions", MEDIAN_MS, "seconds"),
    }


def test_it_runs_on_a_bare_checkout() -> None:
    """No setting, no key, no database is needed to compare strategies."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "flask", "--app", "app", "backtest", "--json"),
            *("--world", "benchmarks/issuers/limits.py:world", "--cases", "3"),
            *("--strategy", "fixed-ladder"),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PORT": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cases"] == 3
