"""The card that the next charge takes, beside those that were refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.domain.declines import DeclineKind
from app.domain.snapshots import PaymentMethodSnapshot


class RefusedCard(Protocol):
    """The card of one decline."""

    @property
    def stripe_payment_method_id(self) -> str | None: ...
    @property
    def fingerprint(self) -> str | None: ...
    @property
    def card_expiry(self) -> str | None: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def kind(self) -> DeclineKind: ...
    @property
    def network_advice_code(self) -> str | None: ...


def was_replaced(
    refused: Sequence[RefusedCard],
    chosen: str | None,
    card: PaymentMethodSnapshot | None,
    *,
    noticed_at: datetime | None,
) -> bool:
    """Whether the next charge would take another card than was refused last.

    Another payment method was chosen, or the same one now holds a new card: the
    networks' updaters replace number and expiry under the same id. A card that was
    ruled out, or for which a network advised when to try again, is no other card when
    it is put on file once more. `refused`: oldest first; `card`: the chosen one, where
    it was read; `noticed_at`: the last change.
    """
    if not refused or chosen is None:
        return False
    *others, last = refused
    if noticed_at and noticed_at > last.occurred_at:
        return False  # noticed already, and not charged since
    if any(_is_same(other, chosen, card) for other in others):
        return False  # another card was tried by hand; this one is an old acquaintance
    if card is not None and any(_is_once_more(one, card) for one in refused):
        return False
    if last.stripe_payment_method_id not in (None, chosen):
        return True
    if card is None or card.id != last.stripe_payment_method_id:
        return False
    return not _holds_the_same(last, card)


def first_refused_at(
    refused: Sequence[RefusedCard], chosen: str | None
) -> datetime | None:
    """When the chosen card was first refused, if only other cards were before: the
    customer, or the staff, tried it by hand. None where no other was refused."""
    methods = [one.stripe_payment_method_id for one in refused]
    if chosen is None or None in methods or chosen not in methods[1:]:
        return None
    first = methods.index(chosen)
    if first == 0 or set(methods[first:]) != {chosen}:
        return None
    tried = refused[first]
    if any(_is_one_card(other, tried) for other in refused[:first]):
        return None
    return tried.occurred_at


def _is_one_card(before: RefusedCard, tried: RefusedCard) -> bool:
    """Whether a bound card was refused again that was put on file once more."""
    same = (before.fingerprint, before.card_expiry) == (
        tried.fingerprint,
        tried.card_expiry,
    )
    return same and _binds_the_card(before)


def _is_once_more(refused: RefusedCard, card: PaymentMethodSnapshot) -> bool:
    """Whether the chosen card is a bound one under another id."""
    if refused.stripe_payment_method_id in (None, card.id):
        return False
    return _holds_the_same(refused, card) and _binds_the_card(refused)


def _binds_the_card(refused: RefusedCard) -> bool:
    """Whether what was said stands when the same card is entered again. Wrong data and
    3D Secure it may mend, and of a lack of money the customer knows more than we."""
    is_known = refused.fingerprint is not None
    is_hard = refused.kind is DeclineKind.HARD
    is_advised = refused.network_advice_code is not None
    asks_for_it = refused.kind is DeclineKind.NEEDS_CUSTOMER
    return is_known and (is_hard or (is_advised and not asks_for_it))


def _is_same(
    refused: RefusedCard, chosen: str, card: PaymentMethodSnapshot | None
) -> bool:
    """Whether it was the card chosen now that was refused then."""
    if refused.stripe_payment_method_id != chosen:
        return False
    return card is None or _holds_the_same(refused, card)


def _holds_the_same(refused: RefusedCard, card: PaymentMethodSnapshot) -> bool:
    return (card.card.fingerprint, card.card_expiry) == (
        refused.fingerprint,
        refused.card_expiry,
    )
