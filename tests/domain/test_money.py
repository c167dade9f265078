import pytest

from app.domain.money import CurrencyMismatch, Money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123456, "usd", "1,234.56 USD"),
        (5, "usd", "0.05 USD"),
        (-5, "eur", "-0.05 EUR"),
        (1234, "jpy", "1,234 JPY"),
        (0, "jpy", "0 JPY"),
        (1234, "kwd", "1.234 KWD"),
    ],
)
def test_money_reads_with_the_decimals_of_its_currency(
    amount: int, currency: str, text: str
) -> None:
    assert str(Money(amount, currency)) == text


def test_two_currencies_are_never_added() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "usd") + Money(1, "eur")
