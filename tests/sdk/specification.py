"""Whether an answer is what Stripe's OpenAPI description promises.

The description is a subset made for this project; it lies beside the repository, and where it is
absent its part of the conformance tests is skipped. Objects are closed: a member that Stripe does
not know is a finding, unless it is one of `EXTENSIONS`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from support.recorder import Exchange

DESCRIPTION: Final = (
    Path(__file__).resolve().parents[3] / "shared" / "reference" / "stripe_openapi_subset.json"
)

_ID: Final = {"type": ["string", "null"]}

EXTENSIONS: Final[Mapping[str, dict[tuple[str, ...], dict[str, Any]]]] = {
    "billing.alert": {
        (): {"actions": {"type": "array", "items": {"type": "object"}}},
        ("usage_threshold",): {
            "count_from": {"type": "string", "enum": ["lifetime", "period_start"]}
        },
        ("spend_threshold", "filters"): {"customer": _ID, "subscription": _ID},
    },
    "billing.alert_notification": {
        (): {"meter_event_identifier": {"type": "string"}, "late": {"const": True}}
    },
    "billing.alert_triggered": {
        (): {"late": {"const": True}},
        ("group_by",): {"subscription": {"type": "string"}},
    },
    "invoice": {(): {"late_usage": {"type": "integer"}}},
    "subscription": {(): {"threshold_invoice_held_until": {"type": "integer"}}},
}
"""Members that are ours: object, where in it, and the members with their schemas."""

PREVIEW_EVENTS: Final = [
    "billing.access.restored",
    "billing.access.revoked",
    "billing.access.warning",
    "billing.alert.recovered",
]
"""Types of events that the description leaves out: in preview, or ours."""

OUR_PATHS: Final = (
    "/v1/access/reservations/{id}",
    "/v1/access/reservations/{id}/commit",
    "/v1/access/reservations/{id}/release",
    "/v1/billing/action_runs",
    "/v1/billing/action_runs/{id}",
    "/v1/billing/action_runs/{id}/resend",
    "/v1/billing/alert_targets",
    "/v1/billing/alert_targets/{id}",
    "/v1/billing/alerts/{id}/action_runs",
    "/v1/billing/alerts/{id}/explain",
    "/v1/billing/mail_templates",
    "/v1/billing/mail_templates/{id}",
    "/v1/billing/mail_templates/{id}/preview",
    "/v1/billing/usage_limits",
    "/v1/billing/usage_limits/{id}",
    "/v1/customers/{id}/access",
    "/v1/customers/{id}/access/reserve",
    "/v1/customers/{id}/access/restore",
    "/v1/customers/{id}/access/revoke",
    "/v1/customers/{id}/limit_changes",
    "/v1/events/{id}/delivery_attempts",
    "/v1/webhook_endpoints/{id}/delivery_attempts",
    "/v1/webhook_endpoints/{id}/rotate_secret",
    "/v2/billing/meter_events/bulk",
)
"""Paths that Stripe does not have; only their errors are Stripe's."""

OUR_OBJECTS: Final = frozenset({"access"})
"""What events of ours tell of."""

UNLISTED: Final = {
    ("GET", "/v1/account"): "account",
    ("GET", "/v1/accounts/{id}"): "account",
    ("POST", "/v1/billing/alerts/{id}"): "billing.alert",
    ("POST", "/v1/events/{id}/retry"): "event",
}
"""Paths of Stripe's that the description leaves out, and the object they answer with."""

EMPTY_LISTS: Final = ("/v1/accounts", "/v1/customers/{id}/sources")
"""Paths of Stripe's that the description leaves out, and list what there never is here."""

_DELETED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string"},
        "deleted": {"const": True},
    },
    "required": ["id", "object", "deleted"],
    "additionalProperties": False,
}
_EMPTY_LIST: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "object": {"const": "list"},
        "data": {"const": []},
        "has_more": {"const": False},
        "url": {"type": "string"},
    },
    "required": ["object", "data", "has_more", "url"],
    "additionalProperties": False,
}
_RELATED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "type", "url")},
    "required": ["id", "type", "url"],
    "additionalProperties": False,
}
_OPEN_EVENT: Final = "v2.core.event, open"
_ANNOTATIONS: Final = frozenset({"nullable", "example", "description", "format", "enum"})


class Specification:
    """Stripe's description as JSON schemas, and what is wrong with an answer according to it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]["schemas"]
        self._closed = {name: self._component(name) for name in self._components}
        self._closed[_OPEN_EVENT] = self._convert(self._components["v2.core.event"], closed=False)
        self._operations = dict(_operations(document["paths"]))
        self._validators: dict[str, Draft202012Validator] = {}

    def knows(self, method: str, path: str) -> bool:
        """Whether Stripe has the path with this method."""
        return self._operation(method, path) is not None

    def fields(self, name: str) -> frozenset[str]:
        """The fields that an object of Stripe's has, without those that are in preview."""
        described = self._components[name]["properties"]
        return frozenset(field for field, one in described.items() if "x-preview" not in one)

    def parameters(self, method: str, path: str) -> dict[str, Any]:
        """The parameters that Stripe describes for a path, those in it aside: their schemas."""
        operation = self._operations[method, path]
        named = {
            one["name"]: one["schema"]
            for one in operation.get("parameters", ())
            if one["in"] == "query"
        }
        body = operation.get("requestBody", {}).get("content", {})
        for content in body.values():
            named |= content["schema"].get("properties", {})
        return named

    def problems(self, exchange: Exchange) -> Iterator[str]:
        """What is wrong with an answer; nothing if it is as described."""
        where = f"{exchange.method} {exchange.path} -> {exchange.status}"
        body = msgspec.json.decode(exchange.body)
        for schema, part in self._parts(exchange, body):
            yield from (f"{where}: {problem}" for problem in self.mismatches(schema, part))

    def webhook_problems(self, body: Any) -> Iterator[str]:
        """What is wrong with an event that was delivered."""
        for schema, part in self._event_parts(body):
            yield from self.mismatches(schema, part)

    def mismatches(self, schema: dict[str, Any], value: Any) -> Iterator[str]:
        """Where a value is not as the schema says."""
        for error in map(_innermost, self._validator(schema).iter_errors(value)):
            yield f"{error.json_path}: {error.message[:300]}"

    def _parts(self, exchange: Exchange, body: Any) -> Iterator[tuple[dict[str, Any], Any]]:
        """Pairs of a schema and the part of the answer that it is about."""
        if exchange.status >= 400:
            yield _ref("error"), body
            return
        if body.get("deleted") is True and body.get("object") == "discount":
            yield _ref("discount"), body
            return
        if body.get("deleted") is True and exchange.path.startswith("/v1/"):
            yield _DELETED, body
            return
        if body.get("object") in ("event", "v2.core.event"):
            yield from self._event_parts(body)
            return
        if any(_pattern(path).fullmatch(exchange.path) for path in OUR_PATHS):
            return
        if any(_pattern(path).fullmatch(exchange.path) for path in EMPTY_LISTS):
            yield _EMPTY_LIST, body
            return
        yield self._answer(exchange), self._without_events(body)
        for member in body.get("data", ()):
            if member["object"] in ("event", "v2.core.event"):
                yield from self._event_parts(member)

    def _without_events(self, body: Any) -> Any:
        """Events are looked at one by one; the list around them is what is left."""
        data = body.get("data")
        if not isinstance(data, list) or not data:
            return body
        is_event = data[0]["object"] in ("event", "v2.core.event")
        return {**body, "data": []} if is_event else body

    def _event_parts(self, event: Any) -> Iterator[tuple[dict[str, Any], Any]]:
        if event["object"] == "event":
            yield _ref("event"), event
            snapshot = event["data"]["object"]
            if snapshot["object"] not in OUR_OBJECTS:
                yield _ref(snapshot["object"]), snapshot
            return
        own = f"thin_event:{event['type']}"
        yield (_ref(own) if own in self._components else _unlisted_thin_event()), event

    def _answer(self, exchange: Exchange) -> dict[str, Any]:
        operation = self._operation(exchange.method, exchange.path)
        if operation is None:
            return {"not": {}, "description": "Stripe has no such path"}
        content = operation["responses"]["200"].get("content")
        if content is None:
            return {"const": {}}
        schema: dict[str, Any] = content["application/json"]["schema"]
        return self._convert(schema)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for (unlisted_method, template), name in UNLISTED.items():
            if method == unlisted_method and _pattern(template).fullmatch(path):
                return {"responses": {"200": _answers_with(name)}}
        found = [
            (template.count("{"), operation)
            for (known, template), operation in self._operations.items()
            if known == method and _pattern(template).fullmatch(path)
        ]
        return min(found, key=lambda one: one[0])[1] if found else None

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        key = msgspec.json.encode(schema).decode()
        if key not in self._validators:
            whole = {**schema, "components": {"schemas": self._closed}}
            self._validators[key] = Draft202012Validator(whole)
        return self._validators[key]

    def _component(self, name: str) -> dict[str, Any]:
        closed = self._convert(self._components[name])
        for path, members in EXTENSIONS.get(name, {}).items():
            _object_at(closed, path)["properties"].update(members)
        if name == "event":
            closed["properties"]["type"]["enum"] += PREVIEW_EVENTS
        return closed

    def _convert(self, schema: Mapping[str, Any], *, closed: bool = True) -> dict[str, Any]:
        """A schema in the words of JSON Schema 2020-12, with its objects closed."""
        made: dict[str, Any] = {
            name: value
            for name, value in schema.items()
            if name not in _ANNOTATIONS and not name.startswith("x-")
        }
        if "enum" in schema and "x-open-enum" not in schema:
            made["enum"] = schema["enum"] + schema.get("x-preview-enum", [])
        if "properties" in schema:
            made["properties"] = {n: self._convert(s) for n, s in schema["properties"].items()}
            if closed:
                made.setdefault("additionalProperties", False)
        if "items" in schema:
            made["items"] = self._convert(schema["items"])
        if "anyOf" in schema:
            made["anyOf"] = [self._convert(one) for one in schema["anyOf"]]
        if "allOf" in schema:
            made["allOf"] = [self._opened(one) for one in schema["allOf"]]
            made["unevaluatedProperties"] = False
        return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made

    def _opened(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A part of an `allOf`: the whole is closed, not its parts."""
        if "$ref" in schema:
            schema = self._components[schema["$ref"].rpartition("/")[2]]
        return self._convert(schema, closed=False)


def at_hand() -> Specification | None:
    """Stripe's description, where it lies beside the repository."""
    if not DESCRIPTION.is_file():
        return None
    return Specification(msgspec.json.decode(DESCRIPTION.read_bytes()))


def _innermost(error: ValidationError) -> ValidationError:
    """Of alternatives that all failed, what is wrong with the one that came closest."""
    while error.context:
        error = max(error.context, key=lambda one: (len(one.path), one.validator != "type"))
    return error


def _operations(paths: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for template, methods in paths.items():
        for method, operation in methods.items():
            yield (method.upper(), template), operation


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", template))


def _ref(component: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{component}"}


def _answers_with(component: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": _ref(component)}}}


def _object_at(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path:
        schema = schema["properties"][name]
        schema = schema["anyOf"][0] if "anyOf" in schema else schema
    return schema


def _unlisted_thin_event() -> dict[str, Any]:
    """A thin event whose type the description does not list: the envelope and what it is about."""
    envelope = {"allOf": [_ref(_OPEN_EVENT), {"properties": {"related_object": _RELATED}}]}
    return {**envelope, "unevaluatedProperties": False}
