"""Secrets at rest: sealed, told by key, sealed anew, and nowhere in the open."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import update

from app import create_app, current
from app.config import Config
from app.extensions import db
from app.services import sealed_values
from app.services.doctor import examine
from app.storage.connection_models import PlatformWebhook
from app.storage.models import StripeAccount
from app.storage.people_models import SecondFactor
from app.storage.transaction import reading, transaction
from app.vault import SecretUnreadable, Vault, id_of
from tests.builders import a_account, a_user
from tests.conftest import FERNET_KEY, MONDAY, SetClock

OLD, NEW, OTHER = FERNET_KEY, *(Fernet.generate_key().decode() for _ in range(2))
SECRET = "rk_live_51canaryCanaryCanary"
SIGNING = "whsec_canaryCanaryCanary"
TOTP = "JBSWY3DPEHPK3PXPCANARY"

Run = Callable[..., tuple[int, str]]


def _legacy(text: str, key: str = OLD) -> str:
    """As versions before the envelopes sealed."""
    return Fernet(key).encrypt(text.encode()).decode()


def test_what_is_sealed_is_read_again_and_never_looks_the_same() -> None:
    vault = Vault((OLD,))
    one, two = vault.encrypt(SECRET), vault.encrypt(SECRET)
    assert one != two
    assert SECRET not in one
    assert vault.decrypt(one) == vault.decrypt(two) == SECRET
    assert OLD not in repr(vault.__dict__)


def test_a_sealed_text_names_its_key() -> None:
    sealed = Vault((OLD,)).encrypt(SECRET)
    both = Vault((NEW, OLD))
    assert both.key_of(sealed) == id_of(OLD)
    assert both.key_of(both.encrypt(SECRET)) == both.newest == id_of(NEW)
    assert both.key_of(_legacy(SECRET)) == id_of(OLD)
    assert Vault((NEW,)).key_of(_legacy(SECRET)) is None


@pytest.mark.parametrize("seal", [Vault((OLD,)).encrypt, _legacy])
def test_sealing_anew_needs_both_keys_and_then_only_the_new_one(
    seal: Callable[[str], str],
) -> None:
    anew = Vault((NEW, OLD)).rotate(seal(SECRET))
    assert Vault((NEW,)).decrypt(anew) == SECRET
    with pytest.raises(SecretUnreadable):
        Vault((OLD,)).decrypt(anew)
    with pytest.raises(SecretUnreadable):
        Vault((NEW,)).rotate(seal(SECRET))


def test_sealing_an_envelope_anew_leaves_the_secret_closed() -> None:
    sealed = Vault((OLD,)).encrypt(SECRET)
    anew = Vault((NEW, OLD)).rotate(sealed)
    assert anew.split(".")[3] == sealed.split(".")[3]
    assert anew.split(".")[2] != sealed.split(".")[2]


@pytest.mark.parametrize(
    "sealed", ["", "e1.", "e1.a.b", "e1.a.b.c", "e1.a.b.c.d", "x", "e1...", "gAAAA"]
)
def test_what_was_never_sealed_is_unreadable_and_told_nothing_of(sealed: str) -> None:
    with pytest.raises(SecretUnreadable) as raised:
        Vault((OLD,)).decrypt(sealed)
    assert raised.value.__cause__ is None
    assert not Vault((OLD,)).opens(sealed)


def test_a_changed_text_is_unreadable() -> None:
    vault = Vault((OLD,))
    head, key, wrapped, body = vault.encrypt(SECRET).split(".")
    other = vault.encrypt("something else").split(".")
    for mixed in (
        (head, key, other[2], body),
        (head, id_of(NEW), wrapped, body),
        (head, key, wrapped, body[:-6] + "AAAAA="),
    ):
        with pytest.raises(SecretUnreadable):
            vault.decrypt(".".join(mixed))


@pytest.fixture
def kept(app: Flask) -> StripeAccount:
    """A secret of each kind, sealed under OLD; some as older versions did."""
    seal = current.vault().encrypt
    account = a_account(
        sealed_api_key=seal(SECRET),
        sealed_webhook_secret=_legacy(SIGNING),
        sealed_old_webhook_secret=seal(SIGNING),
    )
    user = a_user()
    with transaction() as session:
        session.add(
            SecondFactor(user_id=user.id, sealed_secret=seal(TOTP), on_since=MONDAY)
        )
        session.add(
            PlatformWebhook(
                client_id="ca_1",
                stripe_webhook_endpoint_id="we_1",
                url="https://x.example",
                sealed_secret=seal(SIGNING),
                made_at=MONDAY,
            )
        )
    return account


@pytest.fixture
def with_keys(
    config: Config, clock: SetClock, app: Flask
) -> Iterator[Callable[..., Flask]]:
    """The application anew on the same database, with other keys."""
    made = []

    def with_keys(*keys: str) -> Flask:
        made.append(create_app(replace(config, encryption_keys=keys), clock=clock))
        return made[-1]

    yield with_keys
    for one in made:
        with one.app_context():
            for engine in db.engines.values():
                engine.dispose()


def _run(app: Flask, *words: str) -> tuple[int, str]:
    with app.app_context():
        done = app.test_cli_runner().invoke(args=["keys", *words])
    return done.exit_code, done.output


def test_rotation_from_one_key_to_the_next_loses_nothing(
    kept: StripeAccount, with_keys: Callable[..., Flask]
) -> None:
    both = with_keys(NEW, OLD)
    code, told = _run(both, "status")
    assert code == 0
    assert f"{id_of(NEW)}, the newest: seals 0" in told
    assert f"{id_of(OLD)}: seals 5" in told
    assert _run(both, "rotate") == (0, f"5 sealed anew with key {id_of(NEW)}.\n")
    assert _run(both, "rotate") == (0, f"0 sealed anew with key {id_of(NEW)}.\n")
    assert f"{id_of(OLD)}: seals 0; it may be taken out" in _run(both, "status")[1]

    new = with_keys(NEW)
    assert _run(new, "status") == (0, f"{id_of(NEW)}, the newest: seals 5\n")
    with new.app_context(), reading() as session:
        row = session.get_one(StripeAccount, kept.id)
        assert current.vault().decrypt(row.sealed_api_key or "") == SECRET
        assert current.vault().decrypt(row.sealed_webhook_secret or "") == SIGNING


def test_what_cannot_be_sealed_anew_is_said_and_the_rest_is_done(
    kept: StripeAccount, with_keys: Callable[..., Flask]
) -> None:
    foreign = Vault((OTHER,)).encrypt(SECRET)
    with transaction() as session:
        session.execute(update(StripeAccount).values(sealed_api_key=foreign))
    code, told = _run(with_keys(NEW, OLD), "rotate")
    assert code == 1
    assert "4 sealed anew" in told
    assert f"cannot be read: stripe_account {kept.id}, api_key" in told
    code, told = _run(with_keys(NEW, OLD), "status")
    assert code == 1
    assert f"{id_of(OTHER)}, not here: seals 1" in told


def test_a_value_renewed_meanwhile_is_left_as_it_is(
    kept: StripeAccount,
    with_keys: Callable[..., Flask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with with_keys(NEW, OLD).app_context():
        vault, renewed = current.vault(), current.vault().encrypt("rk_live_newer")
        rotate = vault.rotate

        def meanwhile(self: Vault, sealed: str) -> str:
            with transaction() as session:
                session.execute(update(StripeAccount).values(sealed_api_key=renewed))
            return rotate(sealed)

        monkeypatch.setattr(Vault, "rotate", meanwhile)
        assert sealed_values.rotate().left == []
        with reading() as session:
            assert session.get_one(StripeAccount, kept.id).sealed_api_key == renewed


def test_a_lost_key_is_told_at_the_start_and_by_the_doctor(
    kept: StripeAccount, with_keys: Callable[..., Flask]
) -> None:
    assert sealed_values.warning() is None
    with with_keys(NEW).app_context():
        told = sealed_values.warning()
        assert told
        assert told.startswith("5 stored secrets cannot be read with the keys in")
        assert f"stripe_account {kept.id}, api_key" in told
        assert told in [found.sentence for found in examine(now=MONDAY)]


@pytest.mark.sqlite
def test_the_database_file_alone_reveals_no_credential(
    kept: StripeAccount, config: Config
) -> None:
    file = Path(config.database_url.removeprefix("sqlite:///"))
    kept_bytes = b"".join(
        path.read_bytes() for path in file.parent.glob(f"{file.name}*")
    )
    assert kept.stripe_account_id.encode() in kept_bytes  # it is the right file
    for secret in (SECRET, SIGNING, TOTP, OLD, "canary", "Canary"):
        assert secret.encode() not in kept_bytes
