"""`python -m app.keys`: makes and keeps the two keys a first start needs."""

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from app.config import KEYS_FILE


def keep_keys(file: Path = KEYS_FILE) -> bool:
    """Write SECRET_KEY and ENCRYPTION_KEYS to `file` unless it exists; True if written.

    Only the owner of the process may read the file: whoever has it can read the
    Stripe credentials in the database.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as out:
        out.write(f"SECRET_KEY={secrets.token_urlsafe(48)}\n")
        out.write(f"ENCRYPTION_KEYS={Fernet.generate_key().decode()}\n")
    return True


if __name__ == "__main__":
    keep_keys()
