"""An own strategy's lines as sentences."""

from datetime import timedelta

from app.domain.money import Money
from app.domain.strategies.own import After, Definition, Line, Then

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def sentences(definition: Definition) -> tuple[str, ...]:
    """One for each line."""
    return tuple(f"{_when(line)}: {_then(line)}" for line in definition.lines)


def span(delay: timedelta) -> str:
    """A delay as people write it in the form: `3` for days, `36h` for hours."""
    if delay % _DAY == timedelta(0):
        return str(delay // _DAY)
    return f"{delay / _HOUR:.4g}h"


def clock(hour: float) -> str:
    """An hour of the day: 9.5 is `9:30`."""
    minutes = round(hour * 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def _when(line: Line) -> str:
    if line.fits_all:
        return "Any decline"
    parts = []
    if line.kinds:
        parts.append(f"{' or '.join(_word(kind) for kind in line.kinds)} declines")
    else:
        parts.append("declines")
    if line.codes:
        parts.append(f"with {' or '.join(line.codes)}")
    if line.funding:
        parts.append(f"of {line.funding} cards")
    if line.plan:
        parts.append(f"of the plan “{line.plan}”")
    if line.currency:
        parts.append(_amounts(line, line.currency))
    said = " ".join(parts)
    return said[0].upper() + said[1:]


def _word(kind: str) -> str:
    return str(kind).replace("_", " ")


def _amounts(line: Line, currency: str) -> str:
    least = line.amount_from and f"from {Money(line.amount_from, currency)}"
    most = line.amount_to is not None and f"up to {Money(line.amount_to, currency)}"
    between = " ".join(each for each in (least, most) if each)
    return between or f"in {currency.upper()}"


def _then(line: Line) -> str:
    if line.then is Then.ASK:
        return "ask the customer at once."
    if line.then is Then.GIVE_UP:
        return "give up at once."
    if line.then is Then.DELAYS:
        delays = ", ".join(_spelled(delay) for delay in line.delays)
        said = f"retry {delays} after the first decline"
    else:
        times = "once" if line.tries == 1 else f"{line.tries} times"
        said = f"retry {times}, spread over {line.window_days} days"
    if line.hours:
        said += f", about {' or '.join(clock(hour) for hour in line.hours)} local time"
    after = "ask the customer" if line.after is After.ASK else "give up"
    return f"{said}; then {after}."


def _spelled(delay: timedelta) -> str:
    if delay % _DAY == timedelta(0):
        days = delay // _DAY
        return "1 day" if days == 1 else f"{days} days"
    return f"{delay / _HOUR:.4g} hours"
