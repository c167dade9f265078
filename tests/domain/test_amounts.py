"""Amounts are read as people write them, by the currency's own decimals."""

import pytest

from app.domain.amounts import NotAnAmount, as_typed, typed_amount


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("19", "eur", 1900),
        ("19.5", "eur", 1950),
        ("19,50", "eur", 1950),
        ("0", "usd", 0),
        (" 1 234,50 ", "eur", 123450),
        ("1'234.50", "chf", 123450),
        # Thousands are told from decimals by what the currency has.
        ("1,234", "usd", 123400),
        ("1.234", "eur", 123400),
        ("1,234.56", "usd", 123456),
        ("1.234,56", "eur", 123456),
        ("1,234,567", "usd", 123456700),
        ("1,234", "kwd", 1234),
        ("1,234.500", "kwd", 1234500),
        ("500", "jpy", 500),
        ("1,234", "jpy", 1234),
    ],
)
def test_an_amount_is_read_as_it_is_typed(
    text: str, currency: str, amount: int
) -> None:
    assert typed_amount(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "sentence"),
    [
        ("", "eur", "is no amount of EUR"),
        ("-5", "eur", "is no amount of EUR"),
        ("1e9", "eur", "is no amount"),
        ("nan", "eur", "is no amount"),
        ("١٢", "eur", "is no amount"),
        ("12.345", "jpy", None),  # thousands
        ("12.50", "jpy", "has more decimals than JPY, which has 0"),
        ("1.2345", "eur", "has more decimals"),
        ("9" * 5000, "eur", "is more than any payment"),
        ("9" * 15, "jpy", "is more than any payment"),
    ],
)
def test_what_is_no_amount_is_refused_with_a_sentence(
    text: str, currency: str, sentence: str | None
) -> None:
    if sentence is None:
        assert typed_amount(text, currency) == 12345
        return
    with pytest.raises(NotAnAmount, match=sentence):
        typed_amount(text, currency)


@pytest.mark.parametrize("text", ["0.05", "19.50", "1234.00"])
def test_an_amount_is_typed_again_as_it_was(text: str) -> None:
    assert as_typed(typed_amount(text, "eur"), "eur") == text
