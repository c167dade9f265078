"""`make backtest`: worlds by strategies, paired, into benchmarks/README.md.

Scored on the second half of a merchant's first 90 days; the first is there to learn
from. Takes about half a minute of CPU a world and seed.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.backtest.contestants import Learning, Unlearning
from app.backtest.figures import figures
from app.backtest.runner import Contestant, Record, Run, run
from app.domain.cases import Case
from app.domain.network_rules import expected_fee
from app.domain.network_rules_data import PUBLISHED, FeeFor
from app.domain.steps import RetryAt, Step
from app.domain.strategies.even_spread import EvenSpread
from app.domain.strategies.fixed_ladder import FixedLadder
from benchmarks.issuers.kit import World
from benchmarks.rivals import EightInTwoWeeks, RandomTimes

WORLDS = (
    *("us_debit", "eu_month_end", "strict_issuers", "fraud_and_outages", "limits"),
    *("stale_cards", "random_money", "shifted_paydays", "mixed_merchant"),
)
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- backtest: begin -->", "<!-- backtest: end -->"

# An advised refusal is billed whoever plans the tries: it tells no strategies apart.
AGAINST_RULES = replace(
    PUBLISHED,
    fees=tuple(fee for fee in PUBLISHED.fees if fee.charged_for is not FeeFor.ADVISED),
)

STRATEGIES: dict[str, Callable[[], Contestant]] = {
    "fixed-ladder": lambda: Unlearning(FixedLadder()),
    "random": lambda: Unlearning(RandomTimes()),
    "8 in 14 days": lambda: Unlearning(EightInTwoWeeks()),
    "even-spread": lambda: Unlearning(EvenSpread()),
    "adaptive": Learning,
}


@dataclass
class WithFees:
    """A contestant whose tries are priced by the networks' published fees."""

    inner: Contestant
    cents: int = 0

    def next_step(self, case: Case, *, now: datetime) -> Step:
        return self.inner.next_step(case, now=now)

    def when_due(self, case: Case, step: RetryAt, *, now: datetime) -> Step:
        again = self.inner.when_due(case, step, now=now)
        if isinstance(again, RetryAt) and again.at <= now:
            fee = expected_fee(case, now, rules=AGAINST_RULES)
            self.cents += fee.amount if fee else 0
        return again

    def heard(self, case: Case, step: RetryAt, *, paid: bool, now: datetime) -> None:
        self.inner.heard(case, step, paid=paid, now=now)

    def ended(self, case: Case, *, now: datetime) -> None:
        self.inner.ended(case, now=now)


def measured(world: str, *, cases: int, seed: int) -> dict[str, dict[str, Any]]:
    """Each strategy's figures in one world, the oracle's last."""
    make = importlib.import_module(f"benchmarks.issuers.{world}").world
    found: dict[str, dict[str, Any]] = {}
    for name, strategy in STRATEGIES.items():
        contestant = WithFees(strategy())
        record = run(lambda: make(seed), contestant, cases=cases, seed=seed)
        found[name] = _row(_second_half(record), record, contestant.cents)
        print(f"{world} seed {seed} {name}: {json.dumps(found[name])}", flush=True)
    found["oracle"] = _oracle(make(seed), cases)
    return found


def _second_half(record: Record) -> list[Run]:
    runs = sorted(record.runs.values(), key=lambda one: one.case.declined_at)
    return runs[len(runs) // 2 :]


def _row(runs: list[Run], record: Record, cents: int) -> dict[str, Any]:
    scored = figures(runs)
    return {
        "amount": scored.recovered_amount,
        "invoices": scored.recovered_invoices,
        "tries": scored.attempts_per_recovery,
        "days": scored.median_days_to_money,
        "fees": cents / 100,
        "breaches": sum(record.breaches.as_dict().values()),
        "most": scored.max_attempts_on_an_invoice,
        "ms": round(1000 * median(record.decision_seconds), 2),
    }


def _oracle(world: World, cases: int) -> dict[str, Any]:
    """One try at the first hour that would be approved; hard refusals are left."""
    told = sorted(world.declines(cases), key=lambda case: case["declined_at"])
    scored = told[len(told) // 2 :]
    paid, days = 0, []
    for case in scored:
        if world.holders[case["case_id"]].cause == "hard":
            continue
        at = world.clairvoyant(case["case_id"])
        if at is not None:
            paid += case["amount"]
            days.append((at - case["declined_at"]) / timedelta(days=1))
    return {
        "amount": paid / sum(case["amount"] for case in scored),
        "invoices": len(days) / len(scored),
        "tries": 1.0,
        "days": median(days),
        "fees": 0.0,
        "breaches": 0,
    }


Found = dict[str, list[dict[str, dict[str, Any]]]]


def table(found: Found) -> str:
    """The rows of README.md: means over seeds."""
    lines = [
        "| world | strategy | amount | invoices | tries | days | fees | breaches |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for world, seeds in found.items():
        for name in seeds[0]:
            row = {
                key: mean(float(seed[name][key] or 0) for seed in seeds)
                for key in ("amount", "invoices", "tries", "days", "fees", "breaches")
            }
            lines.append(
                f"| {world} | {name} | {row['amount']:.1%} | {row['invoices']:.1%} | "
                f"{row['tries']:.2f} | {row['days']:.1f} | {row['fees']:.2f} | "
                f"{row['breaches']:.0f} |"
            )
    return "\n".join(lines)


def summary(found: Found) -> str:
    """Adaptive beside even spread, worst world first, and what the oracle leaves."""
    lines = [
        "| world | invoices | amount | even, of oracle | adaptive | gap closed |",
        "|---|---|---|---|---|---|",
    ]
    rows = [(world, *_compared(seeds)) for world, seeds in found.items()]
    for world, invoices, amount, even, adaptive in sorted(rows, key=lambda row: row[1]):
        closed = (adaptive - even) / (1 - even) if even < 1 else 0.0
        lines.append(
            f"| {world} | {invoices:+.1f} | {amount:+.1f} | {even:.1%} | "
            f"{adaptive:.1%} | {closed:.0%} |"
        )
    average = [mean(row[number] for row in rows) for number in range(1, 5)]
    closed = (average[3] - average[2]) / (1 - average[2])
    lines.append(
        f"| **mean** | **{average[0]:+.1f}** | **{average[1]:+.1f}** | "
        f"{average[2]:.1%} | {average[3]:.1%} | {closed:.0%} |"
    )
    return "\n".join(lines)


def _compared(seeds: list[dict[str, dict[str, Any]]]) -> tuple[float, ...]:
    def average(name: str, key: str) -> float:
        return mean(float(seed[name][key]) for seed in seeds)

    oracle = average("oracle", "invoices")
    even, adaptive = (average(one, "invoices") for one in ("even-spread", "adaptive"))
    amount = average("adaptive", "amount") - average("even-spread", "amount")
    return (
        100 * (adaptive - even),
        100 * amount,
        even / oracle,
        adaptive / oracle,
    )


def main() -> None:
    """Measure, print, and renew the tables in README.md."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--cases", type=int, default=1000)
    wanted.add_argument("--seeds", default="1,2")
    wanted.add_argument("--worlds", default=",".join(WORLDS))
    given = wanted.parse_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    found = {
        world: [measured(world, cases=given.cases, seed=seed) for seed in seeds]
        for world in given.worlds.split(",")
    }
    text = (
        f"{given.cases} cases a world, seeds {given.seeds}, scored on the second 45 "
        f"days.\n\n{summary(found)}\n\n{table(found)}"
    )
    print(text)
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
