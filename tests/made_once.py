"""What is the same in every application that the tests make, made once a process.

Each test has an application of its own. Building the routes' address makers and
compiling the templates anew for each took a third of the suite's time.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

_codes: dict[str, CodeType] = {}
_makers: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}


class _Compiled(BytecodeCache):
    """Templates as Python code; a template does not change while tests run."""

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = _codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        _codes[bucket.key] = bucket.code


class _KnownRule(Rule):
    """A route whose function that makes addresses is taken from an equal route."""

    def _compile_builder(
        self, append_unknown: bool = True
    ) -> Callable[..., tuple[str, str]]:
        key = (*self._trace, repr(self.defaults), append_unknown)
        if key not in _makers:
            _makers[key] = super()._compile_builder(append_unknown)
        return _makers[key]


def share() -> None:
    """From now on, in every application of this process."""
    Flask.jinja_options = {"bytecode_cache": _Compiled()}
    Flask.url_rule_class = _KnownRule
