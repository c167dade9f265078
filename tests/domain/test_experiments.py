"""Experiments: sticky chance, honest sizes, an interval that survives daily looks."""

import math
from collections import Counter

import numpy as np
import pytest

from app.domain.experiment_verdict import Compared, Stage, Standing, verdict
from app.domain.experiments import (
    ALPHA,
    LEAST_CLOSED,
    Arm,
    Sums,
    arm_of,
    estimate,
    half_width,
    needed_at_the_end,
    needed_on_any_day,
    outlook,
    outlook_sentence,
)

NAMES = ("Even spread", "Adaptive")


def sums(count: int, paid: int, *, each: int = 1) -> Sums:
    """`count` renewals of customers with `each` of them, who pay all or none."""
    return Sums(
        count=count,
        customers=count // each,
        of=count,
        won=paid,
        of_squared=count * each,
        of_won=paid * each,
        won_squared=paid * each,
    )


def verdict_of(control: Sums, treatment: Sums, *, is_aa: bool = False) -> Standing:
    said = verdict(control, treatment, of=Compared(NAMES, 400, is_aa=is_aa))
    assert said.sentence
    return said.standing


def test_a_customer_stays_in_one_arm() -> None:
    arms = {arm_of("cus_1", seed="s", treatment_percent=50) for _ in range(9)}
    assert len(arms) == 1


@pytest.mark.parametrize("percent", [0, 20, 50, 100])
def test_the_arms_get_their_shares(percent: int) -> None:
    counted = Counter(
        arm_of(f"cus_{n}", seed="s", treatment_percent=percent) for n in range(20_000)
    )
    assert counted[Arm.TREATMENT] / 200 == pytest.approx(percent, abs=1.2)


def test_another_experiment_deals_anew() -> None:
    def arm(n: int, seed: str) -> Arm:
        return arm_of(f"cus_{n}", seed=seed, treatment_percent=50)

    same = sum(arm(n, "one") is arm(n, "two") for n in range(4000))
    assert same / 4000 == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("points", "needed"), [(10, 390), (5, 1560), (3, 4340), (2, 9740), (1, 38_900)]
)
def test_the_sizes_are_those_of_the_textbook(points: int, needed: int) -> None:
    assert needed_at_the_end(points / 100, 0.45) == pytest.approx(needed, rel=0.01)


def test_looking_on_any_day_costs_more_but_not_without_end() -> None:
    for difference in (0.2, 0.1, 0.05, 0.01):
        once = needed_at_the_end(difference, 0.45)
        assert 1.5 < needed_on_any_day(difference, 0.45) / once < 2.5


def test_the_merchant_is_told_what_cannot_be_shown() -> None:
    assert outlook_sentence(100, base=0.45) == (
        "At 100 declines a month you can show 10 points in about 8 months, and never "
        "1 point. That is with one look at the end; read on any day, as the verdict "
        "here may be, 10 points show in about 15 months."
    )
    assert "1 point in about" in outlook_sentence(50_000, base=0.45)
    assert outlook(10, monthly=0, base=0.45).months_at_the_end is None


def test_few_declines_show_nothing_and_the_sentence_says_so() -> None:
    assert outlook_sentence(1, base=0.45) == (
        "At 1 decline a month you can show neither 10 points nor 1 point within 5 "
        "years: only a larger difference, if any."
    )


def test_what_any_day_never_shows_is_not_promised() -> None:
    said = outlook_sentence(20, base=0.45)
    assert "you can show 10 points in about 39 months" in said
    assert said.endswith("10 points show hardly ever within 5 years.")


def test_unequal_shares_take_longer() -> None:
    even = outlook(10, monthly=100, base=0.45).months_at_the_end
    uneven = outlook(10, monthly=100, base=0.45, treatment_percent=90).months_at_the_end
    assert even is not None
    assert uneven is not None
    assert uneven > 2 * even


def test_the_interval_is_narrowest_where_it_was_tuned() -> None:
    tuned = half_width(1000, 0.5, tuned_to=1000)
    others = [half_width(1000, 0.5, tuned_to=n) for n in (250, 500, 2000, 4000)]
    assert all(tuned <= other for other in others)
    assert min(others) < tuned * 1.05


def test_looking_after_every_pair_seldom_excludes_the_truth() -> None:
    """The promise of the page: stop on any day, and be wrong once in twenty at most.

    The same looks with an ordinary interval are wrong far more often.
    """
    chance, runs, first, last = 0.45, 1000, LEAST_CLOSED, 3000
    dice = np.random.default_rng(20261123)
    paid = (dice.random((2, runs, last), dtype=np.float32) < chance).cumsum(
        axis=2, dtype=np.int32
    )[:, :, first - 1 :]
    n = np.arange(first, last + 1)
    share = paid / n
    variance = (share * (1 - share)).sum(axis=0)
    difference = np.abs(share[1] - share[0])
    factor = np.array([half_width(int(each), 1.0, tuned_to=1000) for each in n])
    wrong = (difference > np.sqrt(variance) * factor).any(axis=1).mean()
    ordinary = (difference > 1.96 * np.sqrt(variance / n)).any(axis=1).mean()
    assert wrong <= ALPHA
    assert ordinary > 0.25


def test_a_real_difference_is_found_in_time() -> None:
    dice, found = np.random.default_rng(4), 0
    needed = needed_on_any_day(0.1, 0.45)
    for _ in range(200):
        control = sums(needed, int(dice.binomial(needed, 0.45)))
        treatment = sums(needed, int(dice.binomial(needed, 0.55)))
        found += estimate(control, treatment, planned=needed).low > 0
    assert found / 200 > 0.7


def test_customers_with_several_renewals_count_as_one_voice() -> None:
    alone, in_fours = sums(400, 200), sums(400, 200, each=4)
    assert in_fours.variance == pytest.approx(4 * alone.variance, rel=0.02)


def test_an_arm_in_which_nobody_paid_is_not_certain() -> None:
    assert sums(200, 0).variance > 0
    assert sums(0, 0).share == 0
    assert math.isfinite(sums(1, 1).variance)


def test_nothing_is_said_before_enough_is_closed() -> None:
    said = verdict(sums(99, 0), sums(400, 400), of=Compared(NAMES, 400))
    assert said.standing is Standing.MEASURING
    assert said.sentence.startswith("Still measuring: 99 closed renewals")


def test_a_planned_one_says_that_it_has_not_begun() -> None:
    told = Compared(NAMES, 744, stage=Stage.PLANNED)
    assert verdict(sums(0, 0), sums(0, 0), of=told).sentence == (
        "It has not begun. Measuring takes about 744 closed renewals in each arm."
    )


@pytest.mark.parametrize("count", [40, 800])
def test_what_is_over_is_not_said_to_be_measuring(count: int) -> None:
    arms = sums(count, count // 2), sums(count, count // 2)
    following = verdict(*arms, of=Compared(NAMES, 400, stage=Stage.FOLLOWING))
    assert following.standing is Standing.MEASURING
    assert following.sentence.startswith("Still measuring: ")
    assert following.sentence.endswith("what had begun by then is still followed.")
    over = verdict(*arms, of=Compared(NAMES, 400, stage=Stage.OVER))
    assert over.standing is Standing.UNDECIDED
    assert over.sentence.startswith("It has ended with")


def test_the_verdict_names_the_better_one() -> None:
    assert verdict_of(sums(800, 320), sums(800, 480)) is Standing.TREATMENT_WINS
    assert verdict_of(sums(800, 480), sums(800, 320)) is Standing.CONTROL_WINS
    assert verdict_of(sums(800, 400), sums(800, 410)) is Standing.MEASURING


def test_the_interval_comes_first_in_the_sentence() -> None:
    said = verdict(sums(800, 320), sums(800, 480), of=Compared(NAMES, 400))
    assert said.sentence == (
        "Adaptive brings more: between 12.5 and 27.5 points more renewals are paid."
    )


def test_an_a_a_test_warns_when_equals_differ() -> None:
    assert verdict_of(sums(800, 400), sums(800, 410), is_aa=True) is Standing.EQUAL
    assert verdict_of(sums(800, 320), sums(800, 480), is_aa=True) is Standing.UNSOUND


def test_no_interval_goes_beyond_a_hundred_points() -> None:
    nobody = Sums(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    all_paid = Sums(500, 500, 500.0, 500.0, 500.0, 500.0, 500.0)
    none_paid = Sums(500, 500, 500.0, 0.0, 500.0, 0.0, 0.0)
    found = estimate(nobody, all_paid, planned=900)
    assert (found.low, found.high) == (-1.0, 1.0)
    found = estimate(none_paid, all_paid, planned=900)
    assert 0.9 < found.low < found.high == 1.0
