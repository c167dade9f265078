from app.web.throttle import Throttle
from tests.conftest import MONDAY


def _waits(throttle: Throttle, email: str, address: str | None) -> bool:
    return throttle.wait_seconds(email, address, device=None, now=MONDAY) > 0


def _fails(throttle: Throttle, email: str, address: str, times: int) -> None:
    for _ in range(times):
        throttle.count_failure(email, address, device=None, now=MONDAY)


def test_one_address_may_not_try_many_accounts() -> None:
    throttle = Throttle()
    for number in range(30):
        _fails(throttle, f"user{number}@example.com", "203.0.113.9", 1)
    assert _waits(throttle, "another@example.com", "203.0.113.9")
    assert not _waits(throttle, "another@example.com", "203.0.113.10")


def test_one_household_of_ipv6_counts_as_one() -> None:
    throttle = Throttle()
    _fails(throttle, "ann@example.com", "2001:db8::1", 5)
    assert _waits(throttle, "ann@example.com", "2001:db8::ffff")
    assert not _waits(throttle, "ann@example.com", "2001:db8:0:1::1")


def test_its_memory_is_bounded() -> None:
    throttle = Throttle()
    for number in range(8000):
        _fails(
            throttle, f"{number}@example.com", f"10.{number >> 8}.{number & 255}.1", 1
        )
    assert len(throttle._counts) <= 20_000
