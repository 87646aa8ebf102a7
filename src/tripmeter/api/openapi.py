"""`/openapi.json`: the API as it is, made from the table of routes."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tripmeter.api.call import Route
from tripmeter.api.sessions import COOKIE
from tripmeter.wire.bulk import COLUMNS_TYPE, columns_schema
from tripmeter.wire.events import API_VERSION

_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"type": "string"},
                "code": {"type": "string"},
                "message": {"type": "string"},
                "param": {"type": "string"},
            },
        }
    },
}

_FAILED: Final = {
    "description": "An error.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}},
}


def openapi(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a table of routes."""
    shapes = list({id(route.returns): route.returns for route in routes}.values())
    schemas, components = msgspec.json.schema_components(
        shapes, ref_template="#/components/schemas/{name}"
    )
    schema_of = {id(shape): schema for shape, schema in zip(shapes, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, schema_of[id(route.returns)])
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tripmeter", "version": version, "x-stripe-version": API_VERSION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}, _SESSION],
        "paths": paths,
        "components": {
            "schemas": {**_with_numbers(components), "error": _ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "csrf": {"type": "apiKey", "in": "header", "name": "Tripmeter-CSRF"},
                "account": {"type": "apiKey", "in": "header", "name": "Tripmeter-Account"},
                "mode": {"type": "apiKey", "in": "header", "name": "Tripmeter-Mode"},
            },
        },
    }


def _with_numbers(schema: Any) -> Any:
    """Schemas in which decimals are what `encoding` makes of them: numbers, and not text."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {**{k: v for k, v in schema.items() if k != "format"}, "type": "number"}
        return {name: _with_numbers(inner) for name, inner in schema.items()}
    if isinstance(schema, list):
        return [_with_numbers(inner) for inner in schema]
    return schema


_SESSION: Final[dict[str, Any]] = {"session": [], "csrf": [], "account": [], "mode": []}
"""A member's session, where no key asks; CSRF with everything but GET."""

_SECURITY: Final[dict[str, list[dict[str, Any]]]] = {
    "session": [_SESSION],
    "member": [{"session": [], "csrf": []}],
    "nobody": [],
}
"""What routes ask for that do not take what most do."""


def _operation(route: Route, returns: dict[str, Any]) -> dict[str, Any]:
    media = "text/event-stream" if route.streams else "application/json"
    described: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": _path_parameters(route.path),
        "responses": {
            "200": {
                "description": "It worked.",
                "content": {media: {"schema": _answer(route, returns)}},
            },
            "default": _FAILED,
        },
    }
    if route.auth in _SECURITY:
        described["security"] = _SECURITY[route.auth]
    if route.raw_body:
        described["requestBody"] = _bulk_body()
    elif route.method == "POST":
        described["requestBody"] = _body(route)
    else:
        described["parameters"] += route.params.openapi_query_parameters()
    return described


def _body(route: Route) -> dict[str, Any]:
    is_form = route.version == 1
    media = "application/x-www-form-urlencoded" if is_form else "application/json"
    content = {"schema": route.params.json_schema(dialect="form" if is_form else "json")}
    if is_form:
        content["encoding"] = route.params.openapi_encoding()
    required = any(param.required for param in route.params.fields.values())
    return {"required": required, "content": {media: content}}


def _bulk_body() -> dict[str, Any]:
    line = {"description": "One v2 meter event a line.", "type": "string"}
    content = {
        "application/x-ndjson": {"schema": line},
        COLUMNS_TYPE: {"schema": columns_schema()},
    }
    return {"required": True, "content": content}


def _answer(route: Route, returns: dict[str, Any]) -> dict[str, Any]:
    if not route.is_list:
        return returns
    data = {"type": "array", "items": returns}
    if route.version == 2:
        url = {"type": ["string", "null"]}
        members = {"data": data, "next_page_url": url, "previous_page_url": url}
    else:
        members = {
            "object": {"const": "list"},
            "url": {"type": "string"},
            "has_more": {"type": "boolean"},
            "data": data,
        }
    return {"type": "object", "properties": members, "required": list(members)}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", path)
    schema = {"type": "string", "maxLength": 5000}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.path.replace("{", "").replace("}", ""))
    camel = "".join(part.capitalize() for word in words for part in word.split("_"))
    return f"{route.method.capitalize()}{camel}"
