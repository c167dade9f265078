from flask import Flask
from sqlalchemy import select

from app.storage.models import RetryAttempt, StripeAccount
from app.storage.transaction import reading
from tests.builders import a_decline, an_attempt


def test_a_built_row_brings_what_it_belongs_to(app: Flask) -> None:
    an_attempt(reason="Because.")
    with reading() as session:
        attempt = session.scalars(select(RetryAttempt)).one()
        assert attempt.reason == "Because."
        assert attempt.recovery.subscription is not None


def test_built_rows_share_the_only_account(app: Flask) -> None:
    a_decline()
    an_attempt()
    with reading() as session:
        assert len(session.scalars(select(StripeAccount)).all()) == 1
