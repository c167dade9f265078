"""The only reader of the clock."""

from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """Tells the time: the machine's, or the one written in a file (sandbox only)."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._last_read: datetime | None = None

    def now(self) -> datetime:
        """Now, aware and in UTC."""
        if self._file is None:
            return self.wall()
        written = _time_in(self._file)
        # A file that is being rewritten reads empty for a moment: the last time holds.
        self._last_read = written or self._last_read
        if self._last_read is None:
            raise ClockUnreadable(f"{self._file} holds no ISO 8601 time")
        return self._last_read

    @property
    def is_real(self) -> bool:
        """Whether `now` is the machine's time."""
        return self._file is None

    def wall(self) -> datetime:
        """The machine's time, whatever the file says: sessions and links live by it."""
        return datetime.now(UTC)  # noqa: TID251 - the one place


class ClockUnreadable(Exception):
    """CLOCK_FILE names a file without a time in it."""


def _time_in(file: Path) -> datetime | None:
    try:
        time = datetime.fromisoformat(file.read_text().strip())
    except (OSError, ValueError):
        return None
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
