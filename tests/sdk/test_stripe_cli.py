"""The official Stripe CLI, unmodified, against the engine: `--api-base` and nothing else."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from sdk.clients import CLI_SHIM, NODE, run_node
from support.inbox import Inbox
from support.recorder import Recorder
from support.server import Server

NOWHERE = "http://127.0.0.1:9"
"""As the proxy for everything that is not on loopback: what the CLI asks of the internet fails."""

pytestmark = pytest.mark.skipif(
    not any((NODE / "node_modules" / "@stripe").glob("cli-*")),
    reason="the npm packages of tests/sdk/node are not installed; `make test` does that",
)

Cli = Callable[..., str]


@pytest.fixture
def cli(recorder: Recorder, server: Server, tmp_path: Path) -> Cli:
    """Runs `stripe …` against the engine; gives what it printed."""
    environment = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
    }

    def run(*arguments: str) -> str:
        where = ("--api-base", recorder.url, "--api-key", server.api_key)
        return run_node(CLI_SHIM, *arguments, *where, environment=environment)

    return run


Stripe = Callable[..., Any]


@pytest.fixture(name="stripe_")
def decoded(cli: Cli) -> Stripe:
    """Runs `stripe …` and decodes the JSON it printed."""
    return lambda *arguments: json.loads(cli(*arguments))


@pytest.fixture
def endpoint(client: stripe.StripeClient, inbox: Inbox) -> Iterator[stripe.WebhookEndpoint]:
    """A webhook endpoint for new customers; it is deleted with the test."""
    made = client.v1.webhook_endpoints.create(
        {"url": inbox.url, "enabled_events": ["customer.created"]}
    )
    yield made
    client.v1.webhook_endpoints.delete(made.id)


def test_get_post_and_delete(stripe_: Stripe) -> None:
    made = stripe_("post", "/v1/customers", "-d", "name=Jenny", "-d", "metadata[plan]=pro")
    assert made["metadata"] == {"plan": "pro"}
    assert stripe_("get", f"/v1/customers/{made['id']}") == made
    assert stripe_("get", "/v1/customers", "--limit", "1")["data"] == [made]
    gone = stripe_("delete", f"/v1/customers/{made['id']}", "--confirm")
    assert gone == {"id": made["id"], "object": "customer", "deleted": True}


def test_errors_are_shown(stripe_: Stripe) -> None:
    refused = stripe_("get", "/v1/customers/cus_no")["error"]
    assert refused["code"] == "resource_missing"


def test_meters_alerts_and_usage_have_commands(stripe_: Stripe, event_name: str) -> None:
    meter = stripe_(
        *("billing", "meters", "create"),
        *("--display-name", "Tokens", "--event-name", event_name),
        *("--default-aggregation.formula", "sum"),
    )
    alert = stripe_(
        *("billing", "alerts", "create"),
        *("--title", "ten", "--alert-type", "usage_threshold"),
        *("-d", "usage_threshold[gte]=10", "-d", f"usage_threshold[meter]={meter['id']}"),
        *("-d", "usage_threshold[recurrence]=one_time"),
    )
    customer = stripe_("customers", "create", "--name", "Jenny")
    stripe_(
        *("billing", "meter_events", "create", "--event-name", event_name),
        *("-d", f"payload[stripe_customer_id]={customer['id']}", "-d", "payload[value]=11"),
    )
    assert stripe_("billing", "alerts", "list", "--meter", meter["id"])["data"] == [alert]
    (event, *_) = stripe_("events", "list", "--type", "billing.alert.triggered")["data"]
    assert event["data"]["object"]["alert"] == alert
    assert event["data"]["object"]["value"] == 11


def test_an_event_is_sent_again(
    stripe_: Stripe, client: stripe.StripeClient, inbox: Inbox, endpoint: stripe.WebhookEndpoint
) -> None:
    customer = stripe_("customers", "create", "--name", "Jenny")

    def is_hers(body: Any) -> bool:
        return bool(body["data"]["object"]["id"] == customer["id"])

    first = inbox.wait_for(is_hers)
    resent = stripe_("events", "resend", first.json["id"], "--webhook-endpoint", endpoint.id)
    assert resent["id"] == first.json["id"]
    again = inbox.wait_for(is_hers, nth=2)
    assert again.json["id"] == first.json["id"]
    event = client.construct_event(again.body, again.signature, str(endpoint.secret))
    assert event.data.object["name"] == "Jenny"


def test_a_trigger_triggers(cli: Cli, inbox: Inbox, endpoint: stripe.WebhookEndpoint) -> None:
    assert "Trigger succeeded!" in cli("trigger", "customer.created")
    webhook = inbox.wait_for(lambda body: body["type"] == "customer.created")
    assert webhook.json["data"]["object"]["description"] == "(created by Stripe CLI)"


def test_v2_has_commands_too(stripe_: Stripe, meter: stripe.billing.Meter) -> None:
    (created,) = stripe_("v2", "core", "events", "list", "--object-id", meter.id)["data"]
    assert created["type"] == "v1.billing.meter.created"
