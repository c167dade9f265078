"""Which lines of an own strategy break a rule: named by line, with the rule.

The same rules stand around every decision; here they are said before anything is
saved, so that nobody keeps a strategy that cannot do what it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from itertools import pairwise

from app.domain.classify import explain
from app.domain.decline_codes import ROWS, SameCard, Space
from app.domain.declines import Codes, DeclineKind
from app.domain.limits import SPACING, TECHNICAL_SPACING
from app.domain.network_rules import MAX_RETRIES
from app.domain.network_rules_data import PUBLISHED, NetworkRules
from app.domain.strategies.own import Definition, Line, Then
from app.domain.window import WINDOW_DAYS

MOST_LINES = 12
KNOWN_CODES = tuple(row.code for row in ROWS if row.space is Space.STRIPE)
# Kinds of which at least one code may be charged again on the same card.
_RETRYABLE = {row.kind for row in ROWS if row.same_card is not SameCard.NO}
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one line, counted from 1; 0 speaks of the whole."""

    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.sentence}" if self.line else self.sentence


def faults_in(
    definition: Definition, *, rules: NetworkRules = PUBLISHED
) -> tuple[Fault, ...]:
    """All that keeps the definition from being saved, in the order of its lines."""
    lines = definition.lines
    if not lines:
        return (Fault(0, "then", "A strategy needs at least one line."),)
    if len(lines) > MOST_LINES:
        return (Fault(0, "then", f"At most {MOST_LINES} lines fit."),)
    return tuple(
        Fault(number, field, sentence)
        for number, line in enumerate(lines, start=1)
        for field, sentence in _faults(line, rules, _shadow(lines[: number - 1]))
    )


def _shadow(before: tuple[Line, ...]) -> int | None:
    """The number of an earlier line that leaves nothing for this one."""
    return next((n for n, line in enumerate(before, start=1) if line.fits_all), None)


def _faults(
    line: Line, rules: NetworkRules, shadow: int | None
) -> Iterator[tuple[str, str]]:
    if shadow is not None:
        yield "kinds", f"it is never reached, for line {shadow} takes every decline."
    yield from _conditions(line)
    if line.then in (Then.SPREAD, Then.DELAYS):
        yield from _never_again(line)
        counted = list(_counts(line))
        yield from counted or _times(line, rules)


def _conditions(line: Line) -> Iterator[tuple[str, str]]:
    for code in line.codes:
        if code not in KNOWN_CODES:
            near = get_close_matches(code, KNOWN_CODES, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            yield "codes", f"“{code[:40]}” is no decline code of Stripe's.{meant}"
    least, most = line.amount_from, line.amount_to
    if line.currency is None and not (least is None and most is None):
        yield "currency", "say which currency the amounts are in."
    if least is not None and most is not None and least > most:
        yield "amount_to", "the larger amount comes second."


def _never_again(line: Line) -> Iterator[tuple[str, str]]:
    """Declines after which the same card is never charged again."""
    for kind in line.kinds:
        if kind not in _RETRYABLE:
            said = (
                f"{kind.value} declines are never charged again on the same card, by "
                "the networks' and Stripe's own lists. Ask the customer or give up."
            )
            yield "kinds", said
    for code in line.codes:
        told = explain(Codes(decline_code=code))
        if code in KNOWN_CODES and not told.may_retry_same_card:
            said = (
                f"{code} is never charged again on the same card: {told.staff} "
                f"Rule: {told.source}."
            )
            yield "codes", said


def _counts(line: Line) -> Iterator[tuple[str, str]]:
    if line.then is Then.DELAYS and not line.delays:
        yield "delays", "write at least one delay, as in 1, 3, 5."
    elif not 1 <= line.retries <= MAX_RETRIES:
        said = (
            f"{line.retries} retries: between 1 and {MAX_RETRIES} are possible. Rule: "
            "Stripe recommends at most eight (docs.stripe.com/declines/card), and "
            "after about ten declines an invoice can never be paid again."
        )
        yield _field_of(line), said
    if not 1 <= line.window_days <= WINDOW_DAYS:
        yield "window_days", f"the window has between 1 and {WINDOW_DAYS} days."
    if not all(0 <= hour < 24 for hour in line.hours):
        yield "hours", "hours lie between 0:00 and 23:59."


def _field_of(line: Line) -> str:
    return "delays" if line.then is Then.DELAYS else "tries"


def _times(line: Line, rules: NetworkRules) -> Iterator[tuple[str, str]]:
    field, gaps = _field_of(line), _gaps(line)
    if line.then is Then.DELAYS:
        if any(gap <= timedelta(0) for gap in gaps):
            said = "each delay has to be longer than the one before, the first than 0."
            yield field, said
            return
        if line.delays and line.delays[-1] > line.window_days * _DAY:
            last = f"the last delay lies after the window of {line.window_days} days."
            yield field, last
    yield from ((field, said) for said in _too_close(line, gaps))
    yield from ((field, said) for said in _against_waits(line, gaps, rules))
    yield from ((field, said) for said in _against_caps(line, rules))


def _gaps(line: Line) -> list[timedelta]:
    """From each charge to the next one, the declined renewal being the first."""
    if line.then is Then.DELAYS:
        return [b - a for a, b in pairwise((timedelta(0), *line.delays))]
    return [line.window_days * _DAY / max(1, line.tries)] * line.tries


def _too_close(line: Line, gaps: list[timedelta]) -> Iterator[str]:
    technical = line.kinds == (DeclineKind.TECHNICAL,)
    least = [TECHNICAL_SPACING if technical else SPACING]
    least += [SPACING] * len(gaps[1:])
    for gap, wanted in zip(gaps, least, strict=False):
        if gap < wanted:
            yield (
                f"two charges {_hours(gap)} apart: at least "
                f"{wanted / _HOUR:.3g} hours have to lie between them. Rule: tries of "
                "the same day nearly always fail together (CFPB, 2016)."
            )
            return


def _hours(span: timedelta) -> str:
    return "1 hour" if span == _HOUR else f"{span / _HOUR:.3g} hours"


def _against_waits(
    line: Line, gaps: list[timedelta], rules: NetworkRules
) -> Iterator[str]:
    for code in line.codes:
        wait = rules.code_waits.get(code)
        if wait is not None and gaps and min(gaps) < wait:
            yield (
                f"after {code} the next charge has to wait {wait / _HOUR:.3g} hours. "
                "Rule: Stripe's error codes, and our caution."
            )


def _against_caps(line: Line, rules: NetworkRules) -> Iterator[str]:
    times = [timedelta(0)]
    for gap in _gaps(line):
        times.append(times[-1] + gap)
    for cap in rules.caps:
        if cap.card_country is not None:
            continue  # kept at the charge: here the card is not known
        most = max(sum(a <= at < a + cap.window for at in times) for a in times)
        if most > cap.tries:
            yield (
                f"{most} charges in {cap.window / _DAY:.3g} days: {cap.network} allows "
                f"{cap.tries}. Rule: {cap.source}."
            )
