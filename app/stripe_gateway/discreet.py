"""Keeps what Stripe answers out of the log: the library logs whole bodies at DEBUG, and
one of them tells the secret of a new webhook endpoint."""

import logging


def no_bodies(record: logging.LogRecord) -> bool:
    """Let through what says that Stripe was asked, not what was said."""
    return record.levelno > logging.DEBUG


def keep() -> None:
    """From now on, whatever level the log is set to; doing it twice does no more."""
    logging.getLogger("stripe").addFilter(no_bodies)
