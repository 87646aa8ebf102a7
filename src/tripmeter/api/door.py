"""The ASGI application: routing, authentication, decoding, errors, headers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from tripmeter.api.auth import Authenticator
from tripmeter.api.call import Call, Reply, Route, Services
from tripmeter.api.encoding import encode
from tripmeter.api.expansion import expanded
from tripmeter.api.idempotency import Done, check_key, once
from tripmeter.model.errors import (
    BodyMalformed,
    BodyTooLarge,
    MethodNotAllowed,
    Refusal,
    RouteUnknown,
)
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.pipeline.metrics import HTTP_REQUESTS
from tripmeter.wire.errors import render, render_unexpected
from tripmeter.wire.events import API_VERSION
from tripmeter.wire.forms import decode_form, decode_json, decode_query
from tripmeter.wire.params import read

_JSON: Final = "application/json"

log = structlog.get_logger()


Respond = Callable[[Request, dict[str, Route]], Awaitable[Response]]


class Door:
    """Answers requests for a table of routes."""

    def __init__(self, services: Services, routes: Sequence[Route]) -> None:
        self._services = services
        self._authenticator = Authenticator(services.store, services.clock)
        self._by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._by_path.setdefault(route.path, {})[route.method] = route

    def app(self, extra: Sequence[StarletteRoute] = ()) -> Starlette:
        """The application, with routes beside the API such as `/healthz`."""
        own = [
            StarletteRoute(path, _AnyMethod(self._respond, by_method))
            for path, by_method in self._by_path.items()
        ]
        unknown = StarletteRoute("/{path:path}", _AnyMethod(self._respond, {}))
        return Starlette(routes=[*extra, *own, unknown])

    async def _respond(self, request: Request, by_method: dict[str, Route]) -> Response:
        """Answer anything, in Stripe's shape, with the headers that every answer has."""
        request_id = new_id("req", self._services.clock.now_ms())
        version = 2 if request.scope["path"].startswith("/v2/") else 1
        try:
            route = _chosen(request, by_method)
            reply = await self._answer(request, route, request_id)
        except Refusal as refusal:
            status, body, headers = render(refusal, version=2 if version == 2 else 1)
            reply = Reply(encode(body), status, headers)
        except ClientDisconnect:
            reply = Reply(b"", 499)
        except Exception:
            log.exception("request_failed", request_id=request_id, path=request.scope["path"])
            status, body, headers = render_unexpected(request_id)
            reply = Reply(encode(body), status, headers)
        HTTP_REQUESTS.labels(f"{reply.status // 100}xx").inc()
        return _response(request, reply, request_id)

    async def _answer(self, request: Request, route: Route, request_id: str) -> Reply:
        call = await self._call(request, route, request_id)
        if route.handle is not None:
            return await route.handle(call)
        if route.change is not None:
            return await self._change(request, route, call)
        assert route.read is not None
        return Reply(encode(await asyncio.to_thread(self._read, route, call)))

    async def _change(self, request: Request, route: Route, call: Call) -> Reply:
        change = route.change
        assert change is not None
        path = request.scope["path"]
        job = CommandJob(lambda work: once(work, call, request.method, path, change))
        done: Done = await self._services.writer.ask(job)
        if not done.replayed:
            return done.reply
        return done.reply._replace(headers={"Idempotent-Replayed": "true"})

    def _read(self, route: Route, call: Call) -> Any:
        assert route.read is not None
        with self._services.store.reader() as session:
            rendered = route.read(session, call)
            paths = call.params.get("expand") or ()
            return expanded(session, call.scope, rendered, paths)

    async def _call(self, request: Request, route: Route, request_id: str) -> Call:
        scope = self._authenticate(request, route)
        key = request.headers.get("idempotency-key") if route.method != "GET" else None
        check_key(key)
        body = await _read_body(request, route.body_limit)
        return Call(
            services=self._services,
            caller=Caller(scope, request_id, key),
            params=_params(request, route, body),
            path=request.path_params,
            version=route.version,
            body=body,
            headers=dict(request.headers),
        )

    def _authenticate(self, request: Request, route: Route) -> Scope:
        authorization = request.headers.get("authorization")
        if route.auth == "stream_token":
            return self._authenticator.by_token(authorization)
        return self._authenticator.by_key(authorization)


class _AnyMethod:
    """An ASGI application for one path; Starlette leaves the method to it."""

    def __init__(self, respond: Respond, by_method: dict[str, Route]) -> None:
        self._respond = respond
        self._by_method = by_method

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope, receive), self._by_method)
        await response(scope, receive, send)


def _chosen(request: Request, by_method: dict[str, Route]) -> Route:
    if not by_method:
        raise RouteUnknown(request.method, request.scope["path"])
    route = by_method.get(request.method)
    if route is None:
        raise MethodNotAllowed(request.method, request.scope["path"], tuple(sorted(by_method)))
    return route


async def _read_body(request: Request, limit: int) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(limit)
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise BodyTooLarge(limit)
    return bytes(chunks)


def _without_usage(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Where stripe-python 16.1.0 fetches what a thin event is about, and does so asynchronously,
    its own telemetry slips into the query as `usage`."""
    if "stripe-request-trigger" in request.headers:
        given.pop("usage", None)
    return given


def _params(request: Request, route: Route, body: bytes) -> dict[str, Any]:
    """v1 takes forms, v2 takes JSON; GET and DELETE take the query string in both."""
    query = request.scope.get("query_string", b"")
    if route.raw_body or route.method != "POST":
        return read(route.params, _without_usage(request, decode_query(query)), dialect="form")
    if route.version == 2:
        return read(route.params, decode_json(body), dialect="json")
    if body and request.headers.get("content-type", "").startswith(_JSON):
        raise BodyMalformed("This path takes application/x-www-form-urlencoded, not JSON.")
    given = decode_form(body)
    if query:
        given = {**decode_query(query), **given}
    return read(route.params, given, dialect="form")


def _response(request: Request, reply: Reply, request_id: str) -> Response:
    version = request.headers.get("stripe-version") or API_VERSION
    headers = {"Request-Id": request_id, "Stripe-Version": version[:64], **reply.headers}
    key = request.headers.get("idempotency-key")
    if key and len(key) <= 255:
        headers["Idempotency-Key"] = key
    return Response(reply.body, reply.status, headers, media_type=_JSON)
