"""What a page has to say about the form that was just sent from it."""

from dataclasses import dataclass

from app.services.refusals import ActionRefused, Done, Overtaken
from app.web.explaining import action_word
from app.web.filters import exact_text


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence above the page, or a fault beside the note that was not kept."""

    sentence: str | None = None
    tone: str = "good"
    note_fault: str | None = None
    note_text: str = ""
    done: tuple[Done, ...] = ()  # what others did meanwhile

    @property
    def status(self) -> int:
        """The HTTP status: 422 where the form has to be sent again."""
        return 422 if self.note_fault else 200

    @property
    def flash(self) -> str:
        """All of it in one line, for the page that is shown next."""
        lines = [
            f"{each.who}, {exact_text(each.at)}: {action_word(each.action)}. "
            f"{each.detail}"
            for each in self.done
        ]
        return " ".join([self.sentence or "", *lines])


NOTHING = Told()


def told_of(refusal: ActionRefused) -> Told:
    """What to say when nothing was changed, with who was quicker."""
    done = refusal.done if isinstance(refusal, Overtaken) else ()
    return Told(f"Nothing was changed. {refusal}", "warn", done=done)
