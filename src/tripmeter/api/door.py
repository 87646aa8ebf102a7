"""The ASGI application: routing, admission, decoding, errors, headers."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.routing import Route as StarletteRoute

from tripmeter.api.admission import Admission, Admitted
from tripmeter.api.auth import Authenticator
from tripmeter.api.call import Call, Reply, Route, Services
from tripmeter.api.encoding import encode
from tripmeter.api.exchange import Answer, ClientGone, Incoming, Responder
from tripmeter.api.expansion import expanded
from tripmeter.api.idempotency import KEY_LENGTH, Done, check_key, once
from tripmeter.api.request_log import RequestLog
from tripmeter.api.sessions import NOBODY, SessionAuthenticator, check_own_page, session_token
from tripmeter.api.throttle import Throttle
from tripmeter.control.access import digest, require
from tripmeter.model.errors import BodyMalformed, MethodNotAllowed, Refusal, RouteUnknown
from tripmeter.model.ids import RequestIds
from tripmeter.model.scope import Caller, Identity
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.pipeline.metrics import HTTP_REQUESTS
from tripmeter.rules.admission import Limits
from tripmeter.wire.errors import render, render_unexpected
from tripmeter.wire.events import API_VERSION
from tripmeter.wire.forms import decode_form, decode_json, decode_query
from tripmeter.wire.params import read

_ANSWERED: Final = {hundreds: HTTP_REQUESTS.labels(f"{hundreds}xx") for hundreds in range(1, 6)}

log = structlog.get_logger()


class Door:
    """Answers requests for a table of routes."""

    def __init__(self, services: Services, routes: Sequence[Route], limits: Limits) -> None:
        self._services = services
        self._admission = Admission(limits, services.writer)
        self._request_ids = RequestIds()
        self._authenticator = Authenticator(services.store, services.clock)
        self._sessions = SessionAuthenticator(services.store, services.clock)
        self._throttle = Throttle(services.rate_limit)
        self._log = RequestLog(services.request_log)
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        self._streaming = {route.path for route in routes if route.streams}
        self._responders = {
            path: Responder(self._respond, by_method) for path, by_method in by_path.items()
        }

    def app(self, extra: Sequence[StarletteRoute] = ()) -> Starlette:
        """The application, with routes beside the API such as `/healthz`."""
        own = [StarletteRoute(path, responder) for path, responder in self._responders.items()]
        unknown = StarletteRoute("/{path:path}", Responder(self._respond, {}))
        return Starlette(routes=[*extra, *own, unknown])

    @property
    def fixed(self) -> dict[str, Responder]:
        """Those of its paths that need no matching."""
        return {
            path: own
            for path, own in self._responders.items()
            if "{" not in path and path not in self._streaming
        }

    async def _respond(self, incoming: Incoming, by_method: dict[str, Route]) -> Answer:
        """Answer anything, in Stripe's shape, with the headers that every answer has."""
        began_ms = self._services.clock.elapsed_ms()
        request_id = self._request_ids.next()
        route = identity = None
        try:
            route = _chosen(incoming, by_method)
            identity = self._authenticate(incoming, route)
            self._admit(identity, route, began_ms)
            reply = await self._answer(incoming, route, identity, request_id)
        except Refusal as refusal:
            is_v2 = incoming.path.startswith("/v2/")
            status, body, headers = render(refusal, version=2 if is_v2 else 1)
            reply = Reply(encode(body), status, headers)
        except ClientGone:
            reply = Reply(b"", 499)  # nobody reads it
        except Exception:
            path = None if route is None else route.path
            log.exception("request_failed", request_id=request_id, path=path)
            status, body, headers = render_unexpected(request_id)
            reply = Reply(encode(body), status, headers)
        _ANSWERED[reply.status // 100].inc()
        if self._log.wants(reply):
            self._log.write(
                request_id=request_id,
                method=incoming.method,
                route=route,
                identity=identity,
                reply=reply,
                duration_ms=self._services.clock.elapsed_ms() - began_ms,
            )
        if (
            route is not None
            and identity is not None
            and not (route.is_usage and reply.status < 400)
        ):
            self._note(incoming, route, identity, reply, request_id, began_ms)
        headers = _headers(incoming, reply, request_id)
        if identity is not None and identity.signed_in is not None:
            headers = {"Cache-Control": "no-store", **headers}
        return Answer(reply, headers)

    def _note(
        self,
        incoming: Incoming,
        route: Route,
        identity: Identity,
        reply: Reply,
        request_id: str,
        began_ms: int,
    ) -> None:
        """Have the dashboard show a request."""
        if self._services.desk is None:
            return
        clock = self._services.clock
        took_ms = clock.elapsed_ms() - began_ms
        created_ms = clock.now_ms() - took_ms
        self._services.desk.logbook.note(
            incoming,
            route,
            identity,
            reply,
            request_id=request_id,
            created_ms=created_ms,
            duration_ms=took_ms,
        )

    async def _answer(
        self, incoming: Incoming, route: Route, identity: Identity, request_id: str
    ) -> Reply:
        expected_bytes = min(incoming.declared_bytes, route.body_limit)
        with self._admission.enter(expected_bytes, writes=route.read is None) as admitted:
            call = await self._call(incoming, route, identity, request_id, admitted)
            if route.handle is not None:
                return await route.handle(call)
            if route.change is not None:
                return await self._change(incoming, route, call)
            return Reply(encode(await asyncio.to_thread(self._read, route, call)))

    async def _change(self, incoming: Incoming, route: Route, call: Call) -> Reply:
        change = route.change
        assert change is not None
        job = CommandJob(lambda work: once(work, call, incoming.method, incoming.path, change))
        done: Done = await self._services.writer.ask(job)
        if not done.replayed:
            return done.reply
        return done.reply._replace(headers={"Idempotent-Replayed": "true"})

    def _read(self, route: Route, call: Call) -> Any:
        assert route.read is not None
        with self._services.store.reader() as session:
            rendered = route.read(session, call)
            paths = call.params.get("expand") or ()
            now_ms = self._services.clock.now_ms()
            return expanded(session, call, rendered, paths, now_ms)

    async def _call(
        self,
        incoming: Incoming,
        route: Route,
        identity: Identity,
        request_id: str,
        admitted: Admitted,
    ) -> Call:
        key = incoming.header(b"idempotency-key") if route.method != "GET" else None
        check_key(key)
        body = await incoming.body(route.body_limit, admitted.hold)
        params = _params(incoming, route, body)
        if route.events is not None:
            now_ms = self._services.clock.elapsed_ms()
            self._throttle.count_events(identity, route, now_ms, route.events(params))
        earlier = session_token(incoming) if route.auth == "nobody" else None
        return Call(
            services=self._services,
            signed_in=identity.signed_in,
            address=incoming.address,
            last_event_id=incoming.header(b"last-event-id") if route.streams else None,
            still_authentic=partial(self._is_let_in, incoming, route) if route.streams else bool,
            earlier_session=None if earlier is None else digest(earlier),
            caller=Caller(identity.scope, request_id, key, identity.permissions),
            params=params,
            path=incoming.path_params,
            version=route.version,
            hold=admitted.hold,
            body=body,
            content_type=incoming.header(b"content-type"),
            content_encoding=incoming.header(b"content-encoding"),
        )

    def _authenticate(self, incoming: Incoming, route: Route) -> Identity:
        authorization = incoming.header(b"authorization")
        if route.auth == "stream_token":
            return self._authenticator.by_token(authorization)
        if route.auth == "key" and (authorization or session_token(incoming) is None):
            return self._authenticator.by_key(authorization)
        if route.auth == "nobody":
            check_own_page(incoming)
            return NOBODY
        return self._sessions.identity(incoming, route)

    def _is_let_in(self, incoming: Incoming, route: Route) -> bool:
        """Whether who asked would still be let in."""
        try:
            self._authenticate(incoming, route)
        except Refusal:
            return False
        return True

    def _admit(self, identity: Identity, route: Route, now_ms: int) -> None:
        """Raises RateLimited or PermissionMissing."""
        self._throttle.count_request(identity, route, now_ms)
        if identity.permissions is not None:
            require(identity.permissions, route.permission)


def _chosen(incoming: Incoming, by_method: dict[str, Route]) -> Route:
    if not by_method:
        raise RouteUnknown(incoming.method, incoming.path)
    route = by_method.get(incoming.method)
    if route is None:
        raise MethodNotAllowed(incoming.method, incoming.path, tuple(sorted(by_method)))
    return route


def _without_usage(incoming: Incoming, given: dict[str, Any]) -> dict[str, Any]:
    """Where stripe-python 16.1.0 fetches what a thin event is about, and does so asynchronously,
    its own telemetry slips into the query as `usage`."""
    if incoming.header(b"stripe-request-trigger") is not None:
        given.pop("usage", None)
    return given


def _params(incoming: Incoming, route: Route, body: bytes) -> dict[str, Any]:
    """v1 takes forms, v2 takes JSON; GET and DELETE take the query string in both."""
    if route.raw_body or route.method != "POST":
        query = _without_usage(incoming, decode_query(incoming.query))
        return read(route.params, query, dialect="form")
    if route.version == 1 and body and incoming.is_json:
        raise BodyMalformed("this path takes application/x-www-form-urlencoded, not JSON")
    if route.usual is not None and not incoming.query and (usual := route.usual(body)) is not None:
        return usual
    if route.version == 2:
        return read(route.params, decode_json(body), dialect="json")
    given = decode_form(body)
    if incoming.query:
        given = {**decode_query(incoming.query), **given}
    return read(route.params, given, dialect="form")


def _headers(incoming: Incoming, reply: Reply, request_id: str) -> dict[str, str]:
    version = incoming.header(b"stripe-version")
    headers = {
        "Request-Id": request_id,
        "Stripe-Version": version[:64] if version else API_VERSION,
        **reply.headers,
    }
    key = incoming.header(b"idempotency-key")
    if key and len(key) <= KEY_LENGTH:
        headers["Idempotency-Key"] = key
    return headers
