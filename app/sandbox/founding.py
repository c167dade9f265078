"""The world as it begins: a Connect platform and one merchant, with known keys."""

from dataclasses import dataclass
from pathlib import Path

from app.sandbox.accounts import Account
from app.sandbox.clock import read_clock, wall_clock
from app.sandbox.permissions import ALL_PERMISSIONS, ApiKey, plain
from app.sandbox.world import World

PLATFORM = "acct_1SandboxPlatform"
PLATFORM_KEY = "sk_test_sandboxPlatform"
PLATFORM_LIVE_KEY = "sk_live_sandboxPlatform"
CLIENT_ID = "ca_SandboxPlatform"
LIVE_CLIENT_ID = "ca_SandboxPlatformLive"
MERCHANT = "acct_1SandboxMerchant"
MERCHANT_SECRET_KEY = "sk_test_sandboxMerchant"  # noqa: S105 (made up)
MERCHANT_KEY = "rk_test_sandboxMerchant"
MERCHANT_LIVE_KEY = "rk_live_sandboxMerchant"
# What a panel that wins back declined renewals asks for.
PANEL_PERMISSIONS = frozenset(
    {
        "charge_read",
        "connected_account_read",
        "customer_portal_write",
        "customer_read",
        "event_read",
        "invoice_write",
        "payment_intent_read",
        "payment_method_read",
        "plan_read",
        "product_read",
        "subscription_write",
        "webhook_write",
    }
)


@dataclass(frozen=True, slots=True)
class Founding:
    """How a world begins; `now` None takes the clock file's time or the machine's."""

    seed: int = 0
    now: int | None = None
    clock_file: Path | None = None


def found(founding: Founding) -> World:
    """Return a new world with its clock file written."""
    kept = founding.clock_file and read_clock(founding.clock_file)
    now = founding.now or kept or wall_clock()
    world = World(seed=founding.seed, now=now, clock_file=founding.clock_file)
    furnish(world)
    world.set_clock(now)
    return world


def furnish(world: World) -> None:
    """Add the platform and the merchant."""
    platform = Account(id=PLATFORM, name="Panel Platform")
    platform.client_id, platform.live_client_id = CLIENT_ID, LIVE_CLIENT_ID
    add_account(world, platform)
    add_account(world, Account(id=MERCHANT, name="Corner Shop"))
    for secret in (PLATFORM_KEY, PLATFORM_LIVE_KEY):
        world.keyring.add(ApiKey(secret, PLATFORM))
    world.keyring.add(ApiKey(MERCHANT_SECRET_KEY, MERCHANT))
    for secret in (MERCHANT_KEY, MERCHANT_LIVE_KEY):
        world.keyring.add(ApiKey(secret, MERCHANT, set(PANEL_PERMISSIONS)))


def add_account(world: World, account: Account) -> Account:
    account.created = world.now
    world.accounts[account.id] = account
    return account


def add_key(
    world: World, account_id: str, *, secret: str, permissions: list[str] | None
) -> ApiKey:
    """Add a key; None gives all permissions, as a secret key has."""
    allowed = None if permissions is None else plain(permissions)
    unknown = (allowed or set()) - ALL_PERMISSIONS
    if unknown:
        raise ValueError(f"unknown permissions: {sorted(unknown)}")
    return world.keyring.add(ApiKey(secret, account_id, allowed))
