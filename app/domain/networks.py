"""The names of card networks, as the tables here spell them."""

from dataclasses import replace

from app.domain.cases import Card
from app.domain.declines import Codes

_ALIASES = {
    "american express": "amex",
    "american_express": "amex",
    "maestro": "mastercard",
    "master card": "mastercard",
    "mc": "mastercard",
    "visa electron": "visa",
}


def network_name(spelled: str | None) -> str | None:
    """The network's name in lower case; None when there is none to speak of."""
    name = (spelled or "").strip().lower()
    return None if name in {"", "unknown"} else _ALIASES.get(name, name)


def network_of(card: Card) -> str | None:
    """The network that carries the card's charges; the brand where none is named."""
    return network_name(card.network) or network_name(card.brand)


def with_network(codes: Codes, card: Card) -> Codes:
    """`codes` read as those of the card's network where they name none."""
    if codes.network or not network_of(card):
        return codes
    return replace(codes, network=network_of(card))
