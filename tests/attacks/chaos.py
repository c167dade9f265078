"""Kills the product at random moments, for hundreds of times, then counts.

    make chaos                                   # KILLS=500
    python -m tests.attacks.chaos --kills 500 --seed 7 [--database postgresql]

A sandbox merchant's renewals fail while time passes. Each life of the product (a
server that takes webhooks and works, a tick from the shell, a person's action, two of
them at once) ends by SIGKILL at a random moment, or at a random call of its own code.
In the end one life is left in peace, and rows are held against the sandbox's ledger:
nothing lost, nothing doubled, nothing stuck. The seed draws who lives how and dies
where; threads and the network keep their own luck, so a seed repeats a run nearly.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade

from app import create_app, current
from app.clock import Clock
from app.config import ROOT, Config
from app.domain.people import Role
from app.sandbox.driver import Driver
from app.sandbox.founding import MERCHANT_KEY
from app.services import accounts, people
from tests.attacks import lives, reckoning
from tests.attacks.lives import Death
from tests.conftest import FERNET_KEY
from tests.databases import a_server as a_postgresql
from tests.servers import a_free_port

START = "2026-11-02T09:00:00+00:00"
MONTH = 31 * 86_400  # seconds of sandbox time, spread over the kills
# How a customer's card answers, in turn, and then for good.
STORIES: tuple[tuple[tuple[Any, ...], Any], ...] = (
    (("insufficient_funds",), "approve"),
    (("insufficient_funds", "do_not_honor"), "approve"),
    (("generic_decline", "generic_decline", "generic_decline"), "approve"),
    ((), "insufficient_funds"),
    ((), "do_not_honor"),
    (("try_again_later",), "approve"),
    ((), "stolen_card"),
    ((), "approve"),
)
NEVER = Death()


@dataclass
class Chaos:
    """One run: the sandbox, the database, and what has happened so far."""

    sandbox: Driver
    config: Config
    clock: Path
    log: Path
    random: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    natural: int = 0  # lives that were over before their death came
    pace: float = 1.0  # real seconds that a quiet tick takes on this machine
    step: int = 3_600  # seconds that pass at once, at most
    entries: int = 4_000  # of a tick into functions of ours; corrected by what is seen

    def begin(self, subscribers: int) -> None:
        """A migrated database, a connected merchant, subscribers with their stories,
        whose renewals are a few hours away."""
        create_app(self.config)  # every life inherits what is made once a process
        for number in range(subscribers):
            person = self.sandbox.subscriber(email=f"{number}@example.com")
            answers, default = STORIES[number % len(STORIES)]
            self.sandbox.script(person.customer, *answers, default=default)
        self.sandbox.advance(days=29, hours=20)
        self._in_peace(lambda _app: upgrade())
        self._in_peace(_connect)
        began = time.monotonic()
        self._in_peace(lives.tick)
        self.pace = max(0.5, time.monotonic() - began)
        self.sandbox.deliver(duplicates=0.2, shuffle=True, delay=(0, 1800))

    def go(self, kills: int) -> None:
        """Live and be killed so many times, while a month passes."""
        self.step = round(MONTH / kills)
        while self.kills.total() < kills:
            self._one_life()

    def end(self) -> None:
        """Nobody is killed any more: let everything come to rest."""
        self.sandbox.deliver(duplicates=0.0, shuffle=False, delay=(0, 0))
        server = self._begin_life(lives.serve, NEVER)
        self._in_peace(lives.resume_all)
        # An answer that is missing is asked for after a quarter of an hour; what was
        # lost on the way is fetched by the comparison, every six hours.
        for hours in (0.1, 0.4, 6.5, 0.4, 0.4):
            self.sandbox.advance(hours=hours)
            self._in_peace(lives.tick)
        self._until_handled()
        os.kill(server, signal.SIGTERM)
        code = os.waitstatus_to_exitcode(os.waitpid(server, 0)[1])
        if code:
            raise SystemExit(f"the last server ended with {code}: see {self.log}")

    def _until_handled(self) -> None:
        """The server handles what has come; a tick waits for nothing else."""
        self.sandbox.settle()
        self._in_peace(lives.tick)
        self._in_peace(lives.tick)

    def _one_life(self) -> None:
        kind = self.random.choice(
            ("tick", "tick", "meddle", "server", "server", "both")
        )
        alive: dict[int, str] = {}
        if kind in ("server", "both"):
            death = Death(seconds=self.pace * self.random.uniform(0.2, 3))
            if self.random.random() < 0.3:
                death = self._at_a_call(3 * self.entries)
            alive[self._begin_life(lives.serve, death)] = "server"
        if kind in ("tick", "both"):
            alive[self._begin_life(lives.tick, self._at_a_call(self.entries))] = "tick"
        if kind == "meddle":
            deed = lives.meddle(self.random.randrange(1 << 30))
            alive[self._begin_life(deed, self._at_a_call(self.entries))] = "meddle"
        self._until_dead(alive)

    def _at_a_call(self, most: int) -> Death:
        if self.random.random() < 0.4:
            where = self.random.choice(lives.SHARP)
            return Death(calls=self.random.randint(1, 12), where=where)
        return Death(calls=self.random.randint(1, most))

    def _begin_life(self, deed: lives.Deed, death: Death) -> int:
        return lives.a_life(self.config, self.clock, deed, death, self.log)

    def _until_dead(self, alive: dict[int, str]) -> None:
        """Let some time pass, and wait until all have died."""
        end = time.monotonic() + 6 * self.pace
        self._let_time_pass()
        while alive:
            for pid in list(alive):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self._note(alive.pop(pid), os.waitstatus_to_exitcode(status))
            if time.monotonic() > end:
                for pid in alive:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        self._let_time_pass()

    def _let_time_pass(self) -> None:
        self.sandbox.advance(seconds=self.random.randint(0, self.step))

    def _note(self, kind: str, code: int) -> None:
        if code in (-signal.SIGKILL, lives.KILLED):
            self.kills[kind] += 1
        elif code == 0:
            # It was done before its death came: die earlier.
            self.natural += 1
            self.entries = max(500, int(self.entries * 0.95))
        else:
            raise SystemExit(f"a {kind} failed with {code}: see {self.log}")

    def _in_peace(self, deed: lives.Deed) -> None:
        pid = self._begin_life(deed, NEVER)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code:
            raise SystemExit(f"a quiet life ended with {code}: {self.log.read_text()}")


def _connect(_app: Flask) -> None:
    accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=current.now())
    people.add(
        "owner@example.com",
        "a long and silent password",
        role=Role.OWNER,
        now=current.now(),
    )


@contextmanager
def a_sandbox(folder: Path, seed: int) -> Iterator[Driver]:
    """The stand-in for Stripe, in a process of its own."""
    command = [sys.executable, "-m", "app.sandbox", "--port", "0", "--now", START]
    command += ["--clock-file", str(folder / "clock"), "--seed", str(seed)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Driver(process.stdout.readline().removeprefix("sandbox at ").strip())
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def run(folder: Path, url: str, *, kills: int, seed: int) -> list[str]:
    """Kill, rest, count; what does not fit."""
    began = time.monotonic()
    with a_sandbox(folder, seed) as sandbox:
        port = a_free_port()
        config = Config(
            database_url=url,
            secret_key="not-a-secret",
            encryption_keys=(FERNET_KEY,),
            port=port,
            public_url=f"http://127.0.0.1:{port}",
            stripe_api_base=sandbox.url,
            stripe_connect_base=sandbox.url,
        )
        log = folder / "lives.log"
        chance = random.Random(seed)
        chaos = Chaos(sandbox, config, folder / "clock", log, chance)
        chaos.begin(subscribers=max(24, min(120, kills // 4)))
        chaos.go(kills)
        chaos.end()
        found = _counted(chaos)
        _tell(chaos, seconds=time.monotonic() - began)
    return found


def _counted(chaos: Chaos) -> list[str]:
    app = create_app(chaos.config, clock=Clock(chaos.clock))
    with app.app_context():
        ledger, deliveries = chaos.sandbox.ledger(), chaos.sandbox.deliveries()
        found = list(reckoning.faults(ledger, deliveries, now=current.now()))
    said = chaos.log.read_text()
    if "Traceback" in said or "ERROR" in said:
        found.append(f"somebody complained: {said[:4000]}")
    return found


def _tell(chaos: Chaos, *, seconds: float) -> None:
    ledger = chaos.sandbox.ledger()
    ours = reckoning.ours(ledger)
    deaths = chaos.log.with_suffix(".deaths")
    places = Counter(deaths.read_text().splitlines()) if deaths.exists() else Counter()
    told = ", ".join(
        f"{many} of a {kind}" for kind, many in sorted(chaos.kills.items())
    )
    sys.stdout.write(
        f"{chaos.kills.total()} kills ({told}) in {seconds:.0f} s; {places.total()} of "
        f"them at a call, in {len(places)} functions\n"
        f"sandbox time {chaos.sandbox.now()}: {len(ledger)} charges, {len(ours)} of "
        f"them ours, {sum(e['ok'] is True for e in ours)} approved; "
        f"{len(chaos.sandbox.deliveries())} deliveries\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="sqlite"
    )
    parser.add_argument("--keep", action="store_true", help="leave the files there")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else int(time.time())
    sys.stdout.write(f"seed {seed}, {asked.database}\n")
    sys.stdout.flush()
    folder = Path(tempfile.mkdtemp(prefix="metricsco-chaos-"))
    is_postgresql = asked.database == "postgresql"
    with a_postgresql() if is_postgresql else nullcontext() as server:
        url = server.url(server.create()) if server else f"sqlite:///{folder}/chaos.db"
        found = run(folder, url, kills=asked.kills, seed=seed)
    for fault in found:
        sys.stdout.write(f"FAULT {fault}\n")
    sys.stdout.write(
        f"FAILED, {len(found)} faults; files in {folder}\n"
        if found
        else "nothing lost, nothing doubled, nothing stuck\n"
    )
    if not (found or asked.keep):
        shutil.rmtree(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
