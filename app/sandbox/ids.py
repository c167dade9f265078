"""Ids and secrets in Stripe's form, the same ones for the same seed."""

import random
import string

ALPHABET = string.ascii_letters + string.digits


class Ids:
    """Makes ids from a seeded source of chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"ids-{seed}")  # noqa: S311 (not a secret)

    def new(self, prefix: str, *, length: int = 24) -> str:
        """Return an id such as `in_1Abc...`."""
        tail = "".join(self._random.choices(ALPHABET, k=length - 1))
        return f"{prefix}_1{tail}"

    def text(self, length: int) -> str:
        """Return letters and digits without a prefix."""
        return "".join(self._random.choices(ALPHABET, k=length))
