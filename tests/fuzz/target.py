"""What is attacked, and what it must answer."""

from typing import Any, Final, NamedTuple

import httpx2

TYPES: Final = (
    "api_error",
    "idempotency_error",
    "invalid_request_error",
    "rate_limit",
    "temporary_session_expired",
)


class World(NamedTuple):
    """One object of every kind, and what a request may name."""

    ids: dict[str, str]
    """By the word in the path that they stand behind."""
    named: dict[str, str]
    """By the parameter that names them."""


def stream_token(http: httpx2.Client) -> str:
    """A token for the stream."""
    token: str = http.post("/v2/billing/meter_event_session").json()["authentication_token"]
    return token


def assert_stripe_error(answer: httpx2.Response) -> dict[str, Any]:
    """A 4xx in Stripe's shape, with something to say; the error itself."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:1000])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["request-id"]
    body = answer.json()
    assert set(body) == {"error"}, body
    error: dict[str, Any] = body["error"]
    assert set(error) <= {"type", "code", "message", "param", "doc_url"}, error
    assert error["type"] in TYPES, error
    assert error["message"], error
    assert all(isinstance(said, str) for said in error.values()), error
    return error
