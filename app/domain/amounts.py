"""Amounts as people type them: in whole units of a currency, with its decimals."""

import re

from app.domain.money import Money

# Above what any card pays at once, in any currency; far below what a database keeps.
MOST = 10**14
_DIGITS = 16
_PLAIN = re.compile(r"(\d+)(?:[.,](\d+))?", re.ASCII)
# 1,234 or 1,234.50; and the same the other way round: 1.234,50
_GROUPED = (
    re.compile(r"(\d{1,3}(?:,\d{3})+)(?:\.(\d+))?", re.ASCII),
    re.compile(r"(\d{1,3}(?:\.\d{3})+)(?:,(\d+))?", re.ASCII),
)
_SPACES = str.maketrans("", "", " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'")


class NotAnAmount(ValueError):
    """The text is no amount of that currency; it says so in a sentence."""


def typed_amount(text: str, currency: str) -> int:
    """What `text` means in the smallest unit of `currency`. Raises NotAnAmount.

    Of "1,234" the comma parts thousands, unless the currency has three decimals.
    """
    name, decimals = currency.upper(), Money(0, currency).decimals
    found = _read(text.translate(_SPACES), decimals)
    if found is None:
        raise NotAnAmount(f"is no amount of {name}: write it like {_example(decimals)}")
    whole, part = found
    if len(part) > decimals:
        raise NotAnAmount(f"has more decimals than {name}, which has {decimals}")
    if len(whole) > _DIGITS or int(whole + part.ljust(decimals, "0")) > MOST:
        raise NotAnAmount(f"is more than any payment in {name}")
    return int(whole + part.ljust(decimals, "0"))


def as_typed(amount: int, currency: str) -> str:
    """The amount as one would type it: `1234.50`."""
    return str(Money(amount, currency)).rpartition(" ")[0].replace(",", "")


def _read(text: str, decimals: int) -> tuple[str, str] | None:
    plain = _PLAIN.fullmatch(text)
    if plain and (decimals == 3 or len(plain[2] or "") != 3):
        return plain[1], plain[2] or ""
    for form in _GROUPED:
        if found := form.fullmatch(text):
            return re.sub(r"\D", "", found[1]), found[2] or ""
    return (plain[1], plain[2] or "") if plain else None


def _example(decimals: int) -> str:
    return f"1234.{'50'.ljust(decimals, '0')}" if decimals else "1234"
