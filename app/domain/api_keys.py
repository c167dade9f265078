"""Which Stripe keys an owner may give us, and why the others are refused.

Stripe asks third-party software not to take secret keys, since 30 September 2024
(docs.stripe.com/stripe-apps/plugins/decide-migration): a secret key can do everything
with an account, a restricted one only what its owner ticked.
"""

import re
from dataclasses import dataclass, field

_RESTRICTED = re.compile(r"rk_(live|test)_[A-Za-z0-9_]{8,240}")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{8,240}")

_REFUSALS = {
    "sk_": (
        "This is a secret key. It can do everything with your Stripe account, so "
        "Stripe's policy is that other software must not ask for it, and we do not "
        "take it. Make a restricted key instead (it begins with rk_), with the "
        "permissions listed here. A secret key that was pasted into a form by "
        "mistake is better rolled at Stripe."
    ),
    "pk_": (
        "This is a publishable key: it can only be used by web pages to take cards. "
        "We need a restricted key; it begins with rk_."
    ),
    "whsec_": (
        "This is the signing secret of a webhook, not a key. "
        "We need a restricted key; it begins with rk_."
    ),
    "ek_": (
        "This is an ephemeral key for one customer. "
        "We need a restricted key; it begins with rk_."
    ),
}
_NOT_A_KEY = (
    "This is not a Stripe restricted key. One begins with rk_live_ or rk_test_ and is "
    "copied whole from the API keys page of Stripe's Dashboard."
)


class KeyRefused(ValueError):
    """The text is no key that we take; says why, without repeating it."""


@dataclass(frozen=True, slots=True)
class RestrictedKey:
    """A key of the only kind that we take. Never shown again once given."""

    text: str = field(repr=False)

    @property
    def livemode(self) -> bool:
        """Whether it moves real money: Stripe writes the mode into the key."""
        return self.text.startswith("rk_live_")


def restricted_key(pasted: str) -> RestrictedKey:
    """The key in what an owner pasted; KeyRefused says why there is none."""
    text = pasted.strip()
    if _RESTRICTED.fullmatch(text):
        return RestrictedKey(text)
    for prefix, why in _REFUSALS.items():
        if text.lower().startswith(prefix):
            raise KeyRefused(why)
    raise KeyRefused(_NOT_A_KEY if text else "Paste the key first.")


def webhook_secret(pasted: str) -> str:
    """The webhook's signing secret in what an owner pasted; KeyRefused otherwise."""
    text = pasted.strip()
    if _WEBHOOK_SECRET.fullmatch(text):
        return text
    raise KeyRefused(
        "This is not a signing secret. One begins with whsec_ and is shown on the "
        "webhook endpoint's page at Stripe, under Signing secret."
    )
