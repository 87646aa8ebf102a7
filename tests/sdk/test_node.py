"""What the README shows, with the official SDK for Node, unmodified: `node/scenario.mjs`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdk.clients import NODE, run_node
from support.recorder import Recorder
from support.server import Server

pytestmark = pytest.mark.skipif(
    not (NODE / "node_modules" / "stripe").is_dir(),
    reason="the npm packages of tests/sdk/node are not installed; `make test` does that",
)

Tell = Callable[[str], dict[str, Any]]


@pytest.fixture
def tell(recorder: Recorder, server: Server, tmp_path: Path) -> Tell:
    """Runs one part of the scenario; gives what it saw, by step."""

    def run(part: str) -> dict[str, Any]:
        arguments = ("scenario.mjs", part, recorder.url, server.api_key)
        printed = run_node(*arguments, environment={"HOME": str(tmp_path)})
        lines = [json.loads(line) for line in printed.splitlines()]
        return {line.pop("step"): line for line in lines}

    return run


def test_the_event_that_crosses_the_line_sends_the_webhook(tell: Tell) -> None:
    assert tell("readme") == {
        "webhook": {"type": "billing.alert.triggered", "alert": True, "value": 101},
        "forgery": {"type": "StripeSignatureVerificationError"},
        "event": {"same": True},
        "list": {"alerts": ["100 tokens"], "more": False},
        "notifications": {"values": ["101"], "event": True},
    }


def test_v2_and_the_stream_count_and_a_cancelled_event_does_not(tell: Tell) -> None:
    assert tell("usage") == {
        "stream": {"used": 102.5},
        "cancel": {"status": "complete", "used": 102.5},
    }


def test_alerts_and_meters_change_their_states(tell: Tell) -> None:
    assert tell("states") == {
        "alert": {"states": ["active", "inactive", "active", "archived"]},
        "meter": {"states": ["inactive", "active"]},
        "expand": {"same": True},
    }


def test_a_thin_event_leads_to_the_event_and_its_object(tell: Tell) -> None:
    assert tell("thin") == {"thin": {"type": "v1.billing.meter.updated", "name": "Words"}}


def test_auto_paging_goes_both_ways(tell: Tell) -> None:
    assert tell("paging") == {"paging": {"onwards": True, "backwards": True}}


def test_refusals_are_errors_of_their_class(tell: Tell) -> None:
    seen = tell("errors")
    requests = [one.pop("request") for one in seen.values() if one.get("class")]
    assert all(request.startswith("req_") for request in requests)
    assert seen == {
        "missing": {
            "class": "StripeInvalidRequestError",
            "code": "parameter_missing",
            "param": "title",
            "status": 400,
        },
        "unknown": {
            "class": "StripeInvalidRequestError",
            "code": "parameter_unknown",
            "param": "shoe_size",
            "status": 400,
        },
        "nobody": {
            "class": "StripeInvalidRequestError",
            "code": "resource_missing",
            "param": "id",
            "status": 404,
        },
        "key": {"class": "StripeAuthenticationError", "status": 401},
        "replay": {"same": True, "header": "true"},
        "bound": {"class": "StripeIdempotencyError", "status": 400},
        "metadata": {"before": {"a": "1", "b": "2"}, "after": {"b": "2", "c": "3"}},
    }
