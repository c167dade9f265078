"""Learning: from all that was answered, never flattered by what closes early."""

import itertools
import json
import math
import random
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from app.domain.cases import Card, Customer
from app.domain.strategies.adaptive import BadModel, Episode, Memo, Model, learn
from app.domain.strategies.adaptive.gates import Stage, gate
from app.domain.strategies.adaptive.hypotheses import Cause, hypotheses
from app.domain.strategies.adaptive.issuers import MANY as MANY_OF_ISSUER
from app.domain.strategies.adaptive.lessons import MANY, MOST_COUNTRIES
from app.domain.strategies.adaptive.paydays import MONTHLY, schedules
from app.domain.strategies.adaptive.sight import seen
from app.domain.strategies.adaptive.timing import UNPROVEN
from tests.domain.adaptive.builders import MONDAY, a_case, refusal

NO_FUNDS_DEBIT = 1  # the context of the builders' case


def an_episode(
    number: int, *days: float, paid: float | None = None, country: str = "US"
) -> Episode:
    """Retries so many days after Monday failed; the one at `paid` was approved."""
    case = a_case(
        invoice_id=f"in_{number}",
        declines=(refusal(), *(refusal(day) for day in days)),
        customer=Customer(f"cus_{number}", country, "America/New_York"),
    )
    paid_at = None if paid is None else MONDAY + timedelta(days=paid)
    return Episode(case, paid_at, closed=paid is not None or max(days) > 26)


def never(model: Model) -> float:
    return float(model.causes[NO_FUNDS_DEBIT][Cause.NEVER])


def test_what_is_paid_early_does_not_flatter() -> None:
    """The trap: rewards that come early are seen early, so a fast plan looks best for
    as long as the others are open. Cases count from their first answer on, paid or
    not, so that the share that never pays is seen on day nine as on day 28."""
    paid = [an_episode(n, 3, paid=6) for n in range(40)]
    still_open = [an_episode(100 + n, 3, 6, 9) for n in range(60)]
    ended = [an_episode(100 + n, 3, 6, 9, 14, 20, 27) for n in range(60)]
    flattered = learn(Model.fresh(), paid)
    on_day_nine = learn(Model.fresh(), paid + still_open)
    at_the_end = learn(Model.fresh(), paid + ended)
    assert never(flattered) < never(on_day_nine) < never(at_the_end)
    # Of the way from flattered to true, day nine has gone a good part already.
    gone = never(on_day_nine) - never(flattered)
    assert gone > 0.3 * (never(at_the_end) - never(flattered))


def test_an_issuer_that_punishes_haste_is_found_out() -> None:
    hasty = [an_episode(n, 2, 4, 6, 8, 10, 12, 14, 16) for n in range(120)]
    patient = [an_episode(200 + n, paid=6.5) for n in range(60)]
    patient += [an_episode(300 + n, 6.5, 13, 20) for n in range(40)]
    learned = learn(Model.fresh(), hasty + patient)
    assert learned.tempers[0] < Model.fresh().tempers[0]


def of_issuer(episode: Episode, name: str | None, iin: str | None = None) -> Episode:
    card = Card("visa", "visa", "debit", "US", "fp_1", issuer=name, iin=iin)
    return replace(episode, case=replace(episode.case, card=card))


def strict_and_easy(strict: str | None, easy: str | None) -> list[Episode]:
    """One bank approves only after six days' rest, the other whenever there is
    money, were it the seventh try in two weeks."""
    found = []
    for n in range(30):
        hasty = an_episode(n, 2, 4, 6, 8, 10, 12, 14, 16)
        patient = an_episode(100 + n, 2, 4, 6, paid=12.5)
        found += [of_issuer(one, strict) for one in (hasty, patient)]
        soon = an_episode(200 + n, *((2, 4, 6, 8, 10, 12) if n % 2 else (2,)), paid=14)
        found += [of_issuer(soon, easy)]
    return found


def test_an_issuer_that_is_named_is_known_by_its_own_cases() -> None:
    learned = learn(Model.fresh(), strict_and_easy("Strict Bank", "Easy Bank"))
    strict, easy = learned.issuers["strict bank"], learned.issuers["easy bank"]
    as_they_come = 0
    assert strict[as_they_come] < 0.5 < 0.85 < easy[as_they_come]
    assert (strict.sum(), easy.sum()) == pytest.approx((1, 1))
    case = of_issuer(an_episode(999, 2), "STRICT Bank ").case
    assert learned.tempers_of(seen(case)).tolist() == strict.tolist()


def test_an_issuer_without_a_name_is_known_by_its_cards_first_digits() -> None:
    episodes = [of_issuer(one, None, "424242") for one in strict_and_easy("a", "a")]
    assert set(learn(Model.fresh(), episodes).issuers) == {"424242"}


def test_where_issuers_are_mixed_each_is_what_all_are() -> None:
    """Names that say nothing of tempers change little."""
    names = ["red bank", "blue bank", "green bank"]
    episodes = [
        of_issuer(one, names[number // 3 % 3])
        for number, one in enumerate(strict_and_easy("a", "b"))
    ]
    learned = learn(Model.fresh(), episodes)
    for name in names:
        assert np.abs(learned.issuers[name] - learned.tempers).max() < 0.2


def test_few_cases_do_not_make_an_issuers_name() -> None:
    episodes = strict_and_easy(None, "Easy Bank")
    easy = [one for one in episodes if one.case.card.issuer]
    few, enough = easy[: MANY_OF_ISSUER - 1], easy[:MANY_OF_ISSUER]
    assert not learn(Model.fresh(), few).issuers
    assert set(learn(Model.fresh(), enough).issuers) == {"easy bank"}


def test_paydays_are_learned() -> None:
    """All money comes on Fridays and is gone by Sunday: tries find it only there."""
    dice = random.Random(5)
    episodes = []
    for number in range(300):
        failed = [
            day for day in sorted(dice.sample(range(1, 27), 6)) if day % 7 not in (4, 5)
        ]
        friday = 4 + 7 * dice.randrange(4)
        before = [day for day in failed if day < friday] or [1]
        episodes.append(an_episode(number, *before, paid=friday))
    fresh, learned = Model.fresh(), learn(Model.fresh(), episodes)
    weekly_friday, weekly_tuesday = 4, 1
    assert learned.schedules[0][weekly_friday] > 1.5 * fresh.schedules[0][weekly_friday]
    assert learned.schedules[0][weekly_tuesday] < fresh.schedules[0][weekly_tuesday]


def test_pay_is_learned_by_country() -> None:
    """Dutch salaries come on the 25th, German ones on the 15th; one Frenchman is no
    proof of anything."""
    episodes = [an_episode(n, 8, 16, 20, paid=23, country="NL") for n in range(60)]
    episodes += [an_episode(100 + n, 3, 8, paid=13, country="DE") for n in range(60)]
    episodes += [an_episode(300, 8, 16, paid=23, country="FR")]
    learned = learn(Model.fresh(), episodes)
    assert set(learned.countries) == {"NL", "DE"}
    the_15th, the_25th = (monthly_on(day) for day in (15, 25))
    dutch, german = learned.countries["NL"], learned.countries["DE"]
    assert dutch[the_25th] > 2 * german[the_25th]
    assert german[the_15th] > 2 * dutch[the_15th]
    french = learned.prior(seen(a_case(customer=Customer("cus_1", "FR", None))))
    dutch_too = learned.prior(seen(a_case(customer=Customer("cus_1", "nl", None))))
    assert not np.allclose(french, dutch_too)
    assert dutch.sum() == pytest.approx(1)
    # A single country is what its region is: nothing to tell apart.
    assert not learn(Model.fresh(), episodes[:60]).countries


def monthly_on(day: int) -> int:
    return next(
        number
        for number, one in enumerate(schedules())
        if one.kind == MONTHLY and one.days_of_month == (day,)
    )


def test_of_many_countries_the_largest_are_learned_by_themselves() -> None:
    """Else a merchant who sells everywhere would learn for minutes."""
    episodes = [
        an_episode(100 * place + n, 2, paid=9, country=f"X{chr(65 + place)}")
        for place in range(MOST_COUNTRIES + 3)
        for n in range(MANY + place)
    ]
    learned = learn(Model.fresh(), episodes)
    smallest = {f"X{chr(65 + place)}" for place in range(3)}
    assert len(learned.countries) == MOST_COUNTRIES
    assert not smallest & set(learned.countries)


def test_the_order_of_the_cases_does_not_matter() -> None:
    episodes = [an_episode(n, 2, 5, paid=9 if n % 3 else None) for n in range(30)]
    other = list(reversed(episodes))
    first, second = learn(Model.fresh(), episodes), learn(Model.fresh(), other)
    assert first.to_json() == second.to_json()


def test_a_memo_changes_nothing_but_the_time() -> None:
    episodes = [an_episode(n, 2, 5, paid=9) for n in range(10)]
    memo: Memo = {}
    plain = learn(Model.fresh(), episodes)
    learn(Model.fresh(), episodes[:5], memo=memo)
    again = learn(Model.fresh(), episodes, memo=memo)
    assert again.to_json() == plain.to_json()


def test_of_many_recent_cases_an_even_part_is_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest alone would all be open, and tell nothing of late tries."""
    monkeypatch.setattr("app.domain.strategies.adaptive.learning.MOST_CASES", 40)
    episodes = [foretold(n, right=True, day=n // 4) for n in range(160)]
    memo: Memo = {}
    learned = learn(Model.fresh(), episodes, memo=memo)
    assert (learned.closed, learned.answered) == (160, 40)
    ages = [one.case.declined_at for one, _ in memo.values()]
    assert min(ages) < MONDAY + timedelta(days=10)
    assert max(ages) > MONDAY + timedelta(days=30)
    again: Memo = {}
    learn(Model.fresh(), list(reversed(episodes)), memo=again)
    assert set(again) == set(memo)


def test_of_cases_long_past_the_newest_are_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.domain.strategies.adaptive.learning.MOST_CASES", 40)
    episodes = [foretold(n, right=True, day=3 * n) for n in range(60)]
    memo: Memo = {}
    learn(Model.fresh(), episodes, memo=memo)
    assert set(memo) == {one.case.invoice_id for one in episodes[20:]}


def test_two_thousand_cases_are_learned_from_in_less_than_50_megabytes() -> None:
    episodes = [
        an_episode(n, 3, 6, 9, 12, 15, paid=18 if n % 2 else None) for n in range(2000)
    ]
    hypotheses.cache_clear()
    tracemalloc.start()
    try:
        learn(Model.fresh(), episodes)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000


def renewed(number: int, day: int, *, alike: bool) -> Episode:
    """Tried on the 5th, 10th, ... of March; paid on the first of these that is no
    sooner than the 15th, where renewals passed in the months before; or, with days
    alike, on any one of them."""
    days = [4.0 + 5 * n for n in range(6)]  # from Monday the 2nd
    paid = random.Random(number).choice(days) if alike else 14.0
    episode = an_episode(number, *[one for one in days if one < paid], paid=paid)
    month = timedelta(days=28)
    past = [MONDAY - month * n + timedelta(days=13 + day) for n in (1, 2, 3)]
    bad = [MONDAY - month * n + timedelta(days=3) for n in (1, 2, 3)]
    case = replace(episode.case, past_successes=tuple(past), past_declines=tuple(bad))
    return replace(episode, case=case)


def test_days_that_pass_as_foretold_are_believed_and_days_alike_are_not() -> None:
    on_payday = [renewed(n, n % 2, alike=False) for n in range(80)]
    any_day = [renewed(n, n % 2, alike=True) for n in range(200)]
    assert learn(Model.fresh(), on_payday).timing > 0.8
    assert learn(Model.fresh(), any_day).timing < UNPROVEN


def test_what_a_case_shows_is_not_proof_of_itself() -> None:
    """Each half is judged by the other: one lesson proves nothing."""
    assert learn(Model.fresh(), [renewed(1, 0, alike=False)]).timing == UNPROVEN


def test_nothing_to_learn_from_leaves_the_prior() -> None:
    untried = Episode(a_case(), closed=False)
    learned = learn(Model.fresh(), [untried])
    assert np.array_equal(learned.causes, Model.fresh().causes)
    assert learned.closed == 0


def test_years_without_a_calendar_are_left_out() -> None:
    old = an_episode(1, 3, paid=6)
    past = tuple(
        replace(each, occurred_at=each.occurred_at.replace(year=1999))
        for each in old.case.declines
    )
    ancient = replace(old, case=replace(old.case, declines=past))
    assert learn(Model.fresh(), [ancient]).answered == 0


def foretold(number: int, *, right: bool, day: int = 0) -> Episode:
    """Paid at the first retry or at the second, with chances stated for or against."""
    days = [3.0, 6.0][: 1 + number % 2]
    episode = an_episode(number, *days[:-1], paid=days[-1])
    chances = [0.05] * (len(days) - 1) + [0.95]
    if not right:
        chances = [1 - chance for chance in chances]
    later = timedelta(days=day)
    case = replace(
        episode.case,
        declines=tuple(
            replace(each, occurred_at=each.occurred_at + later)
            for each in episode.case.declines
        ),
        deadline_at=episode.case.deadline_at + later,
    )
    times = [MONDAY + timedelta(days=each) + later for each in days]
    return Episode(case, times[-1], (), tuple(zip(times, chances, strict=True)))


def test_skill_is_judged_by_the_chances_stated_at_the_time() -> None:
    knew = learn(Model.fresh(), [foretold(n, right=True) for n in range(200)])
    erred = learn(Model.fresh(), [foretold(n, right=False) for n in range(200)])
    silent = learn(Model.fresh(), [an_episode(n, 3, paid=6) for n in range(200)])
    assert knew.skill > 0.8
    assert erred.skill < 0
    assert silent.skill == 0


def test_knowing_that_later_tries_pass_less_often_is_no_skill() -> None:
    """Half pass at the first retry, a tenth at each later one, on any day: chances that
    say just so beat the rate by code, and know nothing of days."""
    dice = random.Random(8)
    episodes = []
    for number in range(300):
        days, chances = [3.0, 6.0, 9.0, 12.0], [0.5, 0.1, 0.1, 0.1]
        paid = [n for n, chance in enumerate(chances) if dice.random() < chance][:1]
        made = days[: paid[0] + 1] if paid else days
        failed = made[: len(made) - len(paid)]
        episode = an_episode(number, *failed, paid=made[-1] if paid else None)
        times = [MONDAY + timedelta(days=day) for day in made]
        told = tuple(zip(times, chances, strict=False))
        episodes.append(replace(episode, believed=told))
    assert learn(Model.fresh(), episodes).skill < 0.02


def test_little_evidence_proves_little() -> None:
    """One stated chance in twenty is wrong: enough to shine, over many answers."""

    def skill_of(cases: int) -> float:
        told = [foretold(n, right=n % 20 > 0) for n in range(cases)]
        return learn(Model.fresh(), told).skill

    assert skill_of(110) < skill_of(700)


def test_skill_is_never_below_minus_one() -> None:
    """Nobody pays: the base rate is all but exact, and other chances are far off."""
    nobody = [
        replace(an_episode(n, 3), believed=((MONDAY + timedelta(days=3), 0.6),))
        for n in range(200)
    ]
    assert learn(Model.fresh(), nobody).skill == -1.0


def test_skill_that_is_over_counts_no_more() -> None:
    good = [foretold(n, right=True, day=n % 50) for n in range(800)]
    bad = [foretold(1000 + n, right=False, day=60 + n % 50) for n in range(400)]
    assert learn(Model.fresh(), good).skill > 0.8
    assert learn(Model.fresh(), good + bad).skill < 0


def test_a_model_comes_back_as_it_was_stored() -> None:
    homes = ["NL", "DE"] * 15
    paid = [
        of_issuer(an_episode(n, 2, paid=9, country=home), f"Bank of {home}")
        for n, home in enumerate(homes)
    ]
    model = learn(Model.fresh(), paid)
    assert model.countries
    assert model.issuers
    text = model.to_json()
    assert Model.from_json(text).to_json() == text
    assert len(text) < 100_000


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "causes": [[1]]}']
)
def test_what_is_not_a_model_is_refused(text: str) -> None:
    with pytest.raises(BadModel):
        Model.from_json(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("closed", math.inf),
        ("closed", 10**400),
        ("skill", math.nan),
        ("skill", math.inf),
        ("skill", 10**400),
        ("timing", math.nan),
        ("causes", 10**400),
        ("countries", {"US": [0.5, 0.5]}),
        ("countries", {"US": None}),
        ("countries", 3),
        ("issuers", {"a bank": [1.0]}),
        ("hours_tried", [1.0] * 6),
    ],
    ids=lambda given: str(given)[:9],
)
def test_numbers_that_no_model_has_are_refused(name: str, value: object) -> None:
    kept = json.loads(Model.fresh().to_json()) | {name: value}
    with pytest.raises(BadModel):
        Model.from_json(json.dumps(kept))


def test_text_nested_without_end_is_no_model() -> None:
    with pytest.raises(BadModel):
        Model.from_json("[" * 100_000)


@pytest.mark.parametrize(
    ("closed", "timing", "skill", "stage", "may_stop"),
    [
        (0, UNPROVEN, 0.0, Stage.PRIOR, False),
        (0, 1.0, 0.0, Stage.FREE, False),
        (900, 0.3, 0.3, Stage.PRIOR, True),  # it knows who pays, and little of when
        (900, 0.8, 0.0, Stage.FREE, False),
        (500, 0.8, 0.08, Stage.FREE, False),
        (499, 0.8, 0.3, Stage.FREE, False),
        (500, 0.8, 0.3, Stage.FREE, True),
    ],
)
def test_the_gates(
    closed: int, timing: float, skill: float, stage: Stage, may_stop: bool
) -> None:
    model = replace(Model.fresh(), closed=closed, timing=timing, skill=skill)
    assert (gate(model).stage, gate(model).may_stop) == (stage, may_stop)


def test_the_gate_opens_by_degrees_with_proof_and_with_cases() -> None:
    def margin(closed: int, timing: float) -> float:
        return gate(replace(Model.fresh(), closed=closed, timing=timing)).margin

    by_timing = [margin(90, timing) for timing in (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)]
    by_cases = [margin(closed, 1.0) for closed in (0, 50, 100, 200)]
    for found in (by_timing, by_cases):
        assert found == sorted(found, reverse=True)
        assert max(a - b for a, b in itertools.pairwise(found)) < 0.06


@pytest.mark.parametrize("timing", [0.0, 0.001])
def test_a_model_that_knows_nothing_of_days_never_leaves_the_even_spread(
    timing: float,
) -> None:
    found = gate(replace(Model.fresh(), closed=900, timing=timing))
    assert (found.stage, found.margin) == (Stage.PRIOR, 1.0)
