"""Only restricted keys are taken, and a refusal says why without repeating the key."""

import pytest

from app.domain.api_keys import KeyRefused, restricted_key, webhook_secret

BODY = "51Qx2yABCdefGHIjklMNOpqr"


@pytest.mark.parametrize(
    ("pasted", "livemode"),
    [
        (f"rk_live_{BODY}", True),
        (f"rk_test_{BODY}", False),
        (f"  rk_test_{BODY}\r\n", False),  # copied with its surroundings
    ],
)
def test_a_restricted_key_is_taken_in_its_mode(pasted: str, livemode: bool) -> None:
    key = restricted_key(pasted)

    assert key.text == pasted.strip()
    assert key.livemode is livemode


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        (f"sk_live_{BODY}", "Stripe's policy"),
        (f"sk_test_{BODY}", "Stripe's policy"),
        (f"SK_LIVE_{BODY}", "Stripe's policy"),
        (f"pk_live_{BODY}", "publishable"),
        (f"whsec_{BODY}", "signing secret"),
        (f"ek_test_{BODY}", "ephemeral"),
        (f"rk_prod_{BODY}", "rk_live_ or rk_test_"),
        ("rk_live_", "rk_live_ or rk_test_"),
        (f"rk_live_{BODY}\nrk_live_{BODY}", "rk_live_ or rk_test_"),
        (f"rk_live_{BODY}\u00e9", "rk_live_ or rk_test_"),
        ("hunter2", "rk_live_ or rk_test_"),
        ("   ", "Paste the key"),
        ("", "Paste the key"),
    ],
)
def test_any_other_text_is_refused_with_the_reason(pasted: str, why: str) -> None:
    with pytest.raises(KeyRefused, match=why) as refused:
        restricted_key(pasted)

    assert BODY not in str(refused.value)


def test_a_key_is_not_in_its_own_repr() -> None:
    assert BODY not in repr(restricted_key(f"rk_live_{BODY}"))


def test_a_signing_secret_is_taken_and_a_key_is_not() -> None:
    assert webhook_secret(f" whsec_{BODY} ") == f"whsec_{BODY}"
    with pytest.raises(KeyRefused, match="whsec_") as refused:
        webhook_secret(f"rk_live_{BODY}")
    assert BODY not in str(refused.value)
