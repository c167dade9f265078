"""Random tokens: told once, and kept as a hash."""

import hashlib


def hash_of(token: str) -> str:
    """What is kept of a token. It holds eighty random bits or more: nobody tries them
    out, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
