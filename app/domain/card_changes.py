"""How the card that the next charge takes may change."""

from enum import StrEnum


class CardChangeKind(StrEnum):
    """What became of the card between two looks at Stripe."""

    ADDED = "card_added"  # there was none to charge
    REPLACED = "card_replaced"  # another payment method is charged now
    RENEWED = "card_renewed"  # the same one, holding a new number or expiry
    REMOVED = "card_removed"  # none is left


def change_between(
    was: str | None, now: str | None, *, is_renewed: bool
) -> CardChangeKind | None:
    """What happened between two payment methods' ids; None: nothing.

    `is_renewed`: the card under an unchanged id is another one than was refused.
    """
    if was == now:
        return CardChangeKind.RENEWED if is_renewed and now else None
    if was is None:
        return CardChangeKind.ADDED
    return CardChangeKind.REPLACED if now else CardChangeKind.REMOVED
