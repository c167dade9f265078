"""The control calls as methods, for tests and demos, by HTTP like everybody else."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.sandbox.errors import Obj


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The ids of a paying customer."""

    customer: str
    payment_method: str | None
    price: str
    product: str
    subscription: str


class Driver:
    """Drives a sandbox at this address, wherever it runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, name: str, body: Obj | None = None) -> Any:
        """Make one control call; raises RuntimeError where it is refused."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        try:
            sent = json.dumps(body or {}).encode()
            connection.request(method, f"/_sandbox/{name}", sent)
            answer = connection.getresponse()
            read = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} {name}: {read}")
        return read

    def now(self) -> str:
        """Return the sandbox's time, ISO 8601."""
        shown: str = self.call("GET", "clock")["now"]
        return shown

    def advance(
        self,
        *,
        to: str | None = None,
        days: float = 0,
        hours: float = 0,
        seconds: int = 0,
    ) -> str:
        """Let time pass, wait until all that is due has happened; return the time."""
        total = round(days * 86400 + hours * 3600 + seconds)
        body: Obj = {"to": to} if to else {"seconds": total}
        reached: str = self.call("POST", "advance", body)["now"]
        return reached

    def settle(self) -> None:
        """Wait until what API calls caused has been delivered."""
        self.call("POST", "settle")

    def script(self, card_or_customer: str, *answers: Any, default: Any = None) -> None:
        """Let this card (or customer's cards) answer so, in order, then `default`."""
        kind = "customer" if card_or_customer.startswith("cus_") else "payment_method"
        body = {kind: card_or_customer, "answers": list(answers), "default": default}
        self.call("POST", "script", body)

    def subscriber(self, **wish: Any) -> Subscriber:
        """Add a paying customer; see subscribers.Wish. The first period is charged."""
        return Subscriber(**self.call("POST", "subscriber", wish))

    def person(self, do: str, **what: Any) -> Obj:
        """Let a customer, the merchant or the card updater act; see acts.person."""
        done: Obj = self.call("POST", "person", {"do": do, **what})
        return done

    def seed(self, **sowing: Any) -> Obj:
        """Add subscribers with a past and hidden troubles; see seed.Sowing."""
        sown: Obj = self.call("POST", "seed", sowing)
        return sown

    def reset(self, **how: Any) -> None:
        """Begin again, from `seed` and `now`."""
        self.call("POST", "reset", how)

    def troubles(self, payment_method: str, *causes: Obj) -> None:
        """Give a card hidden causes to be refused."""
        body = {"payment_method": payment_method, "causes": list(causes)}
        self.call("POST", "causes", body)

    def retries(self, account: str | None = None, **settings: Any) -> None:
        """Change Stripe's own retries of an account; see accounts.RetrySettings."""
        body: Obj = {"retries": settings}
        self.call("POST", "settings", body | ({"account": account} if account else {}))

    def deliver(self, **settings: Any) -> None:
        """Change how webhooks travel; see world.DeliverySettings."""
        self.call("POST", "settings", {"deliveries": settings})

    def key(self, secret: str, **changes: Any) -> None:
        """Add or change an API key: account, permissions, grant, revoke, expired."""
        self.call("POST", "keys", {"key": secret, **changes})

    def fault(self, **fault: Any) -> None:
        """Let the next matching API calls fail; see faults.Fault."""
        self.call("POST", "faults", fault)

    def take_deliveries(self) -> list[Obj]:
        """Return what was held (deliver(mode="hold")): url, body, headers of each."""
        taken: list[Obj] = self.call("POST", "deliveries/take")
        return taken

    def deliveries(self) -> list[Obj]:
        found: list[Obj] = self.call("GET", "deliveries")
        return found

    def ledger(self) -> list[Obj]:
        """Return every charge ever tried, oldest first."""
        entries: list[Obj] = self.call("GET", "ledger")
        return entries

    def calls(self) -> Obj:
        made: Obj = self.call("GET", "calls")
        return made
