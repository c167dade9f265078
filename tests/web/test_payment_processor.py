"""The Payment Processor tab, by key: pages, fragments, roles."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from markupsafe import escape

from app.config import Config
from app.domain.account import ConnectionStatus
from app.domain.people import Role
from app.sandbox import Sandbox
from app.sandbox.founding import MERCHANT, MERCHANT_KEY, MERCHANT_LIVE_KEY
from app.services import imports, reconciler
from app.storage.models import StripeAccount, User
from app.storage.transaction import reading
from app.stripe_gateway import PROBES
from app.vault import Vault
from app.web.stripe_links import permission_name
from tests.builders import a_account
from tests.conftest import MONDAY, a_user
from tests.stripe_events import an_event, deliver

TAB = "/account/payment-processor"
HTMX = {"HX-Request": "true"}

COUNTED = {
    "events_compared_since": MONDAY - timedelta(hours=6),
    "events_compared_at": MONDAY,
}

SignIn = Callable[[User], FlaskClient]


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    """Settings with the sandbox for Stripe; forms need no token here."""
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


def post(client: FlaskClient, path: str, **form: str) -> tuple[int, str]:
    headers = {"X-CSRFToken": token_of(client)}
    answer = client.post(f"{TAB}{path}", data=form, headers=headers)
    return answer.status_code, answer.text


def token_of(client: FlaskClient) -> str:
    found = re.search(r'"X-CSRFToken": "([^"]+)"', client.get(TAB).text)
    assert found
    return found[1]


def rows() -> list[StripeAccount]:
    with reading() as session:
        return list(session.query(StripeAccount).order_by(StripeAccount.id))


def test_before_connecting_the_tab_lists_every_permission_and_why(
    owner: FlaskClient,
) -> None:
    page = owner.get(TAB).text

    assert "Not connected" in page
    for probe in PROBES:
        assert probe.slug in page
        assert str(escape(probe.why)) in page


def test_a_pasted_key_leads_to_the_completion_page(owner: FlaskClient) -> None:
    headers = {"X-CSRFToken": token_of(owner)}
    answer = owner.post(
        f"{TAB}/stripe/key", data={"api_key": MERCHANT_KEY}, headers=headers
    )

    assert answer.status_code == 303
    page = owner.get(answer.location).text
    assert "Your integration is complete" in page
    assert "Corner Shop" in page
    assert MERCHANT in page
    tab = owner.get(TAB).text
    assert 'role="switch" aria-checked="true"' in tab
    assert MERCHANT_KEY not in page + tab
    assert "whsec_" not in page + tab.replace("whsec_…", "")


def test_each_permission_has_the_name_that_stripe_shows(owner: FlaskClient) -> None:
    """Stripe's page for a new key knows no slugs: only its error messages do."""
    page = owner.get(TAB).text
    for probe in PROBES:
        name = permission_name(probe.slug)
        assert name.endswith((": Read", ": Write")), probe.slug
        assert re.search(f"{re.escape(name)}.*?{probe.slug}", page, re.S), name


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("sk_test_sandboxMerchant", "Stripe&#39;s policy"),
        ("pk_test_abc12345678", "publishable"),
        ("", "Paste the key"),
        ("rk_test_unknownToStripe", "does not accept this key"),
    ],
)
def test_any_other_key_is_refused_in_the_form_and_not_shown(
    owner: FlaskClient, key: str, why: str
) -> None:
    status, page = post(owner, "/stripe/key", api_key=key)

    assert status == 422
    assert why in page
    assert not key or key not in page
    assert rows() == []


def test_when_stripe_does_not_answer_the_page_says_to_try_again(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    sandbox.stop()

    status, page = post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    assert status == 503
    assert "did not answer" in page


def test_the_switch_works_as_a_form_and_as_a_fragment(owner: FlaskClient) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)

    assert post(owner, "/stripe/toggle", on="0")[0] == 303
    assert not rows()[0].is_on
    headers = {"X-CSRFToken": token_of(owner), **HTMX}
    answer = owner.post(f"{TAB}/stripe/toggle", data={"on": "1"}, headers=headers)
    assert rows()[0].is_on
    assert answer.text.lstrip().startswith("<section")
    assert 'aria-checked="true"' in answer.text


def test_without_a_word_the_switch_flips(owner: FlaskClient) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)

    post(owner, "/stripe/toggle")
    assert not rows()[0].is_on
    post(owner, "/stripe/toggle")
    assert rows()[0].is_on


def test_with_two_accounts_the_form_must_say_which(owner: FlaskClient) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    post(owner, "/stripe/key", api_key=MERCHANT_LIVE_KEY)
    _, second = rows()

    assert post(owner, "/stripe/toggle", on="0")[0] == 422
    assert post(owner, "/stripe/toggle", on="0", account="999")[0] == 404
    assert post(owner, "/stripe/toggle", on="0", account="x")[0] == 404
    assert all(row.is_on for row in rows())
    assert post(owner, "/stripe/toggle", on="0", account=str(second.id))[0] == 303
    assert [row.is_on for row in rows()] == [True, False]


def test_disconnecting_keeps_the_card_and_offers_to_connect(
    owner: FlaskClient,
) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)

    assert post(owner, "/stripe/disconnect")[0] == 303
    assert rows()[0].status is ConnectionStatus.DISCONNECTED
    page = owner.get(TAB).text
    assert "Disconnected" in page
    assert "Corner Shop" in page
    assert "Restricted key" in page
    assert post(owner, "/stripe/disconnect")[0] == 404


def test_the_missing_permission_is_named_and_then_granted(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    sandbox.key(MERCHANT_KEY, revoke=["charge_read"])
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    page = owner.get(TAB).text
    assert "lacks the permission rak_charge_read" in page

    sandbox.key(MERCHANT_KEY, grant=["charge_read"])
    post(owner, "/stripe/check")
    assert "lacks the permission" not in owner.get(TAB).text


def test_without_the_webhook_permission_address_and_events_are_shown(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    sandbox.key(MERCHANT_KEY, revoke=["webhook_write"])
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)

    page = owner.get(TAB).text
    assert f"/webhooks/stripe/{rows()[0].connection_key}" in page
    assert "invoice.payment_failed" in page
    assert post(owner, "/stripe/webhook/secret", webhook_secret="nonsense")[0] == 303
    assert "not a signing secret" in owner.get(TAB).text
    post(owner, "/stripe/webhook/secret", webhook_secret="whsec_byHand12345")
    page = owner.get(TAB).text
    assert "Events are accepted from now on" in page
    assert "whsec_byHand12345" not in page


def test_a_lost_encryption_key_breaks_no_page_and_can_be_left(
    owner: FlaskClient,
) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    parts = owner.application.extensions["metricsco"]
    other = Vault((Fernet.generate_key().decode(),))
    owner.application.extensions["metricsco"] = replace(parts, vault=other)

    assert owner.get(TAB).status_code == 200
    for path in ("check", "webhook", "webhook/test"):
        assert post(owner, f"/stripe/{path}")[0] == 303
        assert "cannot be read" in owner.get(TAB).text
    assert post(owner, "/guide/check")[0] == 303
    imports.go_on(now=MONDAY)
    reconciler.reconcile(now=MONDAY)
    assert post(owner, "/stripe/disconnect")[0] == 303
    assert rows()[0].status is ConnectionStatus.DISCONNECTED


def test_after_losing_the_encryption_key_a_new_key_and_webhook_are_all_it_takes(
    owner: FlaskClient,
) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    parts = owner.application.extensions["metricsco"]
    vault = Vault((Fernet.generate_key().decode(),))
    owner.application.extensions["metricsco"] = replace(parts, vault=vault)
    assert "their encryption key (" in owner.get(TAB).text

    post(owner, "/stripe/rotate", api_key=MERCHANT_KEY)
    post(owner, "/stripe/webhook")
    assert "their encryption key (" not in owner.get(TAB).text
    row = rows()[0]
    assert row.status is ConnectionStatus.CONNECTED
    assert vault.decrypt(row.sealed_api_key or "") == MERCHANT_KEY
    secret = vault.decrypt(row.sealed_webhook_secret or "")
    stranger = owner.application.test_client()
    assert deliver(stranger, row, an_event(), secret=secret).status_code == 200


@pytest.mark.parametrize(
    ("counted", "told"),
    [
        ({}, "has not been compared with what arrived yet"),
        (
            {"events_compared_at": MONDAY},
            "the key lacks the permission rak_event_read",
        ),
        (
            {"events_expected": 812, "events_received": 812, **COUNTED},
            (
                "Of 812 events that Stripe made between Mon 2 Nov 2026, 03:00:00 UTC "
                "and Mon 2 Nov 2026, 09:00:00 UTC, 812 arrived here."
            ),
        ),
        (
            {"events_expected": 1812, "events_received": 1805, **COUNTED},
            "1,805 arrived here; 7 did not and were fetched. Check that this panel",
        ),
        (
            {"events_expected": 1, "events_received": 0, **COUNTED},
            "0 arrived here; 1 did not and was fetched.",
        ),
        (
            {"events_expected": 0, "events_received": 0, **COUNTED},
            "Stripe made no event that concerns us between",
        ),
    ],
)
def test_expected_events_stand_against_received_ones(
    viewer: FlaskClient, counted: dict[str, object], told: str
) -> None:
    a_account(**counted)

    page = re.sub(r"<[^>]+>", "", viewer.get(TAB).text)
    assert told in page


@pytest.mark.parametrize("role", [Role.STAFF, Role.VIEWER])
def test_everyone_may_look_and_only_owners_change(
    owner: FlaskClient, sign_in: SignIn, role: Role
) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    other = sign_in(a_user(role))

    page = other.get(TAB).text
    assert "Corner Shop" in page
    assert 'role="switch"' not in page
    assert 'action="/account/payment-processor' not in page
    for path in ("key", "toggle", "disconnect", "check", "rotate", "webhook"):
        assert post(other, f"/stripe/{path}")[0] == 403
    assert rows()[0].is_on


def test_a_member_restricted_to_another_account_sees_nothing_of_this_one(
    owner: FlaskClient, sign_in: SignIn
) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    other = sign_in(a_user(Role.STAFF, sees_all_accounts=False))

    page = other.get(TAB).text
    assert "Corner Shop" not in page
    assert MERCHANT not in page
    assert other.get(f"{TAB}/complete?account={rows()[0].id}").status_code == 404
