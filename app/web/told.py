"""What a page has to say about the form that was just sent from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence above the page, or a fault beside the note that was not kept."""

    sentence: str | None = None
    tone: str = "good"
    note_fault: str | None = None
    note_text: str = ""

    @property
    def status(self) -> int:
        """The HTTP status: 422 where the form has to be sent again."""
        return 422 if self.note_fault else 200


NOTHING = Told()
