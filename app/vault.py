"""Secrets at rest: Fernet, newest key first, older keys still open old texts."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SecretUnreadable(Exception):
    """No key in ENCRYPTION_KEYS opens this text. Carries nothing of it."""


class Vault:
    """Encrypts and decrypts short texts with the keys of the settings."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str) -> str:
        """`text`, sealed with the newest key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """What was sealed, with whichever key; SecretUnreadable when none fits."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(
                "a stored secret cannot be read with the keys in ENCRYPTION_KEYS"
            ) from None

    def rotate(self, sealed: str) -> str:
        """The same secret, sealed with the newest key."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(
                "a stored secret cannot be read with the keys in ENCRYPTION_KEYS"
            ) from None
