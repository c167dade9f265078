"""Imports point down, and a function that is given a session never ends it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parent.parent / "app"

# What each floor may import of the application; `domain` knows only itself.
MAY_IMPORT = {
    "domain": {"domain"},
    "storage": {"domain", "storage", "extensions"},
    "stripe_gateway": {"domain", "stripe_gateway"},
    "backtest": {"domain", "backtest"},
    "services": {
        "domain",
        "backtest",
        "storage",
        "stripe_gateway",
        "services",
        "current",
        "config",
        "clock",
        "vault",
        "passwords",
        "extensions",
    },
    "sandbox": {"sandbox"},
}
# What the domain may import from outside the standard library, and where.
NUMERIC = "adaptive"
STANDARD_ONLY = {"numpy", "scipy"}


def modules(floor: str) -> list[Path]:
    return sorted((APP / floor).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "app":
            yield from (f"app.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("floor", sorted(MAY_IMPORT))
def test_imports_point_down(floor: str) -> None:
    wrong = [
        f"{path.relative_to(APP)} imports {name}"
        for path in modules(floor)
        for name in imported(ast.parse(path.read_text()))
        if name.startswith("app.") and name.split(".")[1] not in MAY_IMPORT[floor]
    ]
    assert modules(floor)
    assert not wrong


def test_the_domain_knows_no_framework() -> None:
    banned = {"flask", "sqlalchemy", "stripe", "requests", "apscheduler", "os"}
    wrong = [
        f"{path.relative_to(APP)} imports {name}"
        for path in modules("domain")
        for name in imported(ast.parse(path.read_text()))
        if name.split(".")[0] in banned
        or (name.split(".")[0] in STANDARD_ONLY and NUMERIC not in str(path))
    ]
    assert not wrong


def test_nothing_outside_the_sandbox_imports_it() -> None:
    wrong = [
        path
        for path in APP.rglob("*.py")
        if "sandbox" not in path.parts
        and any(
            name.startswith("app.sandbox")
            for name in imported(ast.parse(path.read_text()))
        )
    ]
    assert not wrong


def _takes_session(function: ast.FunctionDef) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args]
    return any(
        isinstance(a.annotation, ast.Name) and a.annotation.id == "Session"
        for a in arguments
    )


def _ends_transaction(function: ast.FunctionDef) -> bool:
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            return True
        if isinstance(node.func, ast.Name) and node.func.id == "transaction":
            return True
    return False


def test_who_is_given_a_session_never_ends_its_transaction() -> None:
    wrong = [
        f"{path.relative_to(APP)}: {node.name}"
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and _takes_session(node)
        and _ends_transaction(node)
    ]
    assert not wrong
