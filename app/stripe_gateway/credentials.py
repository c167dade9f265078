"""With what, and for whom, Stripe is called."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key, and the connected account to act for when the key is a platform's."""

    api_key: str = field(repr=False)
    stripe_account: str | None = None

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money: Stripe writes the mode into it."""
        return "_live_" in self.api_key
