"""The chain of the audit trail: what it covers and what breaks it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from app.domain.audit_chain import BEGINNING, Link, Sealable, seal_of, verify
from tests.conftest import MONDAY

ENTRY = Sealable(7, MONDAY, 1, None, 3, "recovery.stop", "“why”")


def a_chain(length: int = 5) -> list[Link]:
    links, head = [], BEGINNING
    for position in range(1, length + 1):
        entry = replace(ENTRY, id=position * 10)
        head = seal_of(entry, position=position, before=head)
        links.append(Link(position, entry, head))
    return links


def test_the_seal_is_what_its_description_says() -> None:
    told = (
        f'["{BEGINNING}",1,7,"2026-11-02T09:00:00.000000+00:00",1,null,3,'
        '"recovery.stop","“why”"]'
    )
    expected = hashlib.sha256(told.encode()).hexdigest()
    assert seal_of(ENTRY, position=1, before=BEGINNING) == expected


def test_a_whole_chain_is_whole() -> None:
    found = verify(a_chain())
    assert (found.length, found.head, found.fault) == (5, a_chain()[-1].seal, None)
    assert verify([]).fault is None


@pytest.mark.parametrize(
    "over",
    [
        {"id": 31},
        {"at": MONDAY + timedelta(microseconds=1)},
        {"user_id": None},
        {"account_id": 0},
        {"recovery_id": None},
        {"action": "recovery.stops"},
        {"detail": "“why” "},
    ],
)
def test_a_change_of_any_field_breaks_it_there(over: dict[str, Any]) -> None:
    links = a_chain()
    links[2] = replace(links[2], entry=replace(links[2].entry, **over))
    found = verify(links)
    assert found.length == 2
    assert found.fault
    assert found.fault.startswith("entry 3 of the chain")


def test_the_same_moment_in_another_zone_is_no_change() -> None:
    links = a_chain()
    there = MONDAY.astimezone(timezone(timedelta(hours=9)))
    links[2] = replace(links[2], entry=replace(links[2].entry, at=there))
    assert verify(links).fault is None


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (lambda links: links.pop(1), "entry 2 of the chain is missing"),
        (lambda links: links.insert(1, links[1]), "entry 3 of the chain is missing"),
        (lambda links: links.pop(0), "entry 1 of the chain is missing"),
    ],
)
def test_what_is_missing_or_doubled_is_named(
    tamper: Callable[[list[Link]], Any], fault: str
) -> None:
    links = a_chain()
    tamper(links)
    assert verify(links).fault == fault


def test_a_chain_forged_anew_does_not_fit_what_was_noted_down() -> None:
    noted = (4, a_chain()[3].seal)
    assert verify(a_chain(), anchor=noted).fault is None
    forged, head = [], BEGINNING
    for link in a_chain():
        entry = replace(link.entry, detail="nothing happened")
        head = seal_of(entry, position=link.position, before=head)
        forged.append(Link(link.position, entry, head))
    assert verify(forged).fault is None
    told = verify(forged, anchor=noted).fault
    assert told == "entry 4 is not the one that was noted down"


def test_a_chain_cut_off_does_not_reach_what_was_noted_down() -> None:
    noted = (5, a_chain()[4].seal)
    found = verify(a_chain(3), anchor=noted)
    assert found.fault == "the chain ends before entry 5, the one noted down"
