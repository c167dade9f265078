"""What goes to standard error: one line for each thing that happened.

`LOG_FORMAT=json` writes objects for machines, `plain` sentences for people. Every line
says which request or which job it belongs to; what else is known (user, account,
attempt) is given by `extra`. Secrets and card data are given to no log call; see also
app/stripe_gateway, which lets no key out.
"""

import json
import logging
import secrets
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# The request, or the run of a job, that this thread works for.
doing: ContextVar[str] = ContextVar("doing", default="")
# What a line may say beside its sentence, in this order.
FIELDS = (
    "job",
    "method",
    "route",
    "status",
    "ms",
    "user",
    "account",
    "recovery",
    "attempt",
)


class LogFormat(StrEnum):
    """How lines look."""

    JSON = "json"
    PLAIN = "plain"


def new_id() -> str:
    """An id for a request or a run; any that nobody else has."""
    return secrets.token_hex(8)


def begin(form: LogFormat) -> None:
    """Write everything from here on to standard error in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine() if form is LogFormat.JSON else PlainLine())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("app").setLevel(logging.INFO)


class JsonLine(logging.Formatter):
    """One JSON object a line, never more: a traceback is one of its texts."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if doing.get():
            told["id"] = doing.get()
        told |= _fields(record)
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


class PlainLine(logging.Formatter):
    """A line for people: time, level, where, what; then what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        told = "".join(f" {name}={value}" for name, value in _fields(record).items())
        which = f" [{doing.get()}]" if doing.get() else ""
        message = record.getMessage().replace("\n", "\\n")
        line = (
            f"{_time(record):%Y-%m-%d %H:%M:%S} {record.levelname} {record.name}: "
            f"{message}{told}{which}"
        )
        if record.exc_info:
            line += f"\n{self.formatException(record.exc_info)}"
        return line


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found = ((name, getattr(record, name, None)) for name in FIELDS)
    return {name: value for name, value in found if value is not None}
