"""The dashboard's numbers: each counted once, none of them flattered."""

from datetime import date

from app.domain.figures import (
    Bounds,
    Cell,
    Ended,
    PeriodFigures,
    Rate,
    period_figures,
    rate,
)
from app.domain.money import Money
from app.domain.recovery import ClosedAs, RecoveryStatus

S = RecoveryStatus
DAY = date(2026, 11, 2)


def _cell(
    status: RecoveryStatus,
    *,
    closed_as: ClosedAs | None = None,
    cohort: str = "2026-10",
    currency: str = "eur",
    count: int = 1,
    amount: int = 1000,
    recovered: int = 0,
) -> Cell:
    return Cell(currency, cohort, status, closed_as, count, amount, recovered)


def _figures(
    now: tuple[Cell, ...] = (),
    *,
    began: tuple[Cell, ...] = (),
    ended: tuple[Cell, ...] = (),
) -> list[PeriodFigures]:
    return period_figures(
        now=now, began=began, ended=[Ended(DAY, cell) for cell in ended]
    )


def test_every_open_recovery_is_at_risk_whenever_it_began() -> None:
    (of,) = _figures(
        (_cell(S.IN_RETRY), _cell(S.PAUSED), _cell(S.WAITING_FOR_CUSTOMER))
    )
    assert of.at_risk.count == 3
    assert of.at_risk.money == Money(3000, "eur")
    assert of.lost.count == of.recovered.count == of.declined.count == 0


def test_lost_is_what_was_given_up_stopped_or_ended_at_stripe_unpaid() -> None:
    (of,) = _figures(
        ended=(
            _cell(S.TERMINATED),
            _cell(S.STOPPED),
            _cell(S.CLOSED, closed_as=ClosedAs.VOIDED),
            _cell(S.CLOSED, closed_as=ClosedAs.UNCOLLECTIBLE),
            _cell(S.CLOSED, closed_as=ClosedAs.CANCELED),
            _cell(S.CLOSED, closed_as=ClosedAs.DISCONNECTED),
        )
    )
    assert of.lost.count == 5


def test_what_was_paid_elsewhere_is_neither_lost_nor_recovered() -> None:
    paid = _cell(S.CLOSED, closed_as=ClosedAs.PAID_ELSEWHERE)
    (of,) = _figures(began=(paid,), ended=(paid,))
    assert of.lost.count == 0
    assert of.recovered.money == Money(0, "eur")
    assert of.elsewhere.count == 1
    assert of.rate == Bounds(recovered=0, open=0, all=1)


def test_recovered_money_is_what_our_retries_brought_not_what_was_due() -> None:
    (of,) = _figures(ended=(_cell(S.RECOVERED, count=2, amount=2000, recovered=1900),))
    assert (of.recovered.count, of.recovered.money) == (2, Money(1900, "eur"))


def test_while_some_are_open_the_rate_is_only_known_between_bounds() -> None:
    (of,) = _figures(
        began=(
            _cell(S.RECOVERED, count=4),
            _cell(S.TERMINATED, count=3),
            _cell(S.IN_RETRY, count=2),
            _cell(S.PAUSED),
        )
    )
    assert of.rate == Bounds(recovered=4, open=3, all=10)
    assert (of.rate.low, of.rate.high) == (0.4, 0.7)
    assert (Bounds(0, 0, 0).low, Bounds(0, 0, 0).high) == (None, None)


def test_a_cohort_with_one_open_recovery_has_no_rate_yet() -> None:
    found = rate(
        [
            _cell(S.RECOVERED, cohort="2026-09", count=3, recovered=3000),
            _cell(S.TERMINATED, cohort="2026-09"),
            _cell(S.RECOVERED, cohort="2026-10", count=50, recovered=50_000),
            _cell(S.IN_RETRY, cohort="2026-10"),
        ]
    )
    assert found == Rate(recovered=3, all=4)
    assert found.share == 0.75


def test_currencies_are_never_added_and_the_busiest_comes_first() -> None:
    found = _figures((_cell(S.IN_RETRY), _cell(S.IN_RETRY, currency="jpy", count=2)))
    assert [of.currency for of in found] == ["jpy", "eur"]


def test_nothing_has_no_rate() -> None:
    assert Rate(0, 0).share is None
