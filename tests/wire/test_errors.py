"""How refusals sound: every class has a row, every row has Stripe's form."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tripmeter.model import errors
from tripmeter.model.access import Access, Limit, Permission, Resource
from tripmeter.model.errors import Refusal
from tripmeter.model.usage import RefusalCode, UsageRefused
from tripmeter.wire.errors import LONGEST_TEXT, TABLE, V2_USAGE_CODES, render, render_unexpected

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
SPECIFICATION = REFERENCE / "stripe_openapi_subset.json"
VERSIONS = (1, 2)

DUPLICATE = UsageRefused(
    RefusalCode.DUPLICATE, "An event already exists with identifier e1.", "identifier"
)
NO_METER = UsageRefused(RefusalCode.NO_METER, "No meter was found matching event_name x.")

READ_METERS = Permission(Resource.METERS, Access.READ)

# refusal, status, error body in v1
ROWS: list[tuple[Refusal, int, dict[str, str]]] = [
    (
        errors.NotAuthenticated("sk_test_****abcd"),
        401,
        {"message": "Invalid API Key provided: sk_test_****abcd"},
    ),
    (
        errors.NotAuthenticated(),
        401,
        {
            "message": "You did not provide an API key. You need to provide your API key in the"
            " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
            " YOUR_SECRET_KEY')."
        },
    ),
    (
        errors.KeyRevoked("sk_test_****abcd"),
        401,
        {
            "code": "api_key_expired",
            "message": "Expired API Key provided: sk_test_****abcd. Use a key that is not revoked.",
        },
    ),
    (
        errors.SessionExpired(),
        401,
        {
            "type": "temporary_session_expired",
            "code": "billing_meter_event_session_expired",
            "message": "The meter event session is unknown or has expired. Create a new one with"
            " POST /v2/billing/meter_event_session, and use its authentication_token.",
        },
    ),
    (
        errors.PermissionMissing(READ_METERS),
        403,
        {
            "message": "The provided API key does not have the permission meters:read, which this"
            " request needs. Use a secret key, or a restricted key that was made with `tripmeter"
            " keys create --restricted --allow meters:read`."
        },
    ),
    (
        errors.SignInRequired(),
        401,
        {
            "code": "sign_in_required",
            "message": "You are not signed in, or no longer. Sign in with"
            " POST /v1/dashboard/session.",
        },
    ),
    (
        errors.SignInRefused(),
        401,
        {
            "code": "sign_in_refused",
            "message": "The e-mail address or the password is wrong. Who runs this server can make"
            " a link for a new password with `tripmeter members reset`.",
        },
    ),
    (
        errors.NotForViewers(),
        403,
        {
            "code": "role_insufficient",
            "message": "Your role does not allow this; only an admin can. Ask one of them.",
        },
    ),
    (
        errors.AccountClosed("acct_1"),
        403,
        {
            "code": "account_invalid",
            "message": "You do not belong to the account 'acct_1'. Choose one of your accounts.",
            "param": "account",
        },
    ),
    (
        errors.RequestForged("it comes from another site"),
        403,
        {
            "code": "csrf_token_invalid",
            "message": "The request was refused, because it comes from another site. Load the"
            " dashboard again, and send the csrf_token of GET /v1/dashboard/session as"
            " Tripmeter-CSRF.",
        },
    ),
    (
        errors.TooManyTries(30),
        429,
        {
            "code": "rate_limit",
            "message": "Too many attempts to sign in. Nothing was tried this time. Try again in"
            " 30 s.",
        },
    ),
    (
        errors.ParameterMissing("usage_threshold[gte]"),
        400,
        {
            "code": "parameter_missing",
            "message": "Missing required param: usage_threshold[gte].",
            "param": "usage_threshold[gte]",
        },
    ),
    (
        errors.ParameterUnknown(("foo",)),
        400,
        {"code": "parameter_unknown", "message": "Received unknown parameter: foo", "param": "foo"},
    ),
    (
        errors.ParameterUnknown(("a", "b[c]")),
        400,
        {
            "code": "parameter_unknown",
            "message": "Received unknown parameters: a, b[c]",
            "param": "a",
        },
    ),
    (
        errors.ParameterInvalid("limit", "Invalid integer: x", "parameter_invalid_integer"),
        400,
        {"code": "parameter_invalid_integer", "message": "Invalid integer: x", "param": "limit"},
    ),
    (
        errors.ParameterInvalid("on", "Invalid boolean: x"),
        400,
        {"message": "Invalid boolean: x", "param": "on"},
    ),
    (
        errors.ParametersExclusive(("starting_after", "ending_before")),
        400,
        {
            "code": "parameters_exclusive",
            "message": "You may only specify one of these parameters: starting_after,"
            " ending_before.",
            "param": "starting_after",
        },
    ),
    (
        errors.BodyMalformed("JSON is malformed: invalid character (byte 5)"),
        400,
        {
            "message": "The request could not be read: JSON is malformed: invalid character"
            " (byte 5)."
        },
    ),
    (
        errors.BodyTooLarge(1_000_000),
        413,
        {"message": "The request body is larger than 1000000 bytes. Send less at a time."},
    ),
    (
        errors.HeadTooLarge(65_536, 100),
        431,
        {
            "message": "The head of the request is larger than 65536 bytes, or has more than 100"
            " fields. Send fewer or shorter headers."
        },
    ),
    (
        errors.RequestTimedOut("body", 30),
        408,
        {
            "message": "The body of the request did not arrive within 30 seconds. Nothing was done."
            " Try again."
        },
    ),
    (
        errors.ResourceMissing("customer", "cus_x", "customer"),
        404,
        {
            "code": "resource_missing",
            "message": "No such customer: 'cus_x'",
            "param": "customer",
        },
    ),
    (
        errors.RouteUnknown("GET", "/v1/x"),
        404,
        {
            "message": "Unrecognized request URL (GET: /v1/x). Please see /openapi.json on this"
            " server for the URLs that it knows."
        },
    ),
    (
        errors.MethodNotAllowed("PATCH", "/v1/customers", ("GET", "POST")),
        405,
        {"message": "PATCH is not possible at /v1/customers. It takes: GET, POST."},
    ),
    (
        errors.MeterNameTaken("api_calls"),
        400,
        {
            "message": "An active meter already exists for event name 'api_calls'. To create a new"
            " meter with the same event name, first deactivate the currently active meter.",
            "param": "event_name",
        },
    ),
    (
        errors.AlertLimitReached(25),
        400,
        {
            "message": "There are 25 alerts for this combination of meter and customer filter, and"
            " no more are possible. Archive one of them first; inactive alerts count, too."
        },
    ),
    (
        errors.LimitReached("cus_1", "mtr_1", "2.5"),
        402,
        {
            "code": "limit_reached",
            "param": "quantity",
            "message": "Not that much is left for cus_1 under its limits on mtr_1: 2.5 can be"
            " reserved. Reserve less, or raise the limit.",
        },
    ),
    (
        errors.LimitReached("cus_1", "mtr_1", "0", revoked=True),
        402,
        {
            "code": "access_revoked",
            "param": "quantity",
            "message": "Access of cus_1 to mtr_1 is revoked. Restore it first.",
        },
    ),
    (
        errors.StateConflict("The alert is archived. Create a new one."),
        400,
        {"message": "The alert is archived. Create a new one."},
    ),
    (
        errors.StateConflict("No.", "status", "status_transition_invalid"),
        400,
        {"code": "status_transition_invalid", "message": "No.", "param": "status"},
    ),
    (
        errors.UsageNotAccepted(DUPLICATE),
        400,
        {"message": "An event already exists with identifier e1.", "param": "identifier"},
    ),
    (
        errors.UsageNotAccepted(NO_METER),
        400,
        {"message": "No meter was found matching event_name x."},
    ),
    (
        errors.CancellationRefused("The event is older than 24 hours."),
        400,
        {"message": "The event is older than 24 hours."},
    ),
    (
        errors.NothingUpcoming("cus_1"),
        404,
        {
            "code": "invoice_upcoming_none",
            "message": "No upcoming invoices for customer: cus_1. Nothing is to be billed: name"
            " another subscription, or give invoice_items.",
        },
    ),
    (
        errors.IdempotencyMismatch("k1"),
        400,
        {
            "type": "idempotency_error",
            "message": "Keys for idempotent requests can only be used with the same parameters"
            " they were first used with. Try using a key other than 'k1' if you meant to execute"
            " a different request.",
        },
    ),
    (
        errors.RateLimited(Limit(25, "endpoint-rate"), 1),
        429,
        {
            "code": "rate_limit",
            "message": "Request rate limit exceeded: 25 requests a second on this endpoint. Wait"
            " 1 s, spread requests out, or send many meter events in one request. Who runs this"
            " server sets the limit with TRIPMETER_RATE_LIMIT.",
        },
    ),
    (
        errors.TooManyInvoices("sub_1", 10, 20, 60),
        429,
        {
            "code": "rate_limit",
            "message": "The subscription sub_1 has as many new invoices as it may have: 10 in a"
            " minute and 20 in a day. Wait 60 s, or advance its test clock, or have changes wait"
            " for the next invoice with proration_behavior=create_prorations. Who runs this server"
            " sets the limit with TRIPMETER_INVOICE_RATE.",
        },
    ),
    (
        errors.StoreUnavailable("the disk is full", 5),
        503,
        {
            "type": "api_error",
            "message": "The change could not be stored: the disk is full. Nothing of it was kept."
            " Try again.",
        },
    ),
    (
        errors.Overloaded("too many requests are under way", 2),
        503,
        {
            "type": "api_error",
            "message": "The server is busy: too many requests are under way. Nothing was done. Try"
            " again later.",
        },
    ),
    (
        errors.Draining(2),
        503,
        {
            "type": "api_error",
            "message": "The server is shutting down. Nothing was done. Try again.",
        },
    ),
]

IN_V2: list[tuple[Refusal, int, str | None]] = [
    (errors.ResourceMissing("meter", "mtr_x"), 404, "not_found"),
    (errors.UsageNotAccepted(DUPLICATE), 400, "duplicate_meter_event"),
    (errors.UsageNotAccepted(NO_METER), 400, "no_meter"),
    (errors.CancellationRefused("Too late."), 400, "invalid_cancel_configuration"),
    (errors.IdempotencyMismatch("k1"), 409, None),
    (errors.RateLimited(Limit(10_000, "endpoint-rate", "events"), 1), 429, "rate_limit"),
    (errors.ParameterMissing("title"), 400, "parameter_missing"),
]

HEADERS: list[tuple[Refusal, dict[str, str]]] = [
    (errors.NotAuthenticated(), {"WWW-Authenticate": "Bearer"}),
    (errors.MethodNotAllowed("PUT", "/", ("GET", "POST")), {"Allow": "GET, POST"}),
    (errors.StoreUnavailable("full", 5), {"Retry-After": "5", "Stripe-Should-Retry": "true"}),
    (errors.Overloaded("busy", 7), {"Retry-After": "7", "Stripe-Should-Retry": "true"}),
    (errors.RequestTimedOut("head", 30), {"Stripe-Should-Retry": "true"}),
    (errors.Draining(), {"Retry-After": "1", "Stripe-Should-Retry": "true"}),
    (errors.IdempotencyMismatch("k1"), {"Stripe-Should-Retry": "false"}),
    (
        errors.RateLimited(Limit(100), 2),
        {"Retry-After": "2", "Stripe-Rate-Limited-Reason": "global-rate"},
    ),
    (
        errors.TooManyInvoices("sub_1", 10, 20, 60),
        {"Retry-After": "60", "Stripe-Rate-Limited-Reason": "resource-specific"},
    ),
    (errors.ParameterMissing("title"), {}),
]


def subclasses(of: type[Refusal]) -> Iterator[type[Refusal]]:
    """Every class of refusal below one."""
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


@pytest.fixture(scope="module")
def error_schema() -> dict[str, Any]:
    """Stripe's own schema of an error. `type` is an open enum: it may grow."""
    if not SPECIFICATION.exists():
        pytest.skip("the subset of Stripe's specification is not beside the repository")
    components = json.loads(SPECIFICATION.read_text(encoding="utf-8"))["components"]
    schema: dict[str, Any] = components["schemas"]["error"]
    kind = schema["properties"]["error"]["properties"]["type"]
    if kind.get("x-open-enum"):
        kind["enum"] += ["temporary_session_expired", "rate_limit"]
    return schema


def test_the_table_has_a_row_for_every_refusal() -> None:
    assert set(TABLE) == set(subclasses(Refusal))


def test_the_examples_here_show_every_row() -> None:
    assert {type(refusal) for refusal, _, _ in ROWS} == set(TABLE)


@pytest.mark.parametrize(("refusal", "status", "error"), ROWS, ids=lambda v: type(v).__name__)
def test_v1_says(refusal: Refusal, status: int, error: dict[str, str]) -> None:
    rendered, body, _ = render(refusal, version=1)
    assert rendered == status
    assert body == {"error": {"type": "invalid_request_error", **error}}


@pytest.mark.parametrize(("refusal", "status", "code"), IN_V2, ids=lambda v: type(v).__name__)
def test_v2_says(refusal: Refusal, status: int, code: str | None) -> None:
    rendered, body, _ = render(refusal, version=2)
    assert rendered == status
    assert body["error"].get("code") == code
    assert body["error"]["message"] == render(refusal, version=1)[1]["error"]["message"]


@pytest.mark.parametrize(("refusal", "headers"), HEADERS, ids=lambda v: type(v).__name__)
def test_headers(refusal: Refusal, headers: dict[str, str]) -> None:
    assert render(refusal, version=2)[2] == headers


def test_v1_lets_the_sdk_decide_about_an_idempotency_mismatch() -> None:
    """400 is never repeated, so there is nothing to say."""
    assert render(errors.IdempotencyMismatch("k1"), version=1)[2] == {}


@pytest.mark.parametrize(
    "code", sorted(set(RefusalCode) - {RefusalCode.LATE})
)  # it counts, all the same
def test_every_usage_refusal_has_a_v2_code(code: RefusalCode) -> None:
    refusal = errors.UsageNotAccepted(UsageRefused(code, "Why.", "payload[value]"))
    error = render(refusal, version=2)[1]["error"]
    assert error["code"] == V2_USAGE_CODES[code]
    assert error["param"] == "payload[value]"


@pytest.mark.parametrize("refusal", [row[0] for row in ROWS], ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_error_fits_stripes_schema(
    refusal: Refusal, version: Any, error_schema: dict[str, Any]
) -> None:
    _, body, headers = render(refusal, version=version)
    Draft202012Validator(error_schema).validate(body)
    assert all(isinstance(text, str) for text in headers.values())


def test_an_unexpected_failure_tells_only_its_request_id(error_schema: dict[str, Any]) -> None:
    status, body, headers = render_unexpected("req_123")
    assert (status, headers) == (500, {})
    assert set(body["error"]) == {"type", "message"}
    assert body["error"]["type"] == "api_error"
    assert "req_123" in body["error"]["message"]
    Draft202012Validator(error_schema).validate(body)


def test_long_names_are_cut_to_what_the_schema_allows() -> None:
    refusal = errors.ParameterUnknown(("x" * 10_000, "y"))
    error = render(refusal, version=1)[1]["error"]
    assert len(error["message"]) == len(error["param"]) == LONGEST_TEXT
