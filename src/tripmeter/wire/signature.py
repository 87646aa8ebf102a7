"""Stripe's webhook signature: the `Stripe-Signature` header of one delivery attempt.

Owns the scheme and nothing else: which secrets are live, and what time it is, the caller knows.
"""

import hmac
from collections.abc import Sequence

HEADER = "Stripe-Signature"


def sign(body: bytes, secrets: Sequence[str], timestamp_s: int) -> str:
    """The header's value: `t=<unix seconds>,v1=<hex>`, one v1 per secret while secrets rotate.

    `secrets` are whole `whsec_...` strings; the receiver accepts any v1 that fits the secret it
    holds, and refuses a timestamp older than 300 s, so sign every attempt anew.
    Raises ValueError without a secret: an unsigned delivery must not leave the house.
    Source: stripe-python `_webhook.py`.
    """
    if not secrets:
        raise ValueError("a webhook is signed with at least one secret")
    message = b"%d." % timestamp_s + body
    return ",".join([f"t={timestamp_s}", *(f"v1={_v1(message, secret)}" for secret in secrets)])


def _v1(message: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), message, "sha256").hex()
