"""The signature is Stripe's: the official SDK accepts it and refuses every forgery."""

import json
import time

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from tripmeter.wire.signature import sign

OLD = "whsec_before_the_roll"
NEW = "whsec_after_the_roll"
BODY = json.dumps(
    {"id": "evt_1", "object": "event", "type": "billing.alert.triggered", "data": {"object": {}}}
).encode()


def accepted(body: bytes, header: str, secret: str) -> bool:
    try:
        stripe.Webhook.construct_event(body, header, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def now_s() -> int:
    return int(time.time())


def test_the_header_has_a_time_and_one_v1_per_secret() -> None:
    time_part, first, second = sign(BODY, [NEW, OLD], 1_700_000_000).split(",")
    assert time_part == "t=1700000000"
    assert first.startswith("v1=")
    assert second.startswith("v1=")
    assert len(first) == len(second) == len("v1=") + 64


def test_it_is_the_header_that_the_sdk_itself_would_write() -> None:
    theirs = stripe.WebhookSignature.generate_signature_header(BODY.decode(), NEW, 1_700_000_000)
    assert sign(BODY, [NEW], 1_700_000_000) == theirs


def test_the_sdk_constructs_the_event() -> None:
    event = stripe.Webhook.construct_event(BODY, sign(BODY, [NEW], now_s()), NEW)
    assert event.id == "evt_1"


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_while_secrets_rotate_the_receiver_may_hold_either(secret: str) -> None:
    assert accepted(BODY, sign(BODY, [NEW, OLD], now_s()), secret)


def test_another_secret_another_body_or_another_time_is_refused() -> None:
    now = now_s()
    header = sign(BODY, [NEW], now)
    assert not accepted(BODY, header, "whsec_someone_elses")
    assert not accepted(BODY.replace(b"evt_1", b"evt_2"), header, NEW)
    assert not accepted(BODY, header.replace(f"t={now}", f"t={now + 1}"), NEW)


def test_a_signature_goes_stale_after_300_seconds() -> None:
    assert accepted(BODY, sign(BODY, [NEW], now_s() - 290), NEW)
    assert not accepted(BODY, sign(BODY, [NEW], now_s() - 310), NEW)


def test_nothing_is_sent_unsigned() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        sign(BODY, [], 1_700_000_000)


@given(st.text(), st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_any_text_body_and_any_secret_verify(text: str, secret: str) -> None:
    body = json.dumps({"object": "event", "id": text}, ensure_ascii=True).encode()
    whole = "whsec_" + secret
    assert accepted(body, sign(body, [OLD, whole], now_s()), whole)
