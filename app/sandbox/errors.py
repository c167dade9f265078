"""Stripe's error answers: https://docs.stripe.com/api/errors."""

from typing import Any

Obj = dict[str, Any]


class ApiError(Exception):
    """An error answer on its way to the caller.

    `began` says that the call had begun to run, which is what decides whether an
    idempotency key keeps the answer.
    """

    def __init__(self, status: int, error: Obj, *, began: bool = True) -> None:
        super().__init__(error.get("message", ""))
        self.status = status
        # Null fields are missing from Stripe's error bodies.
        self.error = {k: v for k, v in error.items() if v is not None}
        self.began = began
        code = self.error.get("code")
        if code:
            self.error["doc_url"] = doc_url(code)

    @property
    def body(self) -> Obj:
        return {"error": self.error}


def doc_url(code: str) -> str:
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def invalid(
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    status: int = 400,
    began: bool = True,
) -> ApiError:
    """Return an `invalid_request_error`."""
    error = {
        "type": "invalid_request_error",
        "code": code,
        "message": message,
        "param": param,
    }
    return ApiError(status, error, began=began)


def bad_parameter(message: str, *, param: str, code: str | None = None) -> ApiError:
    """Return a refusal made before the call began to run."""
    return invalid(message, code=code, param=param, began=False)


def missing(noun: str, wanted: str, *, param: str, status: int = 404) -> ApiError:
    """Return the answer to an id that this account and mode does not have."""
    return invalid(
        f"No such {noun}: '{wanted}'",
        code="resource_missing",
        param=param,
        status=status,
    )


def in_other_mode(noun: str, wanted: str, *, livemode: bool, param: str) -> ApiError:
    """Return the answer to an id of the other mode (test asked, live has it)."""
    mine, other = ("live", "test") if livemode else ("test", "live")
    return invalid(
        f"No such {noun}: '{wanted}'; a similar object exists in {other} mode, "
        f"but a {mine} mode key was used to make this request.",
        code="resource_missing",
        param=param,
        status=404,
    )


def unauthorized(message: str, *, code: str | None = None) -> ApiError:
    error = {"type": "invalid_request_error", "code": code, "message": message}
    return ApiError(401, error, began=False)


def forbidden(message: str, *, code: str | None = None) -> ApiError:
    error = {"type": "invalid_request_error", "code": code, "message": message}
    return ApiError(403, error, began=False)
