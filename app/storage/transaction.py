"""The only place that commits, and the door for reading outside a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flask import has_request_context
from sqlalchemy.orm import Session

from app.extensions import db

_is_open: ContextVar[bool] = ContextVar("transaction_is_open", default=False)


class TransactionOpen(RuntimeError):
    """Something that must stand outside a transaction was about to happen in one."""


@contextmanager
def transaction() -> Iterator[Session]:
    """All or nothing: committed when the block ends, rolled back when it raises.

    Never nests. Inside a request the page's own session then sees the new state.
    """
    refuse_inside_transaction()
    token = _is_open.set(True)
    try:
        with (
            Session(db.engines["writer"], expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
    finally:
        _is_open.reset(token)
    if has_request_context():
        db.session.rollback()


@contextmanager
def reading() -> Iterator[Session]:
    """A session that cannot write; on PostgreSQL each statement sees what is committed
    by then."""
    with Session(db.engine, expire_on_commit=False) as session:
        yield session


def refuse_inside_transaction() -> None:
    """Raise TransactionOpen when this thread has a transaction open."""
    if _is_open.get():
        raise TransactionOpen("a transaction is open")
