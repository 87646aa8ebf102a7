"""What `/openapi.json` says, said back to a server in every way: it keeps its word.

For every operation, requests that fit the description and requests that do not, as schemathesis
makes them, on objects that exist and on others. No answer may be a 5xx; each must have a documented
status and type, the shape that is described for it, and Stripe's shape if it is an error. JSON that
does not fit the description must be refused. (Forms are text: what does not fit before it is
written down may well fit after.)

The requests are the same in every run, TRIPMETER_FUZZ_EXAMPLES (3) of each kind for an operation.
More than that, and others every time:

    TRIPMETER_FUZZ_EXAMPLES=500 TRIPMETER_FUZZ_RANDOM=1 \
        pytest --timeout 0 tests/fuzz/test_schemathesis.py
"""

import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema
from stripe._encode import _api_encode

from fuzz.target import World, assert_stripe_error, stream_token
from support.server import Server
from tripmeter.api.call import Route
from tripmeter.api.table import ROUTES
from tripmeter.wire.bulk import COLUMNS_TYPE

EXAMPLES: Final = int(os.environ.get("TRIPMETER_FUZZ_EXAMPLES", "3"))
RANDOM: Final = "TRIPMETER_FUZZ_RANDOM" in os.environ

LONGEST_PATH: Final = 60_000
"""The client sends no longer ones."""

CHECKS: Final[list[CheckFunction]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def label(route: Route) -> str:
    """How an operation is named in the results."""
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def schema(server: Server) -> OpenApiSchema:
    """The description, as the server gives it."""
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_every_operation_is_described(schema: OpenApiSchema) -> None:
    described = {f"{method.upper()} {path}" for path in schema for method in schema[path]}
    assert described == set(map(label, ROUTES))


ENDING: Final = [route for route in ROUTES if not route.streams]
"""Those whose answers come to an end."""


@pytest.mark.parametrize("route", ENDING, ids=label)
def test_an_operation_answers_as_described(
    schema: OpenApiSchema,
    http: httpx2.Client,
    world: World,
    page: dict[str, str],
    route: Route,
) -> None:
    operation = schema[route.path][route.method]
    headers = {}
    if route.auth == "stream_token":
        headers["Authorization"] = f"Bearer {stream_token(http)}"
    if route.auth in ("session", "member") and not route.path.endswith("/session"):
        headers |= page

    def holds(case: Case[Any], is_grounded: bool) -> None:
        if is_grounded:
            ground(case, world)
        answer = send(http, case, headers)
        case.validate_response(answer, CHECKS + ([] if is_grounded else strict(route, case)))
        if answer.status_code >= 400:
            assert_stripe_error(answer)

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        cases = operation.as_strategy(generation_mode=mode)
        run = given(case=cases, is_grounded=st.booleans())(holds)
        settings(
            max_examples=EXAMPLES,
            derandomize=not RANDOM,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(run)()


def strict(route: Route, case: Case[Any]) -> list[CheckFunction]:
    """The checks that hold for JSON only, unless a header was made wrong: none is sent."""
    is_json = route.version == 2 and route.method == "POST" and not route.raw_body
    return [negative_data_rejection] if is_json and not case.headers else []


def ground(case: Case[Any], world: World) -> None:
    """Let a request be about what exists, as far as it is well-formed."""
    if "id" in case.path_parameters:
        place = case.operation.path.partition("/{id}")[0]
        (case.path_parameters["id"],) = (
            found for words, found in world.ids.items() if place.endswith(words)
        )
    for part in (case.query, case.body):
        name_what_exists(part, world)


def name_what_exists(part: Any, world: World) -> None:
    """Put existing names in the place of made-up ones, wherever a string stands for a name."""
    if isinstance(part, list):
        for inner in part:
            name_what_exists(inner, world)
    elif isinstance(part, dict):
        for key, inner in part.items():
            if isinstance(inner, str) and inner and key in world.named:
                part[key] = world.named[key]
            else:
                name_what_exists(inner, world)


def send(http: httpx2.Client, case: Case[Any], headers: Mapping[str, str]) -> httpx2.Response:
    """Send a request in Stripe's dialect: brackets in queries and forms."""
    path = case.formatted_path
    if case.query:
        path += f"?{form(case.query)}"
    assume(len(path) <= LONGEST_PATH)
    if case.body is NOT_SET:
        return http.request(case.method, path, headers=headers)
    typed = {**headers, "Content-Type": case.media_type or ""}
    return http.request(case.method, path, content=encoded(case), headers=typed)


def encoded(case: Case[Any]) -> bytes:
    """The body as bytes."""
    if isinstance(case.body, bytes):
        return case.body
    if case.media_type in ("application/json", COLUMNS_TYPE):
        return msgspec.json.encode(case.body)
    return form(case.body).encode(errors="surrogatepass")


def form(params: Any) -> str:
    """What the official SDK makes of parameters; of what are none, their text."""
    return urlencode(list(_api_encode(params))) if isinstance(params, dict) else str(params)


@schemathesis.serializer("application/x-ndjson")
def _lines(_: schemathesis.SerializationContext, value: Any) -> Any:
    """schemathesis makes bodies only of types that it can write; `encoded` writes them here."""
    return str(value)


@schemathesis.serializer(COLUMNS_TYPE)
def _columns(_: schemathesis.SerializationContext, value: Any) -> Any:
    """Likewise."""
    return str(value)
