"""Secrets at rest: each under a data key of its own, which a key of the settings wraps.

Envelope encryption with Fernet at both levels. A sealed text names the key that wraps
its data key, so that a lost one can be told by name, and re-sealing wraps the data key
anew without opening the secret. `cryptography` does all that is cryptography.
"""

import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

# What sealed texts begin with; those of older versions are a Fernet token and no more.
_ENVELOPE = "e1"


class SecretUnreadable(Exception):
    """No key in ENCRYPTION_KEYS opens this text. Carries nothing of it."""

    def __init__(self, key_id: str | None = None) -> None:
        sealed_with = f" (it was sealed with key {key_id})" if key_id else ""
        super().__init__(
            "a stored secret cannot be read with the keys in ENCRYPTION_KEYS"
            + sealed_with
        )


def id_of(key: str) -> str:
    """What a key is called in public; says nothing of the key."""
    digest = hashlib.sha256(b"metricsco key id\0" + key.encode())
    return digest.hexdigest()[:8]


class Vault:
    """Encrypts and decrypts short texts with the keys of the settings, newest first."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernets = {id_of(key): Fernet(key) for key in keys}
        self._any = MultiFernet(list(self._fernets.values()))

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys that this process has, newest first."""
        return tuple(self._fernets)

    @property
    def newest(self) -> str:
        """The key that seals from now on."""
        return self.key_ids[0]

    def encrypt(self, text: str) -> str:
        """`text`, sealed under the newest key."""
        data_key = Fernet.generate_key()
        return self._envelope(data_key, Fernet(data_key).encrypt(text.encode()))

    def decrypt(self, sealed: str) -> str:
        """What was sealed, under whichever key, or SecretUnreadable."""
        try:
            if not _is_envelope(sealed):
                return self._any.decrypt(sealed.encode()).decode()
            data_key, body = self._opened(sealed)
            return Fernet(data_key).decrypt(body).decode()
        except (InvalidToken, ValueError):
            raise SecretUnreadable(_named_key(sealed)) from None

    def rotate(self, sealed: str) -> str:
        """The same secret, sealed under the newest key."""
        if not _is_envelope(sealed):
            return self.encrypt(self.decrypt(sealed))
        try:
            return self._envelope(*self._opened(sealed))
        except (InvalidToken, ValueError):
            raise SecretUnreadable(_named_key(sealed)) from None

    def key_of(self, sealed: str) -> str | None:
        """The id of the key that seals this; None: an old text, and no key opens it."""
        named = _named_key(sealed)
        if named:
            return named
        for key_id, fernet in self._fernets.items():
            try:
                fernet.decrypt(sealed.encode())
            except InvalidToken:
                continue
            return key_id
        return None

    def opens(self, sealed: str) -> bool:
        """Whether this can be read with the keys that are here."""
        try:
            self.decrypt(sealed)
        except SecretUnreadable:
            return False
        return True

    def _envelope(self, data_key: bytes, body: bytes) -> str:
        wrapped = self._fernets[self.newest].encrypt(data_key)
        return ".".join((_ENVELOPE, self.newest, wrapped.decode(), body.decode()))

    def _opened(self, sealed: str) -> tuple[bytes, bytes]:
        _, key_id, wrapped, body = sealed.split(".")
        fernet = self._fernets.get(key_id)
        if fernet is None:
            raise InvalidToken
        return fernet.decrypt(wrapped.encode()), body.encode()


def _is_envelope(sealed: str) -> bool:
    return sealed.startswith(f"{_ENVELOPE}.")


def _named_key(sealed: str) -> str | None:
    return sealed.split(".")[1] if _is_envelope(sealed) else None
