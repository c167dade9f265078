"""Control calls that change who is there and what they do: cards, people, keys."""

from dataclasses import asdict, fields
from typing import Any

from app.sandbox import founding
from app.sandbox.accounts import Account, RetrySettings
from app.sandbox.answers import read_answer
from app.sandbox.causes import demand_known
from app.sandbox.errors import Obj, invalid
from app.sandbox.oauth import take_leave
from app.sandbox.people import cancel, new_card, pay_on_page, update_card
from app.sandbox.permissions import plain
from app.sandbox.seed import Sowing, sow
from app.sandbox.subscribers import Wish, subscribe
from app.sandbox.world import DeliverySettings, World


def script(world: World, told: Obj) -> Obj:
    """{"payment_method" | "customer": id, "answers": [...], "default": answer}."""
    name = told.get("payment_method") or told["customer"]
    answers, default = list(told.get("answers", [])), told.get("default")
    for answer in [*answers, default]:
        if answer is not None:
            read_answer(answer, brand="visa")
    with world.lock:
        world.scripts[name] = {"answers": answers, "default": default}
    return {"scripted": name, "answers": len(answers)}


def causes(world: World, told: Obj) -> Obj:
    """{"payment_method": id, "causes": [{"kind": ...}]}: give a card its troubles."""
    for cause in told["causes"]:
        demand_known(cause)
    with world.lock:
        world.causes[told["payment_method"]] = list(told["causes"])
    return {"causes": len(told["causes"])}


def subscriber(world: World, told: Obj) -> Obj:
    """{"account", "livemode", fields of subscribers.Wish}: a paying customer."""
    with world.lock:
        account = world.account(told.pop("account", founding.MERCHANT))
        book = account.book(livemode=told.pop("livemode", False))
        return subscribe(world, book, Wish(**told))


def add_account(world: World, told: Obj) -> Obj:
    """{"id", "name", "country", "currency", "client_id", "redirect_uris"}."""
    with world.lock:
        account_id = told.get("id") or world.ids.new("acct", length=16)
        account = founding.add_account(
            world,
            Account(
                id=account_id,
                name=told.get("name", "Another Shop"),
                email=told.get("email", "owner@example.com"),
                country=told.get("country", "US"),
                currency=told.get("currency", "usd"),
                client_id=told.get("client_id"),
                redirect_uris=told.get("redirect_uris", []),
            ),
        )
    return {"id": account.id}


def settings(world: World, told: Obj) -> Obj:
    """Change an account's own retries, or how webhooks travel.

    {"account": id, "retries": {"mode": "none"|"custom"|"smart", "days": [3, 5, 7],
    "at_the_end": "cancel"|"unpaid"|"leave", "invoice_at_the_end":
    "leave"|"uncollectible", "automations": false}, "deliveries": {"mode":
    "send"|"hold", "duplicates": 0..1, "drop": 0..1, "shuffle": bool, "delay":
    [from, to], "workers": n, "timeout": seconds}}
    """
    with world.lock:
        account = world.account(told.get("account", founding.MERCHANT))
        _assign(account.retries, told.get("retries", {}), RetrySettings)
        _assign(world.delivery, told.get("deliveries", {}), DeliverySettings)
        world.delivery.delay = (world.delivery.delay[0], world.delivery.delay[1])
        return {
            "retries": asdict(account.retries),
            "deliveries": asdict(world.delivery),
        }


def _assign(target: Any, told: Obj, kind: type[Any]) -> None:
    known = {field.name for field in fields(kind)}
    for name, value in told.items():
        if name not in known:
            raise invalid(f"No such setting: {name}", param=name)
        setattr(target, name, value)


def keys(world: World, told: Obj) -> Obj:
    """Add or change a key.

    {"key": secret, "account": id, "permissions": [...] | null, "grant": [...],
    "revoke": [...], "expired": bool}
    """
    with world.lock:
        key = world.keyring.keys.get(told["key"])
        if key is None:
            key = founding.add_key(
                world,
                world.account(told["account"]).id,
                secret=told["key"],
                permissions=told.get("permissions"),
            )
        elif "permissions" in told:
            wanted = told["permissions"]
            key.permissions = None if wanted is None else plain(wanted)
        if key.permissions is not None:
            key.permissions |= plain(told.get("grant", []))
            key.permissions -= plain(told.get("revoke", []))
        key.expired = told.get("expired", key.expired)
        allowed = key.permissions
    return {"key": key.secret, "permissions": allowed and sorted(allowed)}


def connect(world: World, told: Obj) -> Obj:
    """{"account", "platform", "livemode", "granted": bool}: without the OAuth pages."""
    grant = (told.get("platform", founding.PLATFORM), told.get("livemode", False))
    with world.lock:
        granted = world.account(told["account"]).granted
        granted.add(grant) if told.get("granted", True) else granted.discard(grant)
    return {"granted": grant in granted}


def seed(world: World, told: Obj) -> Obj:
    """{"account", fields of seed.Sowing}: a merchant with subscribers and a past."""
    with world.lock:
        account = world.account(told.pop("account", founding.MERCHANT))
        return sow(world, account, Sowing(**told))


def person(world: World, told: Obj) -> Obj:
    """Let somebody else act: {"do": ..., "account", "livemode", ...}.

    "new_card" (customer, card, everywhere, same_as), "pay_on_page" (invoice, card),
    "cancel" (subscription, reason), "update_card" (payment_method), "disconnect".
    """
    with world.lock:
        account = world.account(told.pop("account", founding.MERCHANT))
        book = account.book(livemode=told.pop("livemode", False))
        match told:
            case {"do": "new_card", "customer": owner, **more}:
                card = more.get("card", "pm_card_visa")
                everywhere = more.get("everywhere", True)
                made = new_card(
                    world,
                    book,
                    owner,
                    card=card,
                    everywhere=everywhere,
                    same_as=more.get("same_as"),
                )
                return {"payment_method": made["id"]}
            case {"do": "pay_on_page", "invoice": invoice, **more}:
                return pay_on_page(world, book, invoice, card=more.get("card"))
            case {"do": "cancel", "subscription": subscription, **more}:
                reason = more.get("reason", "cancellation_requested")
                return cancel(world, book, subscription, reason=reason)
            case {"do": "update_card", "payment_method": method}:
                update_card(world, book, {"payment_method": method})
                return {"payment_method": method}
            case {"do": "disconnect"}:
                take_leave(world, account, world.account(founding.PLATFORM))
                return {"account": account.id}
    raise invalid(f"Nobody does that: {told.get('do')}", param="do")
