"""Why there is no answer to give. No text here ever holds a secret."""

import re
from datetime import datetime

# Keys, webhook secrets, OAuth codes and tokens, whole or masked by Stripe itself.
SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:rk|sk|pk|ek|whsec|ac|rt)_[\w*.]+|(?i:bearer)\s+\S+"
)


def redacted(text: str) -> str:
    """`text` without anything that looks like a secret of Stripe's."""
    return SECRET.sub("[secret]", text)


class StripeTrouble(Exception):
    """Stripe gave no result. `sentence` may be shown to the owner."""

    def __init__(
        self,
        sentence: str = "",
        *,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        self.sentence = redacted(sentence)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.dated: datetime | None = None  # Stripe's time of it
        super().__init__(self.sentence)

    def __str__(self) -> str:
        parts = (self.status, self.code, self.request_id, self.sentence)
        return " ".join(str(part) for part in parts if part)


class StripeUnavailable(StripeTrouble):
    """No answer, a server error, or one that cannot be read: the outcome is unknown."""


class RateLimited(StripeTrouble):
    """Too many calls, or the object is locked: nothing was attempted.

    `reason` is Stripe's ("global-rate", ...) or "lock_timeout"; `retry_after` is in
    seconds, where Stripe said it.
    """

    def __init__(
        self,
        reason: str = "unknown",
        *,
        retry_after: float | None = None,
        sentence: str = "",
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(sentence, code=code, status=status, request_id=request_id)


class CredentialsRefused(StripeTrouble):
    """The key is wrong, expired or revoked, or the account has left us."""


class PermissionMissing(StripeTrouble):
    """The restricted key may not do this.

    `permission` is the slug to tick ("rak_invoice_write"), None if Stripe did not name
    it; `account` is the account's id, None likewise.
    """

    def __init__(
        self,
        permission: str | None = None,
        account: str | None = None,
        *,
        sentence: str = "",
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        self.permission = permission
        self.account = account
        super().__init__(sentence, code=code, status=status, request_id=request_id)


class Gone(StripeTrouble):
    """No such object here: deleted, of another account, or of the other mode."""


class InFlight(StripeTrouble):
    """A call with the same idempotency key is still running: ask again later."""


class KeyReused(StripeTrouble):
    """The idempotency key was used before for something else: a fault of ours."""


class Refused(StripeTrouble):
    """Stripe understood and said no, for the reason in `sentence`."""
