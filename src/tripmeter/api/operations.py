"""Paths for those who run the engine: health, readiness, metrics, the API's own description."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tripmeter.api.call import Services
from tripmeter.api.openapi import openapi
from tripmeter.api.table import ROUTES


def operation_routes(services: Services, version: str) -> list[Route]:
    """`/healthz`, `/readyz`, `/metrics`, `/openapi.json`; none of them asks for a key."""
    own_thread = ThreadPoolExecutor(1, "metrics")  # the others may all be busy with reads
    document = msgspec.json.encode(openapi(ROUTES, version))

    async def healthz(_: Request) -> Response:
        """The process answers."""
        return _json({"status": "ok", "version": version})

    async def readyz(_: Request) -> Response:
        """The writer takes changes and the store keeps them."""
        ready = services.writer.healthy
        return _json({"status": "ready" if ready else "unavailable"}, 200 if ready else 503)

    async def metrics(_: Request) -> Response:
        text = await asyncio.get_running_loop().run_in_executor(own_thread, services.metrics)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def description(_: Request) -> Response:
        return Response(document, media_type="application/json")

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/openapi.json", description),
    ]


def _json(content: dict[str, str], status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
