"""The bank behind a card: its answer depends on who asks, for how much, and when."""

from dataclasses import dataclass

from app.sandbox.answers import Answer, Approved, read_answer, refused
from app.sandbox.cards import answer_of_behaviour
from app.sandbox.causes import answer_of_cause
from app.sandbox.clock import moment_of
from app.sandbox.errors import Obj
from app.sandbox.tables import Book
from app.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Try:
    """One try at one card."""

    method: Obj
    customer: str
    amount: int
    off_session: bool


def ask(world: World, book: Book, tried: Try) -> Answer:
    """Return the answer: a script first, then the card's nature, then its troubles."""
    for source in (_scripted, _by_nature, _expired, _troubled):
        answer = source(world, book, tried)
        if answer is not None:
            return answer
    return Approved()


def _scripted(world: World, _book: Book, tried: Try) -> Answer | None:
    for name in (tried.method["id"], tried.customer):
        script = world.scripts.get(name)
        if script is None:
            continue
        brand = tried.method["card"]["brand"]
        if script["answers"]:
            return read_answer(script["answers"].pop(0), brand=brand)
        if script["default"] is not None:
            return read_answer(script["default"], brand=brand)
    return None


def _by_nature(_world: World, book: Book, tried: Try) -> Answer | None:
    behaviour = book.notes(tried.method["id"]).get("behaviour", "approve")
    if behaviour == "approve":
        return None
    brand = tried.method["card"]["brand"]
    return answer_of_behaviour(behaviour, brand=brand, off_session=tried.off_session)


def _expired(world: World, _book: Book, tried: Try) -> Answer | None:
    card, today = tried.method["card"], moment_of(world.now)
    if (card["exp_year"], card["exp_month"]) >= (today.year, today.month):
        return None
    return refused("expired_card", brand=card["brand"])


def _troubled(world: World, _book: Book, tried: Try) -> Answer | None:
    brand = tried.method["card"]["brand"]
    for cause in world.causes.get(tried.method["id"], []):
        answer = answer_of_cause(
            cause, now=world.now, brand=brand, off_session=tried.off_session
        )
        if answer is not None:
            return answer
    return None
