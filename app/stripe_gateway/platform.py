"""Connecting a merchant's account by OAuth, with a Connect platform of the owner's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import stripe

from app.stripe_gateway.connection import (
    TIMEOUT,
    Connection,
    Observer,
    Timeout,
    new_http_client,
)
from app.stripe_gateway.credentials import Credentials
from app.stripe_gateway.errors import Refused, StripeUnavailable
from app.stripe_gateway.fields import Json, flag, text

Landing = Literal["login", "register"]


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """The merchant let us in. Calls for them use our key and their account's id.

    Stripe also sends an access token; it is not kept, since it opens nothing more.
    """

    id: str
    livemode: bool
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class OAuthRefused:
    """Stripe said no. `kind` is its word: "invalid_grant", "invalid_client", ..."""

    kind: str
    message: str = ""


class ConnectPlatform:
    """The owner's Connect platform at Stripe. Raises `StripeTrouble`."""

    def __init__(
        self,
        client_id: str,
        secret_key: str,
        *,
        api_base: str = stripe.DEFAULT_API_BASE,
        connect_base: str = stripe.DEFAULT_CONNECT_API_BASE,
        http_client: stripe.HTTPClient | None = None,
        timeout: Timeout = TIMEOUT,
        observer: Observer | None = None,
    ) -> None:
        self.client_id = client_id
        self._connection = Connection(
            Credentials(secret_key),
            api_base=api_base,
            connect_base=connect_base,
            http_client=http_client or new_http_client(timeout),
            observer=observer,
        )

    @property
    def livemode(self) -> bool:
        """The mode in which accounts are connected: that of the platform's key."""
        return self._connection.credentials.livemode

    def authorize_url(self, state: str, redirect_uri: str, landing: Landing) -> str:
        """Stripe's page where the merchant signs in (or up) and agrees."""
        return self._connection.client.oauth.authorize_url(
            {
                "client_id": self.client_id,
                "response_type": "code",
                "scope": "read_write",
                "state": state,
                "redirect_uri": redirect_uri,
                "stripe_landing": landing,
            }
        )

    def exchange(self, code: str) -> ConnectedAccount | OAuthRefused:
        """The account that `code` from the redirect stands for.

        Asked once: Stripe takes a second use of a code for theft and revokes what the
        first gave (https://docs.stripe.com/connect/oauth-reference).
        """
        params = {"grant_type": "authorization_code", "code": code}
        try:
            json = self._ask("/oauth/token", params)
        except Refused as refused:
            return OAuthRefused(refused.code or "unknown", refused.sentence)
        account_id = text(json, "stripe_user_id")
        if account_id is None:
            raise StripeUnavailable("Stripe's answer named no account.")
        return ConnectedAccount(account_id, flag(json, "livemode"), text(json, "scope"))

    def deauthorize(self, account_id: str) -> OAuthRefused | None:
        """Our access to the account is revoked: None, or why Stripe refused.

        "invalid_client" also means that we had no access any more.
        """
        params = {"client_id": self.client_id, "stripe_user_id": account_id}
        try:
            self._ask("/oauth/deauthorize", params)
        except Refused as refused:
            return OAuthRefused(refused.code or "unknown", refused.sentence)
        return None

    def _ask(self, path: str, params: Mapping[str, object]) -> Json:
        return self._connection.write("oauth", path, params=params, base="connect").json
