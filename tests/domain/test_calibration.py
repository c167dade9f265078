from app.domain.calibration import Fit, calibration, score


def test_stated_chances_stand_beside_what_happened() -> None:
    told = [(0.03125, False)] * 15 + [(0.03125, True)] + [(0.3, True), (0.3, False)]
    low, high = calibration(told)
    assert (low.tries, low.believed, low.happened) == (16, 0.03125, 0.0625)
    assert (high.low, high.high, high.happened) == (0.2, 0.4, 0.5)


def test_every_chance_from_zero_to_one_has_a_bin() -> None:
    chances = [0.0, 0.05, 0.1, 0.2, 0.4, 0.999, 1.0]
    assert sum(each.tries for each in calibration((c, True) for c in chances)) == 7


def test_nothing_tried_gives_no_bins() -> None:
    assert calibration([]) == []


def test_a_bin_says_whether_its_chance_is_possible() -> None:
    (honest,) = calibration([(0.3, n < 30) for n in range(100)])
    least, most = honest.likely
    assert 0.2 < least < 0.3 < most < 0.4
    assert honest.fit is Fit.FITS
    (boastful,) = calibration([(0.3, n < 10) for n in range(100)])
    assert boastful.fit is Fit.TOO_HIGH
    (modest,) = calibration([(0.3, n < 60) for n in range(100)])
    assert modest.fit is Fit.TOO_LOW


def test_chances_that_know_something_score_better_than_the_average() -> None:
    knowing = score([(0.9, True), (0.1, False)] * 20)
    ignorant = score([(0.9, False), (0.1, True)] * 20)
    assert knowing is not None
    assert ignorant is not None
    assert knowing.brier < knowing.plain == ignorant.plain < ignorant.brier
    assert score([]) is None
