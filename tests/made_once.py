"""What is the same in every application that the tests make, made once a process.

Each test has an application of its own. Building the routes, compiling the templates
and wording the statements anew for each took more than half of a web test's time.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

_codes: dict[str, CodeType] = {}
_rules: dict[tuple[Any, ...], Rule] = {}
_makers: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}
_statements: LRUCache[Any, Any] = LRUCache(3_000)


class _Compiled(BytecodeCache):
    """Templates as Python code; a template does not change while tests run."""

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = _codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        _codes[bucket.key] = bucket.code


class _KnownRule(Rule):
    """A route that takes from an equal one what is made of its address."""

    def compile(self) -> None:
        key = (self.rule, self.subdomain, self.merge_slashes)
        if key not in _rules:
            super().compile()
            _rules[key] = self
            return
        known = _rules[key]
        self._parts, self._trace = known._parts, known._trace
        self._converters = known._converters
        self.arguments |= known.arguments
        self._build = self._compile_builder(False).__get__(self, None)
        self._build_unknown = self._compile_builder(True).__get__(self, None)

    def _compile_builder(
        self, append_unknown: bool = True
    ) -> Callable[..., tuple[str, str]]:
        key = (*self._trace, repr(self.defaults), append_unknown)
        if key not in _makers:
            _makers[key] = super()._compile_builder(append_unknown)
        return _makers[key]


def _same_kind(one: object, other: object) -> bool:
    return type(one) is type(other)


def _hash_of_kind(one: object) -> int:
    return hash(type(one))


def _share_statements(connection: Connection) -> None:
    connection.engine._compiled_cache = _statements


def share() -> None:
    """From now on, in every application of this process."""
    Flask.jinja_options = {"bytecode_cache": _Compiled()}
    Flask.url_rule_class = _KnownRule
    # A statement's SQL is kept by the statement and the dialect, and each engine has a
    # dialect of its own: what is worded for one suits the others of its class.
    DefaultDialect.__eq__ = _same_kind  # type: ignore[method-assign]
    DefaultDialect.__hash__ = _hash_of_kind  # type: ignore[assignment, method-assign]
    event.listen(Engine, "engine_connect", _share_statements)
