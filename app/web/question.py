"""What an address asks of a list. What makes no sense is dropped, and said so."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from app.domain.amounts import NotAnAmount, typed_amount
from app.storage.listings import keyset, search
from app.storage.listings.listing import Amounts

# Stripe was founded in 2010; no subscription of today ends after these years.
_FIRST, _LAST = date(2000, 1, 1), date(2200, 1, 1)
_QUOTED = 40


class Question:
    """Reads one address, once. `kept` holds what was understood, ready for a link;
    `remarks` says in sentences what was not."""

    def __init__(self, args: "MultiDict[str, str]", *, zone: ZoneInfo) -> None:
        self._args = args
        self._zone = zone
        self.kept: dict[str, str] = {}
        self.remarks: list[str] = []

    def text(self, name: str) -> str | None:
        """A piece of text to search for."""
        wanted = search.tidy(self._args.get(name, ""))
        if not wanted:
            return None
        if len(self._args[name].strip()) > search.LONGEST:
            self.remarks.append(
                f"Only the first {search.LONGEST} characters are searched for."
            )
        return self._keep(name, wanted)

    def word(self, name: str, known: Collection[str]) -> str | None:
        """One of the words that this filter knows."""
        wanted = self._args.get(name, "").strip()
        if not wanted:
            return None
        if wanted not in known:
            self.remarks.append(
                f"“{_short(wanted)}” is no {_spoken(name)} we know; it was left out."
            )
            return None
        return self._keep(name, wanted)

    def words(self, name: str, known: Sequence[str]) -> tuple[str, ...] | None:
        """Several of the words that this choice knows, in the order of `known`."""
        given = self._args.get(name, "").strip()
        if not given:
            return None
        chosen = tuple(word for word in known if word in given.split(","))
        if not chosen:
            self.remarks.append(
                f"“{_short(given)}” names no {_spoken(name)} we know; it was left out."
            )
            return None
        self._keep(name, ",".join(chosen))
        return chosen

    def country(self, name: str) -> str | None:
        """A country's two letters."""
        wanted = self._args.get(name, "").strip()
        if not wanted:
            return None
        if len(wanted) != 2 or not (wanted.isascii() and wanted.isalpha()):
            self.remarks.append(
                f"“{_short(wanted)}” is no country; it was left out. "
                "Countries are written like DE."
            )
            return None
        return self._keep(name, wanted.upper())

    def amounts(self, known: Callable[[], Collection[str]]) -> Amounts | None:
        """From `amount_from` to `amount_to` in `currency`; it may be left out where
        there is only one. Reversed amounts are swapped. `known` is asked only when
        the address speaks of amounts."""
        names = ("currency", "amount_from", "amount_to")
        chosen, *given = (self._args.get(name, "").strip() for name in names)
        if not (chosen or any(given)):
            return None
        currencies = known()
        currency = self.word("currency", currencies)
        if currency is None and any(given):
            if len(currencies) != 1:
                self.remarks.append(
                    "Amounts are compared within one currency: choose which. "
                    "The amounts were left out."
                )
                return None
            (currency,) = currencies
            self._keep("currency", currency)
        if currency is None:
            return None
        least, most = (self._amount(text, currency) for text in given)
        if least is not None and most is not None and least > most:
            least, most = most, least
            given.reverse()
            self.remarks.append("The amounts were the wrong way round: swapped.")
        if least is not None:
            self._keep("amount_from", given[0])
        if most is not None:
            self._keep("amount_to", given[1])
        return Amounts(currency, least, most)

    def _amount(self, text: str, currency: str) -> int | None:
        if not text:
            return None
        try:
            return typed_amount(text, currency)
        except NotAnAmount as fault:
            self.remarks.append(f"“{_short(text)}” {fault}; it was left out.")
            return None

    def code(self, name: str) -> str | None:
        """A code as Stripe may spell one, known to us or not."""
        wanted = self._args.get(name, "").strip()
        if not wanted:
            return None
        if len(wanted) > 64 or not wanted.isprintable():
            self.remarks.append(f"“{_short(wanted)}” is no {name}; it was left out.")
            return None
        return self._keep(name, wanted)

    def days(self) -> tuple[datetime | None, datetime | None]:
        """From the beginning of the day `from` to the end of the day `to`, in the
        viewer's zone. Reversed days are swapped."""
        first, last = self._day("from"), self._day("to")
        if first and last and first > last:
            first, last = last, first
            self.remarks.append("“From” lay after “to”: the two days were swapped.")
        if first:
            self._keep("from", first.isoformat())
        if last:
            self._keep("to", last.isoformat())
        return (
            self._midnight(first) if first else None,
            self._midnight(last + timedelta(days=1)) if last else None,
        )

    def cursor(self, order: keyset.Order) -> keyset.Cursor | None:
        """Where the page begins. Not kept: a link to a page brings its own."""
        word = self._args.get("page", "")
        if not word:
            return None
        try:
            return keyset.read(word, order=order)
        except keyset.BadCursor:
            self.remarks.append(
                "The address of this page is damaged, so this is the first page."
            )
            return None

    def _day(self, name: str) -> date | None:
        wanted = self._args.get(name, "").strip()
        if not wanted:
            return None
        try:
            day = date.fromisoformat(wanted)
        except ValueError:
            day = _LAST
        if _FIRST <= day < _LAST:
            return day
        self.remarks.append(
            f"“{_short(wanted)}” is no day of ours for “{name}”; it was left out. "
            "Days are written like 2026-11-23."
        )
        return None

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=self._zone).astimezone(UTC)

    def _keep(self, name: str, value: str) -> str:
        self.kept[name] = value
        return value


def words_of(words: type[StrEnum]) -> frozenset[str]:
    """All words of an enumeration, as an address spells them."""
    return frozenset(word.value for word in words)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _short(text: str) -> str:
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
