"""Which bank issued a card, where Stripe names it: kept, and told to the strategy."""

from app.domain.case_json import from_json
from app.domain.cases import Card
from app.services import cards, learning
from app.services.decisions import again
from app.storage import decision_reads
from app.storage.models import Decline
from app.storage.transaction import reading, transaction
from tests.merchants import Merchant

BRITISH = ("Test Bank of Britain", "400082")
GERMAN = ("Test Bank of Germany", "400027")
NOBODY = (None, None)


def _named_by(row: Card | Decline) -> tuple[str | None, str | None]:
    return row.issuer, row.iin


def _decided_on(merchant: Merchant, invoice: str) -> list[Card]:
    """The card in the case of each decision, the newest first; each decision comes out
    the same when it is computed again."""
    with reading() as session:
        rows = decision_reads.newest(
            session, recovery_id=merchant.recovery(invoice).id, limit=99
        )
        assert rows
        assert all(again(session, row).is_same for row in rows)
        return [from_json(row.facts).case.card for row in rows]


def test_the_issuer_that_stripe_names_reaches_the_strategy(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="do_not_honor", card="pm_card_gb")
    merchant.run_to_next_retry(invoice)

    declines = merchant.declines(invoice)
    assert [_named_by(each) for each in declines] == [BRITISH, BRITISH]
    assert {_named_by(each) for each in _decided_on(merchant, invoice)} == {BRITISH}
    (episode,) = learning.episodes_of(merchant.account_id, now=merchant.now)
    assert _named_by(episode.case.card) == BRITISH


def test_where_stripe_names_no_issuer_there_is_none(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="do_not_honor", card="pm_card_visa")

    assert [_named_by(each) for each in merchant.declines(invoice)] == [NOBODY]
    assert {_named_by(each) for each in _decided_on(merchant, invoice)} == {NOBODY}
    (episode,) = learning.episodes_of(merchant.account_id, now=merchant.now)
    assert _named_by(episode.case.card) == NOBODY


def test_a_new_card_comes_with_its_own_issuer(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="do_not_honor", card="pm_card_gb")
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_de")
    cards.follow_change(merchant.account_id, customer, now=merchant.now)

    newest, *_, first = _decided_on(merchant, invoice)
    assert (_named_by(first), _named_by(newest)) == (BRITISH, GERMAN)


def test_a_decline_kept_without_its_issuer_learns_it_at_the_next_look(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="do_not_honor", card="pm_card_gb")
    with transaction() as session:
        row = session.get_one(Decline, merchant.declines(invoice)[0].id)
        row.issuer = row.iin = None

    merchant.sandbox.advance(hours=1)
    merchant.look(invoice)

    assert [_named_by(each) for each in merchant.declines(invoice)] == [BRITISH]
