"""The checks that every answer goes through in these tests: that they find what is wrong."""

from typing import Any

import msgspec
import pytest

from sdk import typed
from sdk.specification import DESCRIPTION, OUR_PATHS, Specification
from support.recorder import Exchange

ALERT: dict[str, Any] = {
    "id": "alrt_test_1",
    "object": "billing.alert",
    "alert_type": "usage_threshold",
    "livemode": False,
    "status": "active",
    "title": "ten",
    "usage_threshold": {
        "filters": None,
        "gte": 10,
        "meter": "mtr_test_1",
        "recurrence": "one_time",
    },
}
METER: dict[str, Any] = {"id": "mtr_test_1", "object": "billing.meter"}
THIN: dict[str, Any] = {
    "id": "evt_test_1",
    "object": "v2.core.event",
    "created": "2026-01-31T12:00:00.000Z",
    "livemode": False,
    "type": "v1.billing.alert.triggered",
    "related_object": {"id": "alrt_1", "type": "billing.alert", "url": "/v1/billing/alerts/alrt_1"},
}


def changed(**changes: Any) -> dict[str, Any]:
    """The alert with other members; None takes one away."""
    merged = {**ALERT, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def threshold(**changes: Any) -> dict[str, Any]:
    return changed(usage_threshold={**ALERT["usage_threshold"], **changes})


WRONG_ALERTS = {
    "a member is missing": changed(title=None),
    "a member is of another type": changed(livemode="false"),
    "a nested member is of another type": threshold(gte="10"),
    "a word is none of the choices": threshold(recurrence="monthly"),
    "an expanded object is incomplete": threshold(meter=METER),
}


@pytest.fixture
def stripes(described: Specification | None) -> Specification:
    """Stripe's description; without it these tests are skipped."""
    if described is None:
        pytest.skip(f"{DESCRIPTION.name} is not beside this repository")
    return described


def answer(body: Any, path: str = "/v1/billing/alerts/alrt_1", status: int = 200) -> Exchange:
    return Exchange("GET", path, "", b"", status, {}, msgspec.json.encode(body))


# --- by the types of the SDK --------------------------------------------------------------------


def test_the_sdk_has_nothing_against_an_alert() -> None:
    assert list(typed.problems(ALERT)) == []


@pytest.mark.parametrize("alert", WRONG_ALERTS.values(), ids=WRONG_ALERTS)
def test_the_types_of_the_sdk_find(alert: Any) -> None:
    assert len(list(typed.problems(alert))) >= 1


def test_members_of_lists_and_events_are_looked_at() -> None:
    listed = {"object": "list", "data": [ALERT, changed(title=None)]}
    assert [found[:14] for found in typed.problems(listed)] == ["data[1].title:"]
    assert list(typed.problems(THIN)) == []
    assert list(typed.problems({**THIN, "related_object": {"id": "alrt_1"}})) != []


# --- by the description -------------------------------------------------------------------------


def test_the_description_has_nothing_against_an_alert(stripes: Specification) -> None:
    assert list(stripes.problems(answer(ALERT))) == []
    assert list(stripes.problems(answer(threshold(count_from="lifetime")))) == []


@pytest.mark.parametrize("alert", WRONG_ALERTS.values(), ids=WRONG_ALERTS)
def test_the_description_finds(stripes: Specification, alert: Any) -> None:
    assert len(list(stripes.problems(answer(alert)))) >= 1


def test_a_member_that_stripe_does_not_have_is_found(stripes: Specification) -> None:
    assert "'created' was unexpected" in "".join(stripes.problems(answer(changed(created=1))))
    assert "'period' was unexpected" in "".join(stripes.problems(answer(threshold(period="month"))))
    assert list(stripes.webhook_problems({**THIN, "colour": "red"})) != []


def test_lists_errors_and_events_have_schemas_too(stripes: Specification) -> None:
    listed = {"object": "list", "url": "/v1/billing/alerts", "has_more": False, "data": [ALERT]}
    assert list(stripes.problems(answer(listed, "/v1/billing/alerts"))) == []
    assert list(stripes.problems(answer({**listed, "has_more": None}, "/v1/billing/alerts"))) != []
    error = {"error": {"type": "invalid_request_error", "message": "No."}}
    assert list(stripes.problems(answer(error, status=400))) == []
    with_null = {"error": {**error["error"], "param": None}}
    assert list(stripes.problems(answer(with_null, status=400))) != []
    assert list(stripes.webhook_problems(THIN)) == []


def test_a_path_that_stripe_does_not_have_is_found(stripes: Specification) -> None:
    assert list(stripes.problems(answer(ALERT, "/v1/billing/alarms/alrt_1"))) != []
    assert not any(stripes.knows("GET", path) for path in OUR_PATHS)
