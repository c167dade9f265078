"""What the history of declines is asked."""

from app.domain.declines import DeclineKind, MadeBy
from app.storage.listings.declines import SORTS, DeclineFilter, decline_order
from app.storage.listings.keyset import Order
from app.storage.models import Decline
from app.web.lists import currencies_of, narrowed, sort_of
from app.web.question import Question, words_of

# https://docs.stripe.com/api/charges/object (2026-11): outcome.advice_code, and brand
# and funding of payment_method_details.card.
ADVICE = ("try_again_later", "confirm_card_data", "do_not_try_again")
BRANDS = (
    *("visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay"),
    *("cartes_bancaires", "eftpos_au", "interac", "link", "unknown"),
)
FUNDINGS = ("credit", "debit", "prepaid", "unknown")
SORT_LABELS = {
    "-occurred": "Newest first",
    "occurred": "Oldest first",
    "-amount": "Amount in each currency, largest first",
    "amount": "Amount in each currency, smallest first",
}
FILTER_LABELS = {
    "q": "Search",
    "kind": "Kind",
    "code": "Code",
    "advice": "Advice",
    "brand": "Brand",
    "funding": "Funding",
    "country": "Country",
    "made_by": "Made by",
    "currency": "Currency",
    "amount_from": "Amount from",
    "amount_to": "Amount to",
    "from": "Since",
    "to": "Until",
    "account": "Account",
}


def wanted_declines(asked: Question) -> DeclineFilter:
    """The filter that an address asks for."""
    kind = asked.word("kind", words_of(DeclineKind))
    made_by = asked.word("made_by", words_of(MadeBy))
    since, before = asked.days()
    return DeclineFilter(
        text=asked.text("q"),
        code=asked.code("code"),
        kind=DeclineKind(kind) if kind else None,
        advice=asked.word("advice", ADVICE),
        brand=asked.word("brand", BRANDS),
        funding=asked.word("funding", FUNDINGS),
        country=asked.country("country"),
        made_by=MadeBy(made_by) if made_by else None,
        amounts=asked.amounts(known_currencies),
        since=since,
        before=before,
        accounts=narrowed(asked),
    )


def wanted_order(asked: Question, wanted: DeclineFilter) -> Order:
    """The order that an address asks for; newest first when it asks for none."""
    sort = sort_of(asked, SORTS, usual="-occurred")
    currency = wanted.amounts.currency if wanted.amounts else None
    return decline_order(sort, currency=currency)


def known_currencies() -> list[str]:
    """The currencies of all declines."""
    return currencies_of(Decline.currency)
