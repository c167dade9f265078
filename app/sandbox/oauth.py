"""Connect's OAuth for standard accounts: the page, the code, the token, the parting.

https://docs.stripe.com/connect/oauth-reference. How long a code lives is not told
there; five minutes are commonly assumed.
"""

import html
import json
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from app.sandbox.accounts import Account
from app.sandbox.clock import MINUTE
from app.sandbox.errors import ApiError, Obj
from app.sandbox.events import emit
from app.sandbox.founding import add_account
from app.sandbox.http import Answer, Request
from app.sandbox.permissions import ALL_PERMISSIONS, ApiKey
from app.sandbox.webhooks import LOCAL_HOSTS
from app.sandbox.world import World

CODE_LIVES = 5 * MINUTE
READING = {name for name in ALL_PERMISSIONS if name.endswith("_read")}


class OAuthError(Exception):
    """An error in OAuth's own form: a word and a sentence."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description}


def answer_oauth(world: World, request: Request) -> Answer:
    """Answer one call to /oauth/."""
    name = request.path.removeprefix("/oauth/")
    query = dict(parse_qsl(request.query))
    form = {k: v[-1] for k, v in parse_qs(request.body.decode()).items()}
    try:
        with world.lock:
            match (request.method, name):
                case ("GET", "authorize"):
                    return _html(200, authorize_page(world, query))
                case ("POST", "authorize"):
                    return _redirect(decide(world, query, form))
                case ("POST", "token"):
                    return _json(200, token(world, request, form))
                case ("POST", "deauthorize"):
                    return _json(200, deauthorize(world, request, form))
        raise OAuthError("invalid_request", "No such page.", status=404)
    except OAuthError as error:
        return _json(error.status, error.body)
    except ApiError as error:
        told = {"error": "invalid_client", "error_description": str(error)}
        return _json(401, told)


def _json(status: int, body: Obj) -> Answer:
    headers = {"Content-Type": "application/json"}
    return Answer(status, json.dumps(body).encode(), headers)


def _html(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


def _redirect(address: str) -> Answer:
    return Answer(302, b"", {"Location": address})


def authorize_page(world: World, query: dict[str, str]) -> str:
    """Return the page on which the merchant connects or refuses."""
    platform = _platform(world, query)
    _demand_redirect(platform, query)
    if query.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be 'code'")
    registering = query.get("stripe_landing") == "register"
    accounts = [a for a in world.accounts.values() if a.client_id is None]
    options = "".join(
        f'<option value="{html.escape(a.id)}">{html.escape(a.name)}</option>'
        for a in accounts
    )
    fields = REGISTER if registering else f'<select name="account">{options}</select>'
    return PAGE.format(
        title="Create your account" if registering else "Sign in",
        platform=html.escape(platform.name),
        landing="register" if registering else "login",
        fields=fields,
    )


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Connect (sandbox)</title>
<body style="font-family:sans-serif;max-width:32rem;margin:4rem auto">
<h1>{title}</h1>
<p><strong>{platform}</strong> would like to connect to your account.
This page belongs to the sandbox; it is not Stripe's.</p>
<form method="post"><input type="hidden" name="landing" value="{landing}">
<p>{fields}</p>
<button name="choice" value="connect">Connect</button>
<button name="choice" value="refuse">Refuse</button>
</form></body></html>"""
REGISTER = (
    '<input name="name" placeholder="Business name" value="New Shop"> '
    '<input name="email" placeholder="Email" value="owner@example.com">'
)


def decide(world: World, query: dict[str, str], form: dict[str, str]) -> str:
    """Return where the browser goes after the merchant's choice."""
    platform = _platform(world, query)
    back = _demand_redirect(platform, query)
    if form.get("choice") != "connect":
        refused = {
            "error": "access_denied",
            "error_description": "The user denied your request",
        }
        return _with(back, {**refused, **_state(query)})
    account = _chosen(world, form)
    code = world.ids.new("ac", length=32)
    scope = query.get("scope", "read_only")
    world.oauth_codes[code] = {
        "account": account.id,
        "platform": platform.id,
        "scope": scope,
        "expires_at": world.now + CODE_LIVES,
        "used": False,
        "livemode": query.get("client_id") == platform.live_client_id,
    }
    return _with(back, {"code": code, "scope": scope, **_state(query)})


def _chosen(world: World, form: dict[str, str]) -> Account:
    if form.get("landing") == "register":
        made = Account(
            id=world.ids.new("acct", length=16),
            name=form.get("name") or "New Shop",
            email=form.get("email") or "owner@example.com",
        )
        return add_account(world, made)
    account = world.accounts.get(form.get("account", ""))
    if account is None or account.client_id:
        raise OAuthError("invalid_request", "Choose an account to connect.")
    return account


def _state(query: dict[str, str]) -> dict[str, str]:
    return {"state": query["state"]} if "state" in query else {}


def _with(address: str, more: dict[str, str]) -> str:
    joint = "&" if urlsplit(address).query else "?"
    return f"{address}{joint}{urlencode(more)}"


def _platform(world: World, query: dict[str, str]) -> Account:
    asked = query.get("client_id")
    for account in world.accounts.values():
        if asked and asked in (account.client_id, account.live_client_id):
            return account
    raise OAuthError(
        "invalid_client",
        f"No application matches the supplied client identifier: "
        f"{query.get('client_id')}",
        status=401,
    )


def _demand_redirect(platform: Account, query: dict[str, str]) -> str:
    """Return the address to go back to: a registered one, on this machine."""
    asked = query.get("redirect_uri") or next(iter(platform.redirect_uris), "")
    registered = not platform.redirect_uris or asked in platform.redirect_uris
    if not registered or urlsplit(asked).hostname not in LOCAL_HOSTS:
        raise OAuthError(
            "invalid_redirect_uri",
            f"Invalid redirect URI '{asked}'. Ensure this uri exactly matches one of "
            "the uris specified in your application settings",
        )
    return asked


def token(world: World, request: Request, form: dict[str, str]) -> Obj:
    """Answer POST /oauth/token; a code works once, used again it takes all back."""
    key = _platform_key(world, request, form)
    if form.get("grant_type") != "authorization_code":
        raise OAuthError(
            "unsupported_grant_type", "The sandbox grants for authorization_code only."
        )
    code = world.oauth_codes.get(form.get("code", ""))
    if code is None or code["platform"] != key.account:
        raise _bad_code("Authorization code does not exist")
    if code["used"]:
        _revoke(world, world.accounts[code["account"]], code["platform"])
        raise _bad_code(
            "This authorization code has already been used. All tokens "
            "issued with this code have been revoked."
        )
    if code["expires_at"] <= world.now:
        raise _bad_code("Authorization code expired")
    if code["livemode"] != key.livemode:
        raise _bad_code("The key's mode and the code's mode differ.")
    code["used"] = True
    return _granted(world, key, code)


def _bad_code(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)


def _granted(world: World, key: ApiKey, code: Obj) -> Obj:
    account = world.accounts[code["account"]]
    account.granted.add((key.account, key.livemode))
    book = account.book(livemode=key.livemode)
    about = application_object(world.accounts[key.account])
    emit(world, book, "account.application.authorized", about)
    mode = "live" if key.livemode else "test"
    access = world.keyring.add(
        ApiKey(
            secret=f"sk_{mode}_{world.ids.text(24)}",
            account=account.id,
            permissions=set(READING) if code["scope"] == "read_only" else None,
            platform=key.account,
        )
    )
    return {
        "access_token": access.secret,
        "livemode": key.livemode,
        "refresh_token": f"rt_{world.ids.text(32)}",
        "scope": code["scope"],
        "stripe_publishable_key": f"pk_{mode}_{world.ids.text(24)}",
        "stripe_user_id": account.id,
        "token_type": "bearer",
    }


def _platform_key(world: World, request: Request, form: dict[str, str]) -> ApiKey:
    header = request.headers.get("authorization", "").partition(" ")[2]
    return world.keyring.find(header or form.get("client_secret"))


def deauthorize(world: World, request: Request, form: dict[str, str]) -> Obj:
    """Answer POST /oauth/deauthorize: the platform leaves an account."""
    key = _platform_key(world, request, form)
    platform = _platform(world, form)
    account = world.accounts.get(form.get("stripe_user_id", ""))
    connected = account and any(p == platform.id for p, _ in account.granted)
    if account is None or not connected or key.account != platform.id:
        raise OAuthError(
            "invalid_client",
            f"This application is not connected to stripe account "
            f"{form.get('stripe_user_id')}, or that account does not exist.",
            status=401,
        )
    take_leave(world, account, platform)
    return {"stripe_user_id": account.id}


def take_leave(world: World, account: Account, platform: Account) -> None:
    """End the connection from either side; the platform is told while it can be.

    The event's object is the application; calls for the account fail from then on.
    """
    about = application_object(platform)
    for platform_id, livemode in sorted(account.granted):
        if platform_id == platform.id:
            book = account.book(livemode=livemode)
            emit(world, book, "account.application.deauthorized", about)
    _revoke(world, account, platform.id)


def application_object(platform: Account) -> Obj:
    return {"id": platform.client_id, "object": "application", "name": platform.name}


def _revoke(world: World, account: Account, platform_id: str) -> None:
    account.granted = {g for g in account.granted if g[0] != platform_id}
    for key in world.keyring.of(account.id):
        if key.platform == platform_id:
            key.expired = True
