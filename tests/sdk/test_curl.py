"""Raw HTTP at its edges: what curl users send, and what the SDKs never would."""

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import stripe

from support.recorder import Recorder
from support.server import Key, Server

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MIB = 1024 * 1024
Meter = stripe.billing.Meter


@pytest.fixture
def stranger(recorder: Recorder) -> Iterator[httpx2.Client]:
    """A plain HTTP client without a key."""
    with httpx2.Client(base_url=recorder.url) as client:
        yield client


def error(response: httpx2.Response) -> dict[str, Any]:
    """The error of an answer, with its status."""
    body = response.json()
    assert set(body) == {"error"}, body
    return {"status": response.status_code, **body["error"]}


def post_form(http: httpx2.Client, path: str, form: str, **headers: str) -> httpx2.Response:
    """What `curl -d form` sends."""
    return http.post(path, content=form, headers={**FORM, **headers})


def post_json(http: httpx2.Client, path: str, body: Any, **headers: str) -> httpx2.Response:
    raw = body if isinstance(body, str) else json.dumps(body)
    return http.post(path, content=raw, headers={"Content-Type": "application/json", **headers})


def moment(offset_s: float = 0) -> int:
    """Unix seconds from now."""
    return int(datetime.now(UTC).timestamp() + offset_s)


# --- who is asking ------------------------------------------------------------------------------


def test_the_key_may_come_as_user_name_without_password(
    stranger: httpx2.Client, server: Server
) -> None:
    assert stranger.get("/v1/account", auth=(server.api_key, "")).status_code == 200


def test_without_a_key_the_answer_is_401(stranger: httpx2.Client) -> None:
    refused = stranger.get("/v1/customers")
    assert error(refused)["status"] == 401
    assert error(refused)["message"].startswith("You did not provide an API key.")
    assert refused.headers["request-id"].startswith("req_")


@pytest.mark.parametrize(
    "scheme", ["Bearer {}", "Basic {}", "{}", "Digest {}", "Bearer", "Basic e"]
)
def test_a_wrong_key_is_a_401_and_is_not_repeated(stranger: httpx2.Client, scheme: str) -> None:
    header = {"Authorization": scheme.format("sk_test_0123456789abcdef")}
    refused = stranger.get("/v1/customers", headers=header)
    assert error(refused)["status"] == 401
    assert "456789" not in refused.text


@pytest.mark.parametrize("whose", ["live_key", "other_account_key"])
def test_a_key_of_another_mode_or_account_finds_nothing(
    stranger: httpx2.Client,
    request: pytest.FixtureRequest,
    whose: str,
    meter: Meter,
    customer: stripe.Customer,
) -> None:
    key: Key = request.getfixturevalue(whose)
    other = (key.secret, "")
    for path in (f"/v1/customers/{customer.id}", f"/v1/billing/meters/{meter.id}"):
        assert error(stranger.get(path, auth=other))["status"] == 404
        assert error(stranger.post(path, auth=other))["status"] == 404
    assert error(stranger.delete(f"/v1/customers/{customer.id}", auth=other))["status"] == 404
    listed = stranger.get("/v1/customers", params={"limit": 100}, auth=other).json()["data"]
    assert customer.id not in [one["id"] for one in listed]


def test_two_accounts_may_use_the_same_names(
    stranger: httpx2.Client, other_account_key: Key, meter: Meter, customer: stripe.Customer
) -> None:
    other = (other_account_key.secret, "")
    form = {
        "event_name": meter.event_name,
        "identifier": f"shared_{meter.id}",
        "payload[stripe_customer_id]": customer.id,
        "payload[value]": "1",
    }
    assert error(stranger.post("/v1/billing/meter_events", data=form, auth=other))["status"] == 400
    own = {"display_name": "Mine", "event_name": meter.event_name}
    own["default_aggregation[formula]"] = "sum"
    assert stranger.post("/v1/billing/meters", data=own, auth=other).status_code == 200
    assert stranger.post("/v1/customers", data={"id": customer.id}, auth=other).status_code == 200
    assert stranger.post("/v1/billing/meter_events", data=form, auth=other).status_code == 200


def test_an_alert_cannot_name_a_meter_of_the_other_mode(
    stranger: httpx2.Client, live_key: Key, meter: Meter
) -> None:
    form = alert_form(meter)
    refused = stranger.post("/v1/billing/alerts", data=form, auth=(live_key.secret, ""))
    assert error(refused) | {"message": ""} == {
        "status": 404,
        "type": "invalid_request_error",
        "code": "resource_missing",
        "message": "",
        "param": "usage_threshold[meter]",
    }


# --- forms --------------------------------------------------------------------------------------


def alert_form(meter: Meter, gte: str = "10") -> dict[str, str]:
    return {
        "title": "ten",
        "alert_type": "usage_threshold",
        "usage_threshold[gte]": gte,
        "usage_threshold[meter]": meter.id,
        "usage_threshold[recurrence]": "one_time",
    }


@pytest.mark.parametrize("element", ["[0]", "[]", "[7]"])
@pytest.mark.parametrize("encoded", [False, True])
def test_lists_come_with_indexes_or_without_raw_or_encoded(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer, element: str, encoded: bool
) -> None:
    filters = f"usage_threshold[filters]{element}"
    form = alert_form(meter) | {f"{filters}[type]": "customer", f"{filters}[customer]": customer.id}
    pairs = ((quote(name) if encoded else name, value) for name, value in form.items())
    made = post_form(http, "/v1/billing/alerts", "&".join(f"{n}={v}" for n, v in pairs))
    assert made.json()["usage_threshold"]["filters"] == [
        {"type": "customer", "customer": customer.id}
    ]


def test_a_plus_is_a_space_and_a_percent_code_a_character(http: httpx2.Client) -> None:
    made = post_form(http, "/v1/customers", "name=J%C3%B8rgen+%2B%26+Co&metadata[a+b]=1")
    assert made.json()["name"] == "Jørgen +& Co"
    assert made.json()["metadata"] == {"a b": "1"}


def test_a_blank_unsets(http: httpx2.Client) -> None:
    made = post_form(http, "/v1/customers", "name=J&email=j@example.com&metadata[a]=1").json()
    path = f"/v1/customers/{made['id']}"
    blanked = post_form(http, path, "name=&email=&metadata[a]=").json()
    assert (blanked["name"], blanked["email"], blanked["metadata"]) == (None, None, {})


def test_a_blank_that_cannot_unset_is_refused(http: httpx2.Client) -> None:
    refused = error(post_form(http, "/v1/billing/alerts", "title=&alert_type=usage_threshold"))
    assert (refused["code"], refused["param"]) == ("parameter_invalid_empty", "title")


def test_all_unknown_parameters_are_named_at_once(http: httpx2.Client, meter: Meter) -> None:
    form = alert_form(meter) | {"colour": "red", "usage_threshold[period]": "month", "size": "1"}
    refused = error(http.post("/v1/billing/alerts", data=form))
    assert refused["code"] == "parameter_unknown"
    assert refused["param"] == "usage_threshold[period]"
    message = "Received unknown parameters: usage_threshold[period], colour, size"
    assert refused["message"] == message
    assert error(http.get("/v1/customers?a[b]=1"))["param"] == "a"


@pytest.mark.parametrize(
    "form",
    ["a=1&a[b]=2", "a[b=1", "a]=1", "%zz=1", "name=%ff", "[x]=1", "a[b][c][d][e][f][g][h][i][j]=1"],
)
def test_a_form_that_contradicts_itself_is_refused(http: httpx2.Client, form: str) -> None:
    assert error(post_form(http, "/v1/customers", form))["status"] == 400


def test_json_where_a_form_is_due_is_refused(http: httpx2.Client) -> None:
    assert error(post_json(http, "/v1/customers", {"name": "Jenny"}))["status"] == 400


# --- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["{", "[]", '"text"', '{"a":1}x', '{"events":', "\ufeff{}", "NaN"])
def test_broken_json_is_refused_with_its_place(http: httpx2.Client, body: str) -> None:
    refused = error(post_json(http, "/v2/billing/meter_events", body))
    assert refused["status"] == 400
    assert refused["message"].startswith("The request could not be read: ")


def test_json_keeps_to_types(http: httpx2.Client, meter: Meter, customer: stripe.Customer) -> None:
    event = {"event_name": meter.event_name, "payload": {"stripe_customer_id": customer.id}}
    numeric = {**event, "payload": {**event["payload"], "value": 1}}  # type: ignore[dict-item]
    refused = error(post_json(http, "/v2/billing/meter_events", numeric))
    assert (refused["status"], refused["param"]) == (400, "payload[value]")
    refused = error(post_json(http, "/v2/billing/meter_events", {**event, "timestamp": 1}))
    assert refused["param"] == "timestamp"


def test_an_empty_body_is_an_empty_object_in_v2(http: httpx2.Client) -> None:
    assert http.post("/v2/billing/meter_event_session").status_code == 200


# --- limits, routes, headers --------------------------------------------------------------------


def test_a_body_over_the_limit_is_a_413(server: Server) -> None:
    bearer = {"Authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(base_url=server.url, headers={**bearer, **FORM}) as http:
        assert http.post("/v1/customers", content="name=" + "x" * MIB).status_code == 413
        pieces: Any = iter([b"name=", b"x" * MIB, b"x"])
        refused = http.post("/v1/customers", content=pieces)
    assert refused.status_code == 413
    assert error(refused)["message"].startswith("The request body is larger than 1048576 bytes.")


@pytest.mark.parametrize("path", ["/v1/no_such_thing", "/v2/no/such/thing", "/v1/customers/", "/x"])
def test_an_unknown_route_is_a_404_that_names_it(http: httpx2.Client, path: str) -> None:
    refused = error(http.get(path))
    assert (refused["status"], refused["type"]) == (404, "invalid_request_error")
    assert refused["message"].startswith(f"Unrecognized request URL (GET: {path}).")
    assert "code" not in refused


def test_a_wrong_method_is_a_405_that_names_the_right_ones(http: httpx2.Client) -> None:
    refused = http.put("/v1/customers")
    assert error(refused)["status"] == 405
    assert refused.headers["allow"] == "GET, POST"


def test_every_answer_names_its_request_and_version(http: httpx2.Client) -> None:
    asked = http.get("/v1/account", headers={"Stripe-Version": "2025-09-30.clover"})
    assert asked.headers["stripe-version"] == "2025-09-30.clover"
    plain = http.get("/v1/no_such_thing")
    assert plain.headers["stripe-version"] == "2026-10-28.endive"
    assert plain.headers["request-id"] != asked.headers["request-id"]
    assert plain.headers["content-type"] == "application/json"


def test_an_idempotency_key_is_echoed_and_its_answer_replayed(http: httpx2.Client) -> None:
    first = post_form(http, "/v1/customers", "name=J", **{"Idempotency-Key": "raw 1"})
    second = post_form(http, "/v1/customers", "name=J", **{"Idempotency-Key": "raw 1"})
    assert second.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["idempotency-key"] == "raw 1"
    assert second.headers["request-id"] != first.headers["request-id"]


def test_an_idempotency_key_serves_one_request_only(http: httpx2.Client) -> None:
    post_form(http, "/v1/customers", "name=J", **{"Idempotency-Key": "raw 2"})
    for path, form in (("/v1/customers", "name=K"), ("/v1/billing/meters", "name=J")):
        refused = error(post_form(http, path, form, **{"Idempotency-Key": "raw 2"}))
        assert (refused["status"], refused["type"]) in [
            (400, "idempotency_error"),
            (400, "invalid_request_error"),  # the parameters are read first
        ]


def test_a_refusal_before_execution_leaves_the_key_free(http: httpx2.Client) -> None:
    key = {"Idempotency-Key": "raw 3"}
    assert error(post_form(http, "/v1/customers", "nam=J", **key))["code"] == "parameter_unknown"
    assert post_form(http, "/v1/customers", "name=J", **key).status_code == 200


def test_an_idempotency_key_may_have_255_characters(http: httpx2.Client) -> None:
    longest = {"Idempotency-Key": "k" * 255}
    assert post_form(http, "/v1/customers", "", **longest).status_code == 200
    too_long = {"Idempotency-Key": "k" * 256}
    assert error(post_form(http, "/v1/customers", "", **too_long))["status"] == 400


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", ""])
def test_a_limit_is_1_to_100(http: httpx2.Client, limit: str) -> None:
    refused = error(http.get(f"/v1/customers?limit={limit}"))
    assert (refused["status"], refused["param"]) == (400, "limit")
    assert refused["code"].startswith("parameter_invalid")


def test_limits_of_1_and_100_are_fine(http: httpx2.Client, meter: Meter) -> None:
    assert len(http.get("/v1/billing/meters?limit=1").json()["data"]) == 1
    assert http.get("/v1/billing/meters?limit=100").status_code == 200


@pytest.mark.parametrize("cursor", ["starting_after", "ending_before"])
def test_an_unknown_cursor_is_refused(http: httpx2.Client, cursor: str) -> None:
    refused = error(http.get(f"/v1/customers?{cursor}=cus_no"))
    assert refused["code"] == "resource_missing"
    assert refused["param"] == cursor
    assert refused["message"] == "No such customer: 'cus_no'"


def test_the_two_cursors_exclude_each_other(http: httpx2.Client, customer: stripe.Customer) -> None:
    both = f"starting_after={customer.id}&ending_before={customer.id}"
    refused = error(http.get(f"/v1/customers?{both}"))
    assert refused["status"] == 400
    assert refused["code"] == "parameters_exclusive"


def test_a_broken_page_of_v2_is_refused(http: httpx2.Client) -> None:
    refused = error(http.get("/v2/core/events?page=nonsense"))
    assert (refused["status"], refused["param"]) == (400, "page")


def test_expansion_goes_four_levels_deep(http: httpx2.Client, meter: Meter) -> None:
    made = http.post("/v1/billing/alerts", data=alert_form(meter)).json()
    path = f"/v1/billing/alerts/{made['id']}"
    assert http.get(f"{path}?expand[]=usage_threshold.meter").status_code == 200
    for wrong in ("a.b.c.d.e", "title", "usage_threshold.gte", "data.usage_threshold.meter", ""):
        assert error(http.get(f"{path}?expand[]={wrong}"))["status"] == 400
    deep = error(http.get(f"{path}?expand[]=a.b.c.d.e"))
    assert "cannot expand more than 4 levels" in deep["message"]
    assert error(http.get("/v1/billing/alerts?expand[]=usage_threshold.meter"))["status"] == 400


def test_event_types_and_type_exclude_each_other(http: httpx2.Client) -> None:
    refused = error(http.get("/v1/events?type=customer.created&types[]=customer.deleted"))
    assert refused["code"] == "parameters_exclusive"


# --- alerts and meters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gte", ["0", "-1", "1.5", "1e3", "+1", " 1", "ten", "0x10", "1" * 16, "9" * 30, ""]
)
def test_a_threshold_is_a_positive_integer(http: httpx2.Client, meter: Meter, gte: str) -> None:
    form = "&".join(f"{n}={quote(v)}" for n, v in alert_form(meter, gte).items())
    refused = error(post_form(http, "/v1/billing/alerts", form))
    assert (refused["status"], refused["param"]) == (400, "usage_threshold[gte]")
    assert refused["code"] in ("parameter_invalid_integer", "parameter_invalid_empty")


@pytest.mark.parametrize("gte", ["1", "007", "999999999999999"])
def test_thresholds_of_up_to_15_digits_are_fine(
    http: httpx2.Client, meter: Meter, gte: str
) -> None:
    made = http.post("/v1/billing/alerts", data=alert_form(meter, gte)).json()
    assert made["usage_threshold"]["gte"] == int(gte)


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"title": "x" * 257}, "title", None),
        ({"alert_type": "speed_threshold"}, "alert_type", None),
        ({"usage_threshold[recurrence]": "monthly"}, "usage_threshold[recurrence]", None),
        ({"usage_threshold[meter]": "mtr_no"}, "usage_threshold[meter]", "resource_missing"),
        (
            {
                "usage_threshold[filters][0][type]": "customer",
                "usage_threshold[filters][0][customer]": "cus_no",
            },
            "usage_threshold[filters][0][customer]",
            "resource_missing",
        ),
        (
            {"usage_threshold[filters][0][type]": "customer"},
            "usage_threshold[filters][0][customer]",
            None,
        ),
    ],
)
def test_what_an_alert_cannot_be(
    http: httpx2.Client, meter: Meter, change: dict[str, str], param: str, code: str | None
) -> None:
    refused = error(http.post("/v1/billing/alerts", data=alert_form(meter) | change))
    assert (refused["param"], refused.get("code")) == (param, code)


def test_an_alert_filters_for_one_customer_at_most(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> None:
    form = alert_form(meter)
    for index in range(2):
        form[f"usage_threshold[filters][{index}][type]"] = "customer"
        form[f"usage_threshold[filters][{index}][customer]"] = customer.id
    refused = error(http.post("/v1/billing/alerts", data=form))
    assert refused["param"] == "usage_threshold[filters]"


def test_the_26th_alert_of_a_scope_is_refused(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> None:
    form = alert_form(meter)
    made = [http.post("/v1/billing/alerts", data=form).json()["id"] for _ in range(25)]
    refused = error(http.post("/v1/billing/alerts", data=form))
    assert refused["status"] == 400
    assert "25 alerts" in refused["message"]
    for_one = form | {
        "usage_threshold[filters][0][type]": "customer",
        "usage_threshold[filters][0][customer]": customer.id,
    }
    assert http.post("/v1/billing/alerts", data=for_one).status_code == 200
    http.post(f"/v1/billing/alerts/{made[0]}/deactivate")
    assert error(http.post("/v1/billing/alerts", data=form))["status"] == 400
    http.post(f"/v1/billing/alerts/{made[0]}/archive")
    assert http.post("/v1/billing/alerts", data=form).status_code == 200


def test_one_active_meter_per_event_name(http: httpx2.Client, meter: Meter) -> None:
    form = {
        "display_name": "Again",
        "event_name": meter.event_name,
        "default_aggregation[formula]": "sum",
    }
    message = (
        f"An active meter already exists for event name '{meter.event_name}'. To create a new"
        " meter with the same event name, first deactivate the currently active meter."
    )
    assert error(http.post("/v1/billing/meters", data=form))["message"] == message
    http.post(f"/v1/billing/meters/{meter.id}/deactivate")
    assert http.post("/v1/billing/meters", data=form).status_code == 200
    refused = error(http.post(f"/v1/billing/meters/{meter.id}/reactivate"))
    assert refused["message"] == message


# --- usage --------------------------------------------------------------------------------------


@pytest.fixture
def report(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> Callable[..., httpx2.Response]:
    """Reports one event by v1; `changes` are further parameters."""

    def send(value: str = "1", **changes: str) -> httpx2.Response:
        form = {
            "event_name": meter.event_name,
            "payload[stripe_customer_id]": customer.id,
            "payload[value]": value,
        }
        return http.post("/v1/billing/meter_events", data=form | changes)

    return send


Report = Callable[..., httpx2.Response]


@pytest.mark.parametrize(
    "value",
    ["1e3", "NaN", "", " 1", "+1", ".5", "5.", "1,5", "0x10", "Infinity", "1_000", "--1", "١"],  # noqa: RUF001
)
def test_a_value_is_a_plain_decimal(report: Report, value: str) -> None:
    refused = error(report(value))
    assert (refused["status"], refused["param"]) == (400, "payload[value]")
    assert "code" not in refused


@pytest.mark.parametrize("value", ["1234567890123456", "0.1234567890123456", "-1.234567890123456"])
def test_a_value_has_at_most_15_significant_digits(report: Report, value: str) -> None:
    refused = error(report(value))
    message = f"The value in the event payload can have at most 15 digits. Received {value}."
    assert refused["message"] == message


@pytest.mark.parametrize(
    "value", ["0", "-3.5", "0123456789012345", "1.50000000000000000000", "0.000000000000001"]
)
def test_a_decimal_of_15_digits_is_fine(report: Report, value: str) -> None:
    assert report(value).json()["payload"]["value"] == value


@pytest.mark.parametrize(
    ("offset_s", "words"),
    [(-36 * 86400, "more than 35 days in the past"), (360, "more than 5 minutes in the future")],
)
def test_a_timestamp_lies_in_the_last_35_days(report: Report, offset_s: int, words: str) -> None:
    refused = error(report(timestamp=str(moment(offset_s))))
    assert refused["param"] == "timestamp"
    assert words in refused["message"]


@pytest.mark.parametrize("offset_s", [-34 * 86400, 240])
def test_a_timestamp_may_be_late_or_a_little_ahead(report: Report, offset_s: int) -> None:
    at = moment(offset_s)
    assert report(timestamp=str(at)).json()["timestamp"] == at


@pytest.mark.parametrize("timestamp", ["now", "1.5", "-1", "1e9", "1700000000000", ""])
def test_a_timestamp_is_whole_seconds(report: Report, timestamp: str) -> None:
    assert error(report(timestamp=timestamp))["param"] == "timestamp"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event_name": "no_such_event"}, "no_such_event"),
        ({"payload[stripe_customer_id]": "cus_no"}, "cus_no"),
        ({"payload[stripe_customer_id]": ""}, "stripe_customer_id"),
    ],
)
def test_usage_of_nobody_for_nothing_is_refused(
    report: Report, changes: dict[str, str], words: str
) -> None:
    refused = error(report(**changes))
    assert refused["status"] == 400
    assert words in refused["message"]


def test_an_inactive_meter_takes_no_usage(
    http: httpx2.Client, report: Report, meter: Meter
) -> None:
    http.post(f"/v1/billing/meters/{meter.id}/deactivate")
    assert error(report())["status"] == 400
    body = {"event_name": meter.event_name, "payload": {"stripe_customer_id": "c", "value": "1"}}
    refused = error(post_json(http, "/v2/billing/meter_events", body))
    assert refused["code"] == "archived_meter"


def test_a_repeated_identifier_is_refused(report: Report, meter: Meter) -> None:
    identifier = f"{meter.event_name}-raw"
    assert report(identifier=identifier).json()["identifier"] == identifier
    refused = error(report(identifier=identifier))
    assert refused["message"] == f"An event already exists with identifier {identifier}."
    assert "code" not in refused


def test_an_identifier_has_at_most_100_characters(report: Report) -> None:
    assert report(identifier="i" * 100).status_code == 200
    assert error(report(identifier="j" * 101))["param"] == "identifier"


def test_an_unknown_event_cannot_be_cancelled(http: httpx2.Client, meter: Meter) -> None:
    form = {"event_name": meter.event_name, "type": "cancel", "cancel[identifier]": "none"}
    assert error(http.post("/v1/billing/meter_event_adjustments", data=form))["status"] == 400
    body = {"event_name": meter.event_name, "type": "cancel", "cancel": {"identifier": "none"}}
    refused = error(post_json(http, "/v2/billing/meter_event_adjustments", body))
    assert refused["code"] == "invalid_cancel_configuration"


@pytest.mark.parametrize(
    ("times", "param"),
    [
        ((60, 60), "end_time"),
        ((120, 60), "end_time"),
        ((61, 120), "start_time"),
        ((60, 121), "end_time"),
    ],
)
def test_summaries_lie_on_whole_minutes(
    http: httpx2.Client,
    meter: Meter,
    customer: stripe.Customer,
    times: tuple[int, int],
    param: str,
) -> None:
    path = f"/v1/billing/meters/{meter.id}/event_summaries?customer={customer.id}"
    refused = error(http.get(f"{path}&start_time={times[0]}&end_time={times[1]}"))
    assert (refused["status"], refused["param"]) == (400, param)


def test_summaries_of_a_day_lie_on_midnights(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> None:
    path = f"/v1/billing/meters/{meter.id}/event_summaries?customer={customer.id}"
    window = "start_time=3600&end_time=86400&value_grouping_window=day"
    assert error(http.get(f"{path}&{window}"))["param"] == "start_time"


# --- many at once -------------------------------------------------------------------------------


def event_of(meter: Meter, customer: stripe.Customer, value: str = "1") -> dict[str, Any]:
    payload = {"stripe_customer_id": customer.id, "value": value}
    return {"event_name": meter.event_name, "payload": payload}


def test_the_101st_event_of_a_stream_request_is_one_too_many(
    http: httpx2.Client, stranger: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> None:
    token = http.post("/v2/billing/meter_event_session").json()["authentication_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    events = [event_of(meter, customer)] * 101
    path = "/v2/billing/meter_event_stream"
    refused = error(post_json(stranger, path, {"events": events}, **bearer))
    assert (refused["status"], refused["param"]) == (400, "events")
    taken = post_json(stranger, path, {"events": events[:100]}, **bearer)
    assert (taken.status_code, taken.json()) == (200, {})


def test_the_stream_does_not_take_a_key_that_is_no_token(http: httpx2.Client) -> None:
    refused = error(post_json(http, "/v2/billing/meter_event_stream", {"events": []}))
    assert refused["code"] == "billing_meter_event_session_expired"


def test_a_token_opens_the_stream_alone(http: httpx2.Client, stranger: httpx2.Client) -> None:
    token = http.post("/v2/billing/meter_event_session").json()["authentication_token"]
    refused = stranger.get("/v1/customers", headers={"Authorization": f"Bearer {token}"})
    assert error(refused)["status"] == 401


def test_a_bulk_request_counts_the_good_lines_and_names_the_bad(
    http: httpx2.Client, meter: Meter, customer: stripe.Customer
) -> None:
    good = event_of(meter, customer)
    lines = [
        json.dumps({**good, "identifier": f"{meter.event_name}-bulk"}),
        "{",
        json.dumps(event_of(meter, customer, "many")),
        "",
        json.dumps({**good, "identifier": f"{meter.event_name}-bulk"}),
        json.dumps({**good, "colour": "red"}),
        json.dumps(good),
    ]
    body = gzip.compress("\n".join(lines).encode())
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"}
    answer = http.post("/v2/billing/meter_events/bulk", content=body, headers=packed).json()
    assert (answer["counted"], answer["repeated"], answer["refused"]) == (2, 1, 3)
    assert [(one["line"], one["code"]) for one in answer["errors"]] == [
        (2, "invalid_line"),
        (3, "meter_event_invalid_value"),
        (5, "duplicate_meter_event"),
        (6, "invalid_line"),
    ]


def test_a_bulk_body_that_is_not_gzip_is_refused(http: httpx2.Client) -> None:
    packed = {"Content-Encoding": "gzip"}
    refused = http.post("/v2/billing/meter_events/bulk", content=b"{}", headers=packed)
    assert error(refused)["status"] == 400
    cut = gzip.compress(b"{}" * 100)[:-9]
    refused = http.post("/v2/billing/meter_events/bulk", content=cut, headers=packed)
    assert error(refused)["status"] == 400


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(http: httpx2.Client) -> None:
    bomb = gzip.compress(b"\n" * (64 * MIB + 1))
    assert len(bomb) < MIB
    packed = {"Content-Encoding": "gzip"}
    refused = error(http.post("/v2/billing/meter_events/bulk", content=bomb, headers=packed))
    assert refused["status"] == 413


# --- webhooks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com", "http://", "http://u:p@a.b/"])
def test_a_webhook_url_is_checked(http: httpx2.Client, url: str) -> None:
    form = {"url": url, "enabled_events[]": "*"}
    refused = error(http.post("/v1/webhook_endpoints", data=form))
    assert (refused["status"], refused["param"], refused["code"]) == (400, "url", "url_invalid")


def test_the_secret_of_an_endpoint_cannot_be_set(http: httpx2.Client) -> None:
    form = {"url": "https://example.com", "enabled_events[]": "*", "secret": "whsec_mine"}
    assert error(http.post("/v1/webhook_endpoints", data=form))["code"] == "parameter_unknown"
