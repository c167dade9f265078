"""What the strategy has learned of one merchant: a value, small and serialisable.

Counts are pseudo-cases of a prior plus cases closed since. `Model.fresh()` is the
shipped prior; its sources are in docs/strategies.md.
"""

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from app.domain.strategies.adaptive import effects, paydays, priors
from app.domain.strategies.adaptive.hypotheses import hypotheses
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.sight import Sight
from app.domain.strategies.adaptive.timing import UNPROVEN

FORMAT = 5


class BadModel(ValueError):
    """What was stored is not a model of this format."""


# All that reading any text may raise; too large a number and too deep a nesting too.
_UNREADABLE = (
    *(TypeError, AttributeError, KeyError, ValueError),
    *(OverflowError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class Model:
    """Shares by context, each row summing to one; and how well they have done.

    `countries` holds the pay calendars of countries with many cases of their own,
    `issuers` the tempers of issuers with some; `hours_tried` counts answers by part of
    the day, `closed` the cases learned from; `skill` is the Brier score's gain over the
    base rate by code and number of the try (above zero: better than knowing those);
    `rate` is the share of tries that passed; `timing` is how much may be believed of
    what the model says of times (see timing.py).
    """

    causes: Floats = field(default_factory=priors.causes)
    shapes: Floats = field(default_factory=priors.shapes)
    schedules: Floats = field(default_factory=priors.schedules)
    shares: Floats = field(default_factory=priors.shares)
    tempers: Floats = field(default_factory=priors.tempers)
    effects: Floats = field(default_factory=priors.effects)
    hours_tried: Floats = field(default_factory=priors.hours_tried)
    countries: dict[str, Floats] = field(default_factory=dict)
    issuers: dict[str, Floats] = field(default_factory=dict)
    closed: int = 0
    answered: int = 0
    skill: float = 0.0
    rate: float = 0.0
    timing: float = UNPROVEN

    @staticmethod
    def fresh() -> "Model":
        """The shipped prior: nothing learned yet."""
        return Model()

    def to_json(self) -> str:
        """The model as text; `from_json` gives it back."""
        kept = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in asdict(self).items()
        }
        for name in ("countries", "issuers"):
            rows = getattr(self, name).items()
            kept[name] = {of: row.tolist() for of, row in rows}
        return json.dumps({"format": FORMAT} | kept)

    @staticmethod
    def from_json(text: str) -> "Model":
        """Raises BadModel for anything that `to_json` of this format did not write."""
        try:
            kept = json.loads(text)
            kept = _renewed(kept, kept.pop("format"))
            if set(kept) != {one.name for one in fields(Model)}:
                raise BadModel("not all that a model has, or more")
            return replace(Model(), **_read(kept, Model()))
        except _UNREADABLE as error:
            raise BadModel(f"not a stored model: {error}") from error

    def tempers_of(self, sight: Sight) -> Floats:
        """Weight of each temper before this case's own tries, summing to one."""
        return self.issuers.get(sight.issuer, self.tempers)

    def prior(self, sight: Sight) -> Floats:
        """Weight of each hypothesis before this case's own tries, summing to one."""
        h = hypotheses()
        causes = self.causes[sight.context]
        kind = SCHEDULE_KINDS[h.schedule]
        paid = self.countries.get(sight.country, self.schedules[sight.region])
        calendars = paid[h.schedule] * self.shares[kind, h.share]
        simple = h.cause[len(calendars) :]
        others = causes[simple] * self.shapes
        weights = np.concatenate([causes[0] * calendars, others])
        return np.asarray(weights / weights.sum())


SCHEDULE_KINDS = np.array([one.kind for one in paydays.schedules()])


def _renewed(kept: dict[str, Any], version: object) -> dict[str, Any]:
    """What an older format lacks added. Raises BadModel for an unknown one."""
    if version not in range(1, FORMAT + 1):
        raise BadModel(f"a model of format {version!r}")
    if version == 1:  # before hours were counted
        kept["hours_tried"] = [0.0] * (effects.HOURS - 1)
    if version in {1, 2}:  # before pay was learned by country
        kept["countries"] = {}
    if version != FORMAT:  # before what is said of times was held against answers
        kept["timing"] = UNPROVEN
    if version in {1, 2, 3}:  # before issuers were; eight to twelve was one part
        kept["issuers"], kept["rate"] = {}, 0.0
        for name, first in (("effects", effects.HOUR_AT), ("hours_tried", 0)):
            morning = first + 2
            kept[name].insert(morning, kept[name][morning])
    return kept


def _read(kept: dict[str, Any], fresh: Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in kept.items():
        shape = getattr(fresh, name)
        if isinstance(shape, dict):
            like = {"countries": fresh.schedules[0], "issuers": fresh.tempers}[name]
            found[name] = {
                str(one): _array(f"{name} {one}", row, like)
                for one, row in value.items()
            }
        elif isinstance(shape, np.ndarray):
            found[name] = _array(name, value, shape)
        else:
            found[name] = type(shape)(value)
            if not math.isfinite(found[name]):
                raise BadModel(f"{name} is {value}")
    return found


def _array(name: str, value: Any, like: Floats) -> Floats:
    array = np.array(value, dtype=float)
    if array.shape != like.shape or not np.isfinite(array).all():
        raise BadModel(f"{name} has the wrong shape")
    return array
