"""What may be said about an experiment, in a sentence, at each of its stages."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.experiments import LEAST_CLOSED, Estimate, Sums, estimate


class Stage(StrEnum):
    """How far an experiment has come."""

    PLANNED = "planned"  # its start lies ahead
    RUNNING = "running"
    FOLLOWING = "following"  # ended, and some of its renewals are still open
    OVER = "over"  # ended, and all of them are closed


class Standing(StrEnum):
    """What an experiment says so far."""

    MEASURING = "measuring"
    UNDECIDED = "undecided"  # over, and nothing is shown
    TREATMENT_WINS = "treatment_wins"
    CONTROL_WINS = "control_wins"
    EQUAL = "equal"  # an A/A test that shows no difference, as it should
    UNSOUND = "unsound"  # an A/A test that shows one


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said about an experiment, in a sentence."""

    standing: Standing
    sentence: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared: `names` control first; `planned` renewals in each arm."""

    names: tuple[str, str]
    planned: int
    is_aa: bool = False
    stage: Stage = Stage.RUNNING


def verdict(control: Sums, treatment: Sums, *, of: Compared) -> Verdict:
    """What the closed renewals of both arms allow to be said."""
    if of.stage is Stage.PLANNED:
        said = (
            "It has not begun. Measuring takes about "
            f"{of.planned:,} closed renewals in each arm."
        )
        return Verdict(Standing.MEASURING, said)
    closed = min(control.count, treatment.count)
    if closed < LEAST_CLOSED:
        return _of_few(closed, of)
    found = estimate(control, treatment, planned=of.planned)
    if of.is_aa:
        return _of_equals(found)
    between = f"between {points(found.low)} and {points(found.high)} points"
    if found.low > 0:
        said = f"{of.names[1]} brings more: {between} more renewals are paid."
        return Verdict(Standing.TREATMENT_WINS, said)
    if found.high < 0:
        between = f"between {points(-found.high)} and {points(-found.low)} points"
        said = f"{of.names[0]} brings more: {between} more renewals are paid."
        return Verdict(Standing.CONTROL_WINS, said)
    return _undecided(between, closed, of)


def points(share: float) -> str:
    """A difference of shares in points: 0.05 is 5.0."""
    return f"{share * 100:.1f}".replace("-", "\N{MINUS SIGN}")


def _of_few(closed: int, of: Compared) -> Verdict:
    if of.stage is Stage.OVER:
        said = (
            f"It has ended with too little to say anything: {closed:,} closed renewals "
            f"in the smaller arm, where {LEAST_CLOSED} are the least."
        )
        return Verdict(Standing.UNDECIDED, said)
    said = (
        f"Still measuring: {closed:,} closed renewals in the smaller arm. Nothing "
        f"is said before there are {LEAST_CLOSED}."
    )
    return Verdict(Standing.MEASURING, f"{said}{_followed(of)}")


def _undecided(between: str, closed: int, of: Compared) -> Verdict:
    told = (
        f"{of.names[1]} brings {between} more than {of.names[0]}, and zero lies in "
        f"between. {closed:,} of about {of.planned:,} renewals an arm are closed."
    )
    if of.stage is Stage.OVER:
        said = f"It has ended without showing which is better: {told}"
        return Verdict(Standing.UNDECIDED, said)
    return Verdict(Standing.MEASURING, f"Still measuring: {told}{_followed(of)}")


def _followed(of: Compared) -> str:
    if of.stage is Stage.FOLLOWING:
        return " It has ended: only what had begun by then is still followed."
    return ""


def _of_equals(found: Estimate) -> Verdict:
    between = f"between {points(found.low)} and {points(found.high)} points"
    if found.low <= 0 <= found.high:
        said = f"As it should be: two equal arms, and the difference lies {between}."
        return Verdict(Standing.EQUAL, said)
    said = (
        f"Two equal arms differ, {between}. By chance that happens to one test in "
        "twenty; else the allocation or the data are at fault. Trust no other test yet."
    )
    return Verdict(Standing.UNSOUND, said)
