"""Connecting by key, the switch, a new key, leaving: against the sandbox by HTTP."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app import current
from app.config import STRIPE_API_BASE, Config
from app.domain.account import ConnectionStatus, ImportStage
from app.domain.event_types import HANDLED_TYPES
from app.domain.recovery import AttemptStatus, ClosedAs, PauseCause, RecoveryStatus
from app.sandbox import Sandbox
from app.sandbox.founding import (
    MERCHANT,
    MERCHANT_KEY,
    MERCHANT_LIVE_KEY,
    PANEL_PERMISSIONS,
)
from app.services import (
    accounts,
    endpoints,
    imports,
    key_access,
    leaving,
    recoveries,
    retries,
)
from app.services.account_rows import AccountRefused
from app.services.accounts import AlreadyConnected
from app.services.connections import gateway_of
from app.services.troubles import clear_trouble, note_trouble
from app.storage.connection_models import ImportRun
from app.storage.models import AuditEntry, Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import reading
from app.stripe_gateway.connection import READ_REPEATS
from tests.builders import a_user
from tests.conftest import MONDAY

OTHER_KEY = "rk_test_sandboxSecond"


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    """Settings with the sandbox for Stripe."""
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


def connected() -> int:
    return accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=MONDAY)


def the_row(account_id: int) -> StripeAccount:
    with reading() as session:
        return session.get_one(StripeAccount, account_id)


def actions() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def endpoints_at_stripe(account_id: int) -> list[tuple[str, tuple[str, ...]]]:
    found = gateway_of(account_id).webhook_endpoints()
    return [(endpoint.url, endpoint.events) for endpoint in found]


@pytest.mark.usefixtures("app")
class TestConnectWithKey:
    def test_the_account_is_kept_switched_on_with_its_import_to_do(self) -> None:
        row = the_row(connected())

        assert (row.stripe_account_id, row.livemode) == (MERCHANT, False)
        assert row.name == "Corner Shop"
        assert row.status is ConnectionStatus.CONNECTED
        assert row.is_on
        assert row.trouble is None
        assert len(row.connection_key) >= 43
        with reading() as session:
            run = session.scalars(select(ImportRun)).one()
        assert run.stage is ImportStage.LISTING

    def test_key_and_secret_are_sealed_and_in_no_audit_line(
        self, tmp_path: Path
    ) -> None:
        row = the_row(connected())

        assert current.vault().decrypt(row.sealed_api_key or "") == MERCHANT_KEY
        assert (
            current.vault()
            .decrypt(row.sealed_webhook_secret or "")
            .startswith("whsec_")
        )
        with reading() as session:
            told = "".join(a.detail for a in session.scalars(select(AuditEntry)))
        assert MERCHANT_KEY not in told
        assert "whsec_" not in told
        kept = b"".join(p.read_bytes() for p in tmp_path.glob("test.db*"))
        assert MERCHANT_KEY.encode() not in kept
        assert b"whsec_" not in kept

    def test_the_endpoint_is_made_with_exactly_the_events_we_handle(self) -> None:
        account_id = connected()

        (found,) = endpoints_at_stripe(account_id)
        key = the_row(account_id).connection_key
        assert found[0] == f"http://127.0.0.1:9/webhooks/stripe/{key}"
        assert set(found[1]) == set(HANDLED_TYPES)
        assert "invoice.created" not in found[1]

    def test_surrounding_space_is_forgiven(self) -> None:
        pasted = f"  {MERCHANT_KEY}\n"
        assert accounts.connect_with_key(pasted, user_id=None, now=MONDAY)

    def test_a_key_that_stripe_does_not_know_saves_nothing(self) -> None:
        with pytest.raises(AccountRefused, match="does not accept this key"):
            accounts.connect_with_key("rk_test_unknownKey123", user_id=None, now=MONDAY)
        with reading() as session:
            assert session.scalar(select(StripeAccount)) is None

    def test_no_answer_saves_nothing_and_says_so(self, sandbox: Sandbox) -> None:
        sandbox.stop()

        with pytest.raises(AccountRefused, match="did not answer") as refusal:
            connected()
        assert refusal.value.is_passing
        with reading() as session:
            assert session.scalar(select(StripeAccount)) is None

    def test_the_same_account_twice_is_refused_and_nothing_changes(self) -> None:
        first = connected()
        before = the_row(first).connection_key

        with pytest.raises(AlreadyConnected, match="connected here already"):
            connected()
        assert the_row(first).connection_key == before

    def test_live_and_test_of_one_account_are_two_connections(self) -> None:
        test = connected()
        live = accounts.connect_with_key(MERCHANT_LIVE_KEY, user_id=None, now=MONDAY)

        assert test != live
        assert the_row(live).livemode

    def test_a_missing_permission_is_named_and_then_granted(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.key(MERCHANT_KEY, revoke=["invoice_write"])
        account_id = connected()

        row = the_row(account_id)
        assert row.status is ConnectionStatus.TROUBLE
        assert "rak_invoice_write" in (row.trouble or "")

        sandbox.key(MERCHANT_KEY, grant=["invoice_write"])
        key_access.check_again(account_id, user_id=None, now=MONDAY)
        row = the_row(account_id)
        assert row.status is ConnectionStatus.CONNECTED
        assert row.trouble is None
        assert {p["status"] for p in row.permissions} == {"ok"}

    def test_no_answer_is_no_proof_that_the_trouble_is_over(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.key(MERCHANT_KEY, revoke=["invoice_write"])
        account_id = connected()
        sandbox.stop()

        with pytest.raises(AccountRefused, match="did not answer"):
            key_access.check_again(account_id, user_id=None, now=MONDAY)
        assert the_row(account_id).status is ConnectionStatus.TROUBLE

    def test_without_the_account_permission_the_id_stands_for_the_name(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.key(MERCHANT_KEY, revoke=["connected_account_read"])

        row = the_row(connected())
        assert (row.stripe_account_id, row.name) == (MERCHANT, MERCHANT)
        assert row.status is ConnectionStatus.CONNECTED

    def test_without_the_webhook_permission_it_is_made_by_hand(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.key(MERCHANT_KEY, revoke=["webhook_write"])
        account_id = connected()

        row = the_row(account_id)
        assert row.status is ConnectionStatus.CONNECTED
        assert "rak_webhook_write" in (row.webhook_note or "")

        endpoints.save_secret(
            account_id, " whsec_madeByHand1 ", user_id=None, now=MONDAY
        )
        sealed = the_row(account_id).sealed_webhook_secret or ""
        assert current.vault().decrypt(sealed) == "whsec_madeByHand1"


@pytest.mark.usefixtures("app")
class TestSwitch:
    def test_off_and_on_again_are_kept_with_their_time(self) -> None:
        account_id = connected()

        accounts.switch(account_id, is_on=False, user_id=None, now=MONDAY)
        assert not the_row(account_id).is_on
        accounts.switch(account_id, is_on=True, user_id=None, now=MONDAY)
        assert the_row(account_id).is_on
        assert actions()[-2:] == ["account.switched_off", "account.switched_on"]

    def test_setting_it_to_what_it_is_changes_nothing(self) -> None:
        account_id = connected()
        before = actions()

        accounts.switch(account_id, is_on=True, user_id=None, now=MONDAY)
        assert actions() == before


def the_due_attempt() -> RetryAttempt:
    with reading() as session:
        return session.scalars(
            select(RetryAttempt).where(RetryAttempt.status == AttemptStatus.SCHEDULED)
        ).one()


def our_charges(sandbox: Sandbox) -> int:
    return sum(1 for entry in sandbox.ledger() if entry["idempotency_key"])


def a_declined_renewal(sandbox: Sandbox) -> datetime:
    """Somebody's renewal is refused, an hour ago; the sandbox's time."""
    sandbox.retries(mode="none")
    member = sandbox.subscriber()
    assert member.payment_method
    sandbox.script(member.payment_method, default="insufficient_funds")
    sandbox.advance(days=30, hours=2)
    return datetime.fromisoformat(sandbox.now())


@pytest.mark.usefixtures("app")
class TestSwitchAndRetries:
    def test_off_holds_what_is_due_and_on_plans_it_anew(self, sandbox: Sandbox) -> None:
        declined = a_declined_renewal(sandbox)
        account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=declined)
        imports.go_on(now=declined)
        due = the_due_attempt().due_at
        later = due + timedelta(hours=1)
        accounts.switch(account_id, is_on=False, user_id=None, now=due)

        retries.run_due(now=later)
        assert our_charges(sandbox) == 0

        sandbox.advance(to=later.isoformat())
        accounts.switch(account_id, is_on=True, user_id=None, now=later)
        retries.run_due(now=later)
        assert the_due_attempt().due_at > later
        assert our_charges(sandbox) == 0
        retries.run_due(now=the_due_attempt().due_at)
        assert our_charges(sandbox) == 1


@pytest.mark.usefixtures("app")
class TestLeave:
    def test_disconnecting_forgets_the_secrets_and_removes_the_endpoint(self) -> None:
        account_id = connected()
        assert leaving.disconnect(account_id, user_id=None, now=MONDAY) is None

        row = the_row(account_id)
        assert row.status is ConnectionStatus.DISCONNECTED
        assert not row.is_on
        assert row.sealed_api_key is row.sealed_webhook_secret is None
        # Connected anew, the account has its old row and one endpoint only.
        assert connected() == account_id
        assert len(endpoints_at_stripe(account_id)) == 1
        assert the_row(account_id).connection_key != row.connection_key

    def test_what_was_closed_by_leaving_is_taken_up_by_coming_back(
        self, sandbox: Sandbox
    ) -> None:
        now = a_declined_renewal(sandbox)
        account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=now)
        imports.go_on(now=now)
        leaving.disconnect(account_id, user_id=None, now=now)
        with reading() as session:
            assert session.scalars(select(Recovery.closed_as)).one() is (
                ClosedAs.DISCONNECTED
            )

        accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=now)
        retries.run_due(now=now + timedelta(days=1))
        assert our_charges(sandbox) == 0
        imports.go_on(now=now)
        with reading() as session:
            recovery = session.scalars(select(Recovery)).one()
        assert (recovery.status, recovery.closed_as) == (RecoveryStatus.IN_RETRY, None)
        assert the_due_attempt().due_at > now

    def test_what_a_person_paused_is_still_paused_after_coming_back(
        self, sandbox: Sandbox
    ) -> None:
        now = a_declined_renewal(sandbox)
        account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=now)
        imports.go_on(now=now)
        with reading() as session:
            recovery_id = session.scalars(select(Recovery.id)).one()
        recoveries.pause(recovery_id, user_id=a_user(name="Mia").id, now=now)
        leaving.disconnect(account_id, user_id=None, now=now)

        accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=now)
        imports.go_on(now=now)
        retries.run_due(now=now + timedelta(days=20))
        with reading() as session:
            recovery = session.scalars(select(Recovery)).one()
        assert recovery.paused_because is PauseCause.PERSON
        assert our_charges(sandbox) == 0

    def test_what_stripe_refuses_to_clean_up_is_said(self, sandbox: Sandbox) -> None:
        account_id = connected()
        sandbox.key(MERCHANT_KEY, revoke=["webhook_write"])

        said = leaving.disconnect(account_id, user_id=None, now=MONDAY)
        assert "Delete it yourself" in (said or "")
        assert the_row(account_id).status is ConnectionStatus.DISCONNECTED

    def test_an_account_that_left_at_stripe_is_over_at_once(
        self, sandbox: Sandbox
    ) -> None:
        account_id = connected()
        sandbox.key(MERCHANT_KEY, expired=True)

        leaving.deauthorized(account_id, now=MONDAY)
        row = the_row(account_id)
        assert row.status is ConnectionStatus.DISCONNECTED
        assert not row.is_on
        assert "withdrawn" in (row.trouble or "")

    def test_trouble_does_not_bring_a_disconnected_account_back(self) -> None:
        account_id = connected()
        leaving.disconnect(account_id, user_id=None, now=MONDAY)

        note_trouble(account_id, "the key was revoked", now=MONDAY)
        clear_trouble(account_id, now=MONDAY)
        assert the_row(account_id).status is ConnectionStatus.DISCONNECTED


@pytest.mark.usefixtures("app")
class TestUpkeep:
    def test_a_new_key_of_the_same_account_takes_over(self, sandbox: Sandbox) -> None:
        account_id = connected()
        secret = the_row(account_id).sealed_webhook_secret
        note_trouble(account_id, "the key was revoked", now=MONDAY)
        sandbox.key(OTHER_KEY, account=MERCHANT, permissions=sorted(PANEL_PERMISSIONS))

        key_access.rotate_key(account_id, OTHER_KEY, user_id=None, now=MONDAY)
        row = the_row(account_id)
        assert current.vault().decrypt(row.sealed_api_key or "") == OTHER_KEY
        assert row.status is ConnectionStatus.CONNECTED
        assert row.sealed_webhook_secret == secret

    def test_a_key_of_the_other_mode_is_no_replacement(self) -> None:
        account_id = connected()

        with pytest.raises(AccountRefused, match="live mode"):
            key_access.rotate_key(
                account_id, MERCHANT_LIVE_KEY, user_id=None, now=MONDAY
            )
        sealed = the_row(account_id).sealed_api_key or ""
        assert current.vault().decrypt(sealed) == MERCHANT_KEY

    def test_a_replaced_webhook_secret_leaves_the_old_one_valid_and_one_endpoint(
        self,
    ) -> None:
        account_id = connected()
        before = the_row(account_id)

        assert endpoints.replace_secret(account_id, user_id=None, now=MONDAY)
        row = the_row(account_id)
        assert row.sealed_old_webhook_secret == before.sealed_webhook_secret
        assert row.sealed_webhook_secret != before.sealed_webhook_secret
        assert row.stripe_webhook_endpoint_id != before.stripe_webhook_endpoint_id
        assert len(endpoints_at_stripe(account_id)) == 1

    def test_an_endpoint_whose_secret_was_lost_in_a_crash_is_cleared_away(
        self,
    ) -> None:
        account_id = connected()
        url = endpoints.address_of(the_row(account_id))
        gateway_of(account_id).create_webhook_endpoint(url, ["invoice.paid"])

        assert endpoints.replace_secret(account_id, user_id=None, now=MONDAY)
        assert len(endpoints_at_stripe(account_id)) == 1

    @pytest.mark.parametrize(("status", "times"), [(404, 1), (500, READ_REPEATS + 1)])
    def test_the_endpoint_is_made_although_the_old_ones_cannot_be_listed(
        self, sandbox: Sandbox, status: int, times: int
    ) -> None:
        listing = "/v1/webhook_endpoints"
        sandbox.fault(method="GET", path=listing, status=status, times=times)

        account_id = connected()
        assert len(endpoints_at_stripe(account_id)) == 1
        assert the_row(account_id).sealed_webhook_secret is not None

    def test_trouble_is_told_once_and_is_over_once(self) -> None:
        account_id = connected()

        for _ in range(3):
            note_trouble(account_id, "the key was revoked", now=MONDAY)
        assert the_row(account_id).status is ConnectionStatus.TROUBLE
        for _ in range(2):
            clear_trouble(account_id, now=MONDAY)
        assert the_row(account_id).status is ConnectionStatus.CONNECTED
        assert actions()[-2:] == ["account.trouble", "account.trouble_over"]


class TestAddress:
    def test_a_private_address_cannot_be_reached_by_stripe(
        self, config: Config
    ) -> None:
        for host in ("127.0.0.1:8000", "localhost", "10.0.0.4", "panel", "p.local"):
            private = replace(
                config,
                public_url=f"http://{host}",
                stripe_api_base=STRIPE_API_BASE,
            )
            fault = endpoints.fault_of_address(private, livemode=False)
            assert fault is not None
            assert "PUBLIC_URL" in fault

    def test_live_events_need_https(self, config: Config) -> None:
        public = replace(
            config,
            public_url="http://panel.example.com",
            stripe_api_base=STRIPE_API_BASE,
        )
        assert endpoints.fault_of_address(public, livemode=False) is None
        assert "https" in (endpoints.fault_of_address(public, livemode=True) or "")
        safe = replace(public, public_url="https://panel.example.com")
        assert endpoints.fault_of_address(safe, livemode=True) is None
