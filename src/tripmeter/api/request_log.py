"""The request log: one line about a request, made of nothing that the caller wrote.

The path is the route's own template, the key its id, the error its code. So no key, id, query,
header, body or idempotency key can reach the log, whatever they hold.
"""

from typing import Final

import msgspec
import structlog

from tripmeter.api.call import LogLevel, Reply, Route
from tripmeter.model.scope import Identity

_LOWEST: Final = {"off": 1_000, "errors": 400, "all": 0}
"""The lowest status that each level writes down."""

_METHODS: Final = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})

log = structlog.get_logger()


class RequestLog:
    """Writes down the requests that a level asks for."""

    def __init__(self, level: LogLevel) -> None:
        self._lowest = _LOWEST[level]

    def wants(self, reply: Reply) -> bool:
        """Whether a request that was answered like this is written down."""
        return reply.status >= self._lowest

    def write(
        self,
        *,
        request_id: str,
        method: str,
        route: Route | None,
        identity: Identity | None,
        reply: Reply,
        duration_ms: int,
    ) -> None:
        """One line. `route` and `identity` are None where the request did not get so far."""
        facts = {
            "request_id": request_id,
            "method": method if method in _METHODS else "other",
            "path": None if route is None else route.path,
            "status": reply.status,
            "duration_ms": duration_ms,
        }
        if identity is not None:
            facts["account"] = identity.scope.account
            facts["livemode"] = identity.scope.livemode
            facts["key"] = identity.id
        if reply.status >= 400 and reply.body:
            facts["error"] = _code(reply.body)
        log.info("request", **facts)


def _code(body: bytes) -> str:
    """What kind of error an answer tells of: its code, else its type."""
    error = msgspec.json.decode(body)["error"]
    return str(error.get("code") or error["type"])
