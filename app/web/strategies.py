"""The Decline Recycling Strategies: what each does, and which account uses which."""

from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, Response, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.account import ConnectionStatus
from app.domain.people import Role
from app.domain.rehearsal import rehearse
from app.domain.steps import AskCustomer, GiveUp, RetryAt, Step, Strategy
from app.domain.strategies import ADAPTIVE, ALL, strategy_named
from app.domain.strategies.hands_off import HandsOff
from app.domain.strategies.own import OwnStrategy
from app.domain.strategies.own_words import sentences
from app.domain.strategies.portraits import EXAMPLES, PORTRAITS, Example
from app.extensions import db
from app.services import dry_runs, fees, strategies
from app.services.strategies import Lost, StrategyRefused
from app.storage import strategy_models, strategy_reads
from app.storage.models import StripeAccount
from app.storage.strategy_models import StrategyModel
from app.web.access import me, needs
from app.web.accounts_seen import chosen_account_id, seen_accounts
from app.web.lists import sight
from app.web.rendering import render, wants_fragment
from app.web.schedules import Drawing, drawing

bp = Blueprint("strategies", __name__, url_prefix="/strategies")

VERSIONS_SHOWN = 50
_MAY = {"prior": "leave the even spread only for much", "free": "plan by itself"}
DAMAGED = (
    "Your own strategy. Its newest version is stored damaged and cannot be read, so "
    "Even spread decides in its place, and each decision says so. Save it anew as "
    "another version, or put the database back from a backup."
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A strategy as its page shows it."""

    name: str
    title: str
    paragraph: str
    lines: tuple[str, ...]  # of an own one, in words
    strategy: Strategy
    row: strategy_models.OwnStrategy | None = None

    @property
    def version(self) -> str:
        return self.strategy.version

    @property
    def is_damaged(self) -> bool:
        """Whether its row cannot be read."""
        return isinstance(self.strategy, Lost)

    def drawn(self, example: Example) -> Drawing:
        """The picture of what it does with an example."""
        if self.row is None:
            return _drawn(self.name, example)
        return draw(self.strategy, example)


@bp.get("")
def index() -> ResponseReturnValue:
    return _index()


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    session, profile = db.session(), profile_of(name)
    seen = sight()
    return render(
        "strategies/show.html",
        profile=profile,
        pictures=[(each.title, profile.drawn(each)) for each in EXAMPLES],
        used_by=[a for a in connected() if a.strategy == name],
        versions=_versions(name) if profile.row else [],
        effects=strategy_reads.effects(session, name, accounts=seen),
        counted=strategy_reads.COUNTED,
        learned=_learned() if name == ADAPTIVE else [],
        watched=_watched() if name == HandsOff.name else None,
    )


@bp.get("/<name>/dry-run")
def dry_run(name: str) -> ResponseReturnValue:
    profile, now = profile_of(name), current.now()
    found = dry_runs.would_do(db.session(), name, accounts=sight(), now=now)
    return render(
        "strategies/dry_run.html",
        profile=profile,
        found=found,
        at_once=dry_runs.AT_ONCE,
        step_word=_step_word,
    )


@bp.post("/choice")
@needs(Role.OWNER)
def choose() -> ResponseReturnValue:
    account_id, name = chosen_account_id(), request.form.get("strategy", "")
    try:
        strategies.choose(account_id, name, user_id=me().id, now=current.now())
    except StrategyRefused as refusal:
        return _index(refusal=refusal, refused_account=account_id, status=422)
    said = "Chosen. New recoveries take it; those under way keep theirs."
    if wants_fragment():
        return _index(said=said)
    flash(said, "good")
    return redirect("/strategies", 303)


def profile_of(name: str) -> Profile:
    """The strategy of this name; 404 when there is none."""
    if name in ALL:
        return _built_in(name)
    row = strategy_reads.own(db.session(), name) if _may_be_a_name(name) else None
    if row is None:
        abort(404, "No strategy of this name is known here.")
    return _own(row)


def connected() -> list[StripeAccount]:
    """The accounts that a strategy can be chosen for."""
    left = ConnectionStatus.DISCONNECTED
    return [account for account in seen_accounts() if account.status is not left]


def draw(strategy: Strategy, example: Example) -> Drawing:
    """The picture of a strategy with an example decline."""
    case = example.case
    return drawing(rehearse(strategy, case, now=case.declined_at))


def _versions(name: str) -> list[tuple[strategy_models.OwnStrategy, tuple[str, ...]]]:
    """The newest versions of an own strategy, each with its lines in words."""
    rows = strategy_reads.own_versions(db.session(), name, limit=VERSIONS_SHOWN)
    return [(row, _own(row).lines) for row in rows]


def _step_word(step: Step) -> str:
    match step:
        case RetryAt():
            return "retry"
        case AskCustomer():
            return "ask the customer"
        case GiveUp():
            return "give up"
        case _:
            return "only watch"


@lru_cache(maxsize=64)
def _drawn(name: str, example: Example) -> Drawing:
    """Built-in strategies and examples are values: each picture is drawn once."""
    return draw(strategy_named(name), example)


@dataclass(frozen=True, slots=True)
class Learned:
    """What Adaptive has learned of an account, and makes of it."""

    account: str
    row: StrategyModel
    timing: float | None  # None where the model cannot be read
    may: str  # how far it may leave the even spread


def _learned() -> list[Learned]:
    """Of each account that one may see."""
    ids = [account.id for account in seen_accounts()]
    return [
        _as_learned(name, row) for name, row in strategy_reads.models(db.session(), ids)
    ]


def _as_learned(account: str, row: StrategyModel) -> Learned:
    # Imported when somebody looks: numpy takes 16 MB of a process meant for 120.
    from app.domain.strategies.adaptive import BadModel, Model
    from app.domain.strategies.adaptive.gates import SHUT_MARGIN, gate

    try:
        model = Model.from_json(row.body)
    except BadModel:
        return Learned(account, row, None, "not be read: the shipped prior decides")
    found = gate(model)
    is_shut = found.margin >= SHUT_MARGIN
    may = "keep to the even spread's days" if is_shut else _MAY[found.stage]
    return Learned(account, row, model.timing, may)


def _watched() -> list[dry_runs.Watched]:
    return dry_runs.would_have_done(db.session(), accounts=sight(), now=current.now())


def _may_be_a_name(name: str) -> bool:
    return len(name) <= 64 and name.isascii() and name.isprintable()


def _built_in(name: str) -> Profile:
    portrait = PORTRAITS[name]
    strategy = strategy_named(name)
    return Profile(name, portrait.title, portrait.paragraph, (), strategy)


def _own(row: strategy_models.OwnStrategy) -> Profile:
    strategy = strategies.own_strategy(row)
    if not isinstance(strategy, OwnStrategy):
        return Profile(row.name, row.name, DAMAGED, (), strategy, row)
    paragraph = "Your own strategy. The first line that fits a decline decides:"
    lines = sentences(strategy.definition)
    return Profile(row.name, row.name, paragraph, lines, strategy, row)


def _index(
    *,
    said: str | None = None,
    refusal: StrategyRefused | None = None,
    refused_account: int | None = None,
    status: int = 200,
) -> Response:
    session, accounts, now = db.session(), connected(), current.now()
    own = [_own(row) for row in strategy_reads.newest_own(session)]
    return render(
        "strategies/index.html",
        fragment="strategies/_choice.html",
        status=status,
        accounts=accounts,
        fees=[(each, fees.fees_of(session, each, now=now)) for each in accounts],
        choices=strategies.choices(session),
        profiles=[_built_in(name) for name in ALL]
        + [each for each in own if each.row and each.row.retired_at is None],
        retired=[each for each in own if each.row and each.row.retired_at],
        example=EXAMPLES[0],
        said=said,
        refusal=refusal,
        refused_account=refused_account,
    )
