from app.domain.calibration import calibration


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
