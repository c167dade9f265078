"""What hours and days do on top of the causes: one regression over all tries.

log-odds(approval) = log-odds(belief) + effects . features. Ridge towards zero, so that
a merchant with few tries keeps the belief as it is.
"""

import numpy as np

from app.domain.strategies.adaptive.paydays import DAY_ZERO, Floats, month_days

# Parts of the day end at these hours; the even spread's own hours lie one in each of
# three parts, so that its own answers tell which of them passes best.
HOUR_EDGES = np.array([4.0, 8.0, 10.5, 12.5, 16.0, 20.0])
HOURS = len(HOUR_EDGES) + 1
HOUR_AT, WEEKDAY_AT, MONTH_AT = 1, 1 + HOURS, 1 + HOURS + 7
DAYS_OF_MONTH = 10  # of three days each, the last with the 31st
DEPARTED_AT = MONTH_AT + DAYS_OF_MONTH
COUNT_AT = DEPARTED_AT + 1
COUNT_EDGES = np.array([2, 4, 6])  # retries made before this one: 0-1, 2-3, 4-5, more
GAP_AT = COUNT_AT + len(COUNT_EDGES) + 1
GAP_EDGES = np.array([1.5, 2.6, 3.8, 5.5])  # days since the try before
FEATURES = GAP_AT + len(GAP_EDGES) + 1
# Standard deviations of the effects before anything was seen.
SPREAD = np.array([0.3] + [0.35] * HOURS + [0.2] * 7 + [0.25] * DAYS_OF_MONTH + [0.15])
SPREAD = np.concatenate([SPREAD, np.full(FEATURES - COUNT_AT, 0.3)])
# Their means then. Whether an issuer minds close tries cannot be told from the even
# spread, which keeps some three days between its own: so those a day or two apart are
# taken to pass less until answers say otherwise (our choice).
EXPECTED = np.zeros(FEATURES)
EXPECTED[GAP_AT : GAP_AT + 2] = -0.4, -0.25
# Effects of one kind, whose spread is learned: it is nothing for most merchants, and
# where only weekends pass it is large.
ALIKE = tuple(
    slice(start, end)
    for start, end in (
        (HOUR_AT, WEEKDAY_AT),
        (WEEKDAY_AT, MONTH_AT),
        (MONTH_AT, DEPARTED_AT),
        (COUNT_AT, GAP_AT),
        (GAP_AT, FEATURES),
    )
)
SPREAD_STRENGTH = 4.0  # effects that the shipped spread counts for
SPREAD_ROUNDS = 4


def features(local: Floats, departed: Floats | float) -> Floats:
    """One row for each local time (days): ones at its hour, weekday, day of month.

    `departed` is 1 for tries that left the even spread.
    """
    rows = np.zeros((len(local), FEATURES))
    index = np.arange(len(local))
    day = np.floor(local)
    hours = np.searchsorted(HOUR_EDGES, (local - day) * 24, "right")
    rows[:, 0] = 1
    rows[index, HOUR_AT + hours] = 1
    rows[index, WEEKDAY_AT + (day.astype(int) + DAY_ZERO.weekday()) % 7] = 1
    of_month = month_days()[day.astype(int)] - 1
    rows[index, MONTH_AT + np.minimum(of_month // 3, DAYS_OF_MONTH - 1)] = 1
    rows[:, DEPARTED_AT] = departed
    return rows


def note_sequence(rows: Floats, at: Floats, last: Floats | float, made: int) -> Floats:
    """The rows of one case's tries in order, with how many and how long since."""
    index = np.arange(len(at))
    before = np.concatenate([[last], at[:-1]])
    rows[index, COUNT_AT + np.searchsorted(COUNT_EDGES, made + index, "right")] = 1
    rows[index, GAP_AT + np.searchsorted(GAP_EDGES, at - before, "right")] = 1
    return rows


def sequence_log_odds(effects: Floats, at: Floats, last: float, made: int) -> Floats:
    """What count and spacing do to the tries of plans (rows), each in order of time."""
    gaps = np.diff(at, axis=1, prepend=last)
    counts = made + np.arange(at.shape[1])
    by_count = effects[COUNT_AT + np.searchsorted(COUNT_EDGES, counts, "right")]
    by_gap = effects[GAP_AT + np.searchsorted(GAP_EDGES, gaps, "right")]
    return np.asarray(by_count + by_gap)


def fitted(x: Floats, y: Floats, believed: Floats) -> Floats:
    """The most probable effects, with the prior's spread as ridge; the spread of each
    kind is drawn to what its effects show (empirical Bayes)."""
    offset = np.log(believed) - np.log1p(-believed)
    effects, variance = EXPECTED, SPREAD**2
    for _ in range(SPREAD_ROUNDS):
        effects, errors = _mode(x, y, offset, variance, effects)
        variance = SPREAD**2
        for kind in ALIKE:
            shown = (effects - EXPECTED)[kind] ** 2 + errors[kind]
            shipped = SPREAD_STRENGTH * variance[kind].mean()
            variance[kind] = (shipped + shown.sum()) / (SPREAD_STRENGTH + len(shown))
    return effects


def _mode(
    x: Floats, y: Floats, offset: Floats, variance: Floats, effects: Floats
) -> tuple[Floats, Floats]:
    """Newton's method from `effects`; the mode and its errors, squared."""
    precision = np.diag(1 / variance)
    for _ in range(12):
        chance = 1 / (1 + np.exp(-(offset + x @ effects)))
        slope = x.T @ (y - chance) - precision @ (effects - EXPECTED)
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + precision
        step = np.linalg.solve(curve, slope)
        effects = effects + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-6:
            break
    return effects, np.diag(np.linalg.inv(curve))


def corrected(chances: Floats, log_odds: Floats) -> Floats:
    """Chances by hypothesis (rows) with each column's odds multiplied."""
    odds = as_odds(log_odds)
    return np.asarray(chances * odds / (1 - chances + chances * odds))


def as_odds(log_odds: Floats) -> Floats:
    """What the odds are multiplied by, within bounds."""
    return np.asarray(np.exp(np.clip(log_odds, -2.5, 1.5)))
