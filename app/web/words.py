"""The words and signs of every status on screen."""

from functools import lru_cache

NOTHING = "\N{EN DASH}"  # stands where there is no value

# What a status means for the reader; each tone has a color in app.css and a sign here,
# so that nobody needs the color.
_SIGNS = {
    "good": "✓",
    "busy": "↻",
    "warn": "!",
    "bad": "✕",
    "quiet": "○",
}

_TONES = {
    "good": (
        "recovered succeeded activated converted active connected handled paid "
        "approved confirmed granted adopted"
    ),
    "busy": (
        "in_retry scheduled running processing in_trial trialing pending created "
        "connecting stripe_retries"
    ),
    "warn": (
        "waiting_for_customer unknown past_due incomplete trouble needs_customer "
        "blocked soft suspended no_answer unheard"
    ),
    "bad": (
        "terminated declined unpaid hard expired incomplete_expired not_in_force "
        "missing"
    ),
}

_TONE_OF = {status: tone for tone, names in _TONES.items() for status in names.split()}

_WORDS = {
    "in_trial": "In trial",
    "not_in_force": "Not in force",
    "unknown": "No answer yet",
    "metricsco": "Metricsco",
    "first": "First charge",
    "unheard": "No webhook yet",
    "not_known": "Not known yet",
    "stripe_retries": "Stripe is retrying",
}
_SEEN = 512  # a list shows the same few words over and over


def look_of(status: str) -> tuple[str, str]:
    """Tone and sign of a status; what is not listed is quiet."""
    tone = _TONE_OF.get(status, "quiet")
    return tone, _SIGNS[tone]


@lru_cache(maxsize=_SEEN)
def word_of(status: str | None) -> str:
    """A status in words: `waiting_for_customer` is "Waiting for customer"."""
    if not status:
        return NOTHING
    return _WORDS.get(str(status)) or str(status).replace("_", " ").capitalize()


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 decline`, `2 declines`, `1,200 retries`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
