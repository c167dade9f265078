"""Money is counted, not measured: an integer in the smallest unit, and a currency."""

from dataclasses import dataclass

# https://docs.stripe.com/currencies#zero-decimal: amounts in these are whole units.
# UGX and ISK have no decimals in ISO 4217, but Stripe wants them as if they had two,
# so they are absent here.
ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"}
    | {"pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
# https://docs.stripe.com/currencies#three-decimal
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


class CurrencyMismatch(ValueError):
    """Two currencies were about to be added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` in the smallest unit of `currency` (Stripe's lower-case code)."""

    amount: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return Money(self.amount + other.amount, self.currency)

    @property
    def decimals(self) -> int:
        """How many digits stand behind the decimal point."""
        if self.currency in ZERO_DECIMAL:
            return 0
        return 3 if self.currency in THREE_DECIMAL else 2

    def __str__(self) -> str:
        decimals = self.decimals
        sign = "-" if self.amount < 0 else ""
        whole, part = divmod(abs(self.amount), 10**decimals)
        fraction = f".{part:0{decimals}d}" if decimals else ""
        return f"{sign}{whole:,}{fraction} {self.currency.upper()}"
