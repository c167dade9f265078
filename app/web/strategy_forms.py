"""The form of an own strategy: what stands in its fields, and what that means."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from app.domain.declines import DeclineKind
from app.domain.money import Money
from app.domain.strategies.own import After, Definition, Line, Then
from app.domain.strategies.own_rules import MOST_LINES, Fault
from app.domain.strategies.own_words import clock, span

FUNDINGS = ("credit", "debit", "prepaid")
_LONGEST = 300
_AMOUNT = re.compile(r"(\d{1,10})(?:[.,](\d{1,3}))?")
_DELAY = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)\s*(h|hours?|d|days?)?")
_HOUR = re.compile(r"(\d{1,2})(?::(\d\d))?")


@dataclass(frozen=True, slots=True)
class LineText:
    """The fields of one line, as they were typed."""

    kinds: tuple[str, ...] = ()
    codes: str = ""
    funding: str = ""
    plan: str = ""
    currency: str = ""
    amount_from: str = ""
    amount_to: str = ""
    then: str = Then.SPREAD.value
    tries: str = "8"
    delays: str = ""
    hours: str = ""
    window_days: str = "28"
    after: str = After.GIVE_UP.value


def texts_of(form: "MultiDict[str, str]") -> list[LineText]:
    """The lines of a sent form; one that is empty when it has none."""
    given = form.get("lines", "")
    count = int(given) if given.isdecimal() and len(given) < 4 else 1
    return [_text(form, n) for n in range(1, min(max(count, 1), MOST_LINES) + 1)]


def rearranged(texts: list[LineText], wish: str) -> list[LineText] | None:
    """The lines after `add`, `remove-2` or `up-2`; None when the wish is another."""
    verb, _, number = wish.partition("-")
    if wish == "add":
        return [*texts, LineText()][:MOST_LINES]
    if not (number.isdecimal() and len(number) < 4 and 1 <= int(number) <= len(texts)):
        return None
    at = int(number) - 1
    if verb == "remove":
        return texts[:at] + texts[at + 1 :] or [LineText()]
    if verb == "up" and at > 0:
        swapped = texts[at], texts[at - 1]
        return [*texts[: at - 1], *swapped, *texts[at + 1 :]]
    return None


def focused_line(wish: str, *, of: int) -> int:
    """Where the keyboard goes on after such a wish, in a form with so many lines."""
    verb, _, number = wish.partition("-")
    if verb == "add":
        return of
    return max(1, int(number) - 1) if verb == "up" else min(int(number), of)


def written(definition: Definition) -> list[LineText]:
    """The fields that would give this definition."""
    return [_written(line) for line in definition.lines]


def read(texts: list[LineText]) -> tuple[Definition, tuple[Fault, ...]]:
    """What the fields mean, and which of them could not be read."""
    readers = [_Reader(number, text) for number, text in enumerate(texts, start=1)]
    lines = tuple(reader.line() for reader in readers)
    faults = tuple(fault for reader in readers for fault in reader.faults)
    return Definition(lines), faults


class _Reader:
    """Reads the fields of one line; what makes no sense becomes a fault."""

    def __init__(self, number: int, text: LineText) -> None:
        self.number, self.text = number, text
        self.faults: list[Fault] = []

    def line(self) -> Line:
        text = self.text
        currency = self._currency()
        return Line(
            kinds=tuple(self._word("kinds", DeclineKind, kind) for kind in text.kinds),
            codes=tuple(dict.fromkeys(_parts(text.codes.lower()))),
            funding=self._funding(),
            plan=text.plan or None,
            currency=currency,
            amount_from=self._amount("amount_from", text.amount_from, currency),
            amount_to=self._amount("amount_to", text.amount_to, currency),
            then=self._word("then", Then, text.then or Then.SPREAD),
            tries=self._number("tries", text.tries, 8),
            delays=self._each("delays", text.delays, _delay, "1, 3, 5, 7 or 36h"),
            hours=self._each("hours", text.hours, _clock, "9, 13:30"),
            window_days=self._number("window_days", text.window_days, 28),
            after=self._word("after", After, text.after or After.GIVE_UP),
        )

    def _fault(self, field: str, sentence: str) -> None:
        self.faults.append(Fault(self.number, field, sentence))

    def _word(self, field: str, words: Any, given: str) -> Any:
        try:
            return words(given)
        except ValueError:
            self._fault(field, "choose one of those that are offered.")
            return next(iter(words))

    def _funding(self) -> str | None:
        if self.text.funding and self.text.funding not in FUNDINGS:
            self._fault("funding", "choose one of those that are offered.")
        return self.text.funding or None

    def _currency(self) -> str | None:
        given = self.text.currency.lower()
        if given and not re.fullmatch(r"[a-z]{3}", given):
            self._fault("currency", "write a currency with three letters, as in EUR.")
            return None
        return given or None

    def _number(self, field: str, given: str, default: int) -> int:
        if not given:
            return default
        if re.fullmatch(r"[0-9]{1,3}", given):
            return int(given)
        self._fault(field, "write a whole number.")
        return default

    def _amount(self, field: str, given: str, currency: str | None) -> int | None:
        if not given:
            return None
        found = _AMOUNT.fullmatch(given)
        decimals, given_in = Money(0, currency or "").decimals, (currency or "").upper()
        if found is None or len(found[2] or "") > decimals:
            like = "19.90" if decimals else f"1990: {given_in} has no smaller unit"
            self._fault(field, f"“{given[:20]}” is no amount; write it like {like}.")
            return None
        return int(found[1] + (found[2] or "").ljust(decimals, "0"))

    def _each(
        self, field: str, given: str, reader: Callable[[str], Any], like: str
    ) -> tuple[Any, ...]:
        parts = _parts(given)
        values = [reader(part) for part in parts]
        if None in values:
            wrong = parts[values.index(None)]
            self._fault(field, f"“{wrong[:20]}” was not understood; write {like}.")
            return ()
        return tuple(values)


def _parts(given: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\s]+", given) if part.strip()]


def _delay(part: str) -> timedelta | None:
    found = _DELAY.fullmatch(part)
    if found is None:
        return None
    unit = 60 if (found[2] or "d").startswith("h") else 24 * 60
    return timedelta(minutes=round(float(found[1]) * unit))


def _clock(part: str) -> float | None:
    found = _HOUR.fullmatch(part)
    if found is None or int(found[2] or 0) > 59:
        return None
    return int(found[1]) + int(found[2] or 0) / 60


def _text(form: "MultiDict[str, str]", number: int) -> LineText:
    def field(name: str) -> str:
        return " ".join(form.get(f"{number}-{name}", "").split())[:_LONGEST]

    return LineText(
        kinds=tuple(dict.fromkeys(form.getlist(f"{number}-kinds")))[: len(DeclineKind)],
        codes=field("codes"),
        funding=field("funding"),
        plan=field("plan"),
        currency=field("currency"),
        amount_from=field("amount_from"),
        amount_to=field("amount_to"),
        then=field("then"),
        tries=field("tries"),
        delays=field("delays"),
        hours=field("hours"),
        window_days=field("window_days"),
        after=field("after"),
    )


def _written(line: Line) -> LineText:
    def amount(value: int | None) -> str:
        if value is None or line.currency is None:
            return ""
        return str(Money(value, line.currency)).partition(" ")[0].replace(",", "")

    text = LineText(
        kinds=tuple(kind.value for kind in line.kinds),
        codes=", ".join(line.codes),
        funding=line.funding or "",
        plan=line.plan or "",
        currency=(line.currency or "").upper(),
        amount_from=amount(line.amount_from),
        amount_to=amount(line.amount_to),
        then=line.then.value,
        tries=str(line.tries),
    )
    return replace(
        text,
        delays=", ".join(span(delay) for delay in line.delays),
        hours=", ".join(clock(hour) for hour in line.hours),
        window_days=str(line.window_days),
        after=line.after.value,
    )
