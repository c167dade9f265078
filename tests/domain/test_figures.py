"""The dashboard's numbers: each counted once, none of them flattered."""

from app.domain.figures import Cell, Rate, figures
from app.domain.money import Money
from app.domain.recovery import ClosedAs, RecoveryStatus

S = RecoveryStatus


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


def test_every_open_recovery_is_at_risk() -> None:
    (of,) = figures([_cell(S.IN_RETRY), _cell(S.PAUSED), _cell(S.WAITING_FOR_CUSTOMER)])
    assert of.at_risk.count == 3
    assert of.at_risk.money == Money(3000, "eur")
    assert of.lost.count == of.recovered.count == 0


def test_lost_is_what_was_given_up_stopped_or_ended_at_stripe_unpaid() -> None:
    (of,) = figures(
        [
            _cell(S.TERMINATED),
            _cell(S.STOPPED),
            _cell(S.CLOSED, closed_as=ClosedAs.VOIDED),
            _cell(S.CLOSED, closed_as=ClosedAs.UNCOLLECTIBLE),
            _cell(S.CLOSED, closed_as=ClosedAs.CANCELED),
        ]
    )
    assert of.lost.count == 5


def test_what_was_paid_elsewhere_is_neither_lost_nor_recovered() -> None:
    (of,) = figures([_cell(S.CLOSED, closed_as=ClosedAs.PAID_ELSEWHERE)])
    assert of.lost.count == 0
    assert of.recovered.money == Money(0, "eur")
    assert of.rate == Rate(recovered=0, all=1)


def test_a_cohort_with_one_open_recovery_has_no_rate_yet() -> None:
    (of,) = figures(
        [
            _cell(S.RECOVERED, cohort="2026-09", count=3, recovered=3000),
            _cell(S.TERMINATED, cohort="2026-09"),
            _cell(S.RECOVERED, cohort="2026-10", count=50, recovered=50_000),
            _cell(S.IN_RETRY, cohort="2026-10"),
        ]
    )
    assert of.rate == Rate(recovered=3, all=4)
    assert of.rate.share == 0.75
    assert of.recovered.money == Money(53_000, "eur")


def test_currencies_are_never_added() -> None:
    found = figures([_cell(S.IN_RETRY), _cell(S.IN_RETRY, currency="jpy", count=2)])
    assert [of.currency for of in found] == ["jpy", "eur"]


def test_nothing_has_no_rate() -> None:
    assert Rate(0, 0).share is None
