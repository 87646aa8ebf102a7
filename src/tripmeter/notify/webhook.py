"""Posts one webhook to one endpoint and reports what came back.

Owns the HTTP exchange: guarded connections, time limits, the size limit, and turning every failure
into an `Answer` that says what went wrong. Does not sign, retry, or decide what success is; how
many posts run at once is the caller's business.
"""

import os
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import aclosing

import anyio
import httpcore2
import httpx2

from tripmeter.model.addresses import check_url
from tripmeter.model.delivery import Answer
from tripmeter.notify.addresses import (
    AddressRefused,
    GuardedNetwork,
    HostUnknown,
    Resolve,
    system_resolve,
)

CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 15.0
MAX_RESPONSE_BYTES = 16 * 1024
MAX_HEADER_CHARACTERS = 8 * 1024
"""Of an answer's headers, in their order, as many are kept as fit in this."""
MAX_ERROR_CHARACTERS = 200
KEEPALIVE_S = 4.0
"""Below the 5 s after which common servers (Node, uvicorn) hang up on an idle connection."""
MAX_IDLE_CONNECTIONS = 100

_FAILURES = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,
    ValueError,
)
"""All that a hostile or broken endpoint can provoke; ValueError: unusable hosts and headers."""


class WebhookPoster:
    """Sends webhooks over pooled connections. One instance serves the whole process."""

    def __init__(
        self,
        *,
        allow_private: bool,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        timeout_s: float = TIMEOUT_S,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        resolve: Resolve = system_resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`allow_private` opens private networks (self-hosting, tests): never for tenants' URLs.

        `connect_timeout_s` bounds name lookup with TCP, and again the TLS handshake; `timeout_s`
        bounds the whole exchange. `ssl_context` None trusts the system's authorities.
        """
        self._allow_private = allow_private
        self._connect_timeout_s = connect_timeout_s
        self._timeout_s = timeout_s
        self._max_response_bytes = max_response_bytes
        network = GuardedNetwork(allow_private=allow_private, resolve=resolve)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context or httpx2.create_ssl_context(trust_env=False),
            max_connections=None,
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=network,
        )

    async def open(self) -> None:
        """Load the event loop's backend now: it costs as much as fifty posts."""
        await anyio.sleep(0)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST `body` and wait for the answer. Never raises for what the network or peer does.

        Redirects are answers like any other and are not followed. Of the response body at most
        `max_response_bytes` are read, as UTF-8 with a mark in place of what cannot be decoded.
        """
        began_ns = time.monotonic_ns()
        heard = _Heard(self._max_response_bytes)
        error = check_url(url, self._allow_private)
        if error is None:
            error = await self._exchange(url, body, headers, heard)
        return heard.as_answer(error, (time.monotonic_ns() - began_ns) // 1_000_000)

    async def close(self) -> None:
        """Close every connection; the poster is of no use afterwards."""
        await self._pool.aclose()

    async def _exchange(
        self, url: str, body: bytes, headers: Mapping[str, str], heard: "_Heard"
    ) -> str | None:
        """Send, and note in `heard` what arrives. Returns what went wrong, if anything did."""
        try:
            with anyio.fail_after(self._timeout_s):
                request = _request(httpx2.URL(url), body, headers, self._connect_timeout_s)
                response = await self._pool.handle_async_request(request)
                async with aclosing(response):
                    return await heard.listen(response)
        except _FAILURES as failure:
            return self._explain(failure, heard.status)

    def _explain(self, failure: Exception, status: int | None) -> str:
        match failure:
            case AddressRefused():
                return f"Refused to connect: {failure}, and webhooks go to public addresses only."
            case HostUnknown():
                return f"The host name could not be resolved: {_what(failure)}."
            case httpcore2.ConnectTimeout():
                return f"No connection to the endpoint within {self._connect_timeout_s:g} s."
            case TimeoutError() if status is None:
                return f"The endpoint did not answer within {self._timeout_s:g} s."
            case TimeoutError():
                return f"The response was not complete within {self._timeout_s:g} s."
            case httpcore2.ConnectError():
                return _explain_connect(_root(failure))
            case httpx2.InvalidURL() | ValueError():
                return f"The request could not be sent: {_what(failure)}."
            case _:
                return f"The connection broke: {_what(failure)}."


class _Heard:
    """What has arrived of an answer so far; stays valid when the rest never comes."""

    def __init__(self, max_bytes: int) -> None:
        self.status: int | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._max_bytes = max_bytes

    async def listen(self, response: httpcore2.Response) -> str | None:
        """Take in a response up to the limit. Returns a remark if it was longer."""
        self.status = response.status
        self._headers = _kept_headers(httpx2.Headers(response.headers))
        async with aclosing(response.aiter_stream()) as pieces:
            async for piece in pieces:
                self._body += piece[: self._max_bytes + 1 - len(self._body)]
                if len(self._body) > self._max_bytes:
                    return f"The response body is too large: cut after {self._max_bytes} bytes."
        return None

    def as_answer(self, error: str | None, duration_ms: int) -> Answer:
        """NUL is replaced along with the undecodable: PostgreSQL has no text that contains it."""
        text = bytes(self._body[: self._max_bytes]).decode(errors="replace")
        body = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
        return Answer(self.status, body, self._headers, error, duration_ms)


def _request(
    url: httpx2.URL, body: bytes, headers: Mapping[str, str], connect_timeout_s: float
) -> httpcore2.Request:
    """A request as it goes out: no cookies, no encodings, nothing that the environment adds."""
    own = {
        "Host": url.netloc.decode("ascii"),
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        **headers,
        "Content-Length": str(len(body)),
    }
    return httpcore2.Request(
        method="POST",
        url=httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=[(name.encode("ascii"), value.encode()) for name, value in own.items()],
        content=body,
        extensions={"timeout": {"connect": connect_timeout_s}},  # post() bounds the whole
    )


def _kept_headers(headers: httpx2.Headers) -> dict[str, str]:
    kept: dict[str, str] = {}
    room = MAX_HEADER_CHARACTERS
    for name, value in headers.items():
        room -= len(name) + len(value)
        if room < 0:
            break
        kept[name] = value
    return kept


def _explain_connect(root: BaseException) -> str:
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"TLS failed: the certificate is not trusted ({root.verify_message})."
    if isinstance(root, ssl.SSLError):
        return f"TLS failed: {root.reason or _what(root)}."
    return f"No connection to the endpoint: {_what(root)}."


def _root(failure: BaseException) -> BaseException:
    """The failure at the bottom: httpcore2 wraps it as an argument, others as the cause."""
    inner = failure.args[0] if failure.args else None
    below = failure.__cause__ or (inner if isinstance(inner, BaseException) else None)
    return _root(below) if below else failure


def _what(failure: BaseException) -> str:
    """The root of a failure in words, cut: some quote what the peer has sent."""
    root = _root(failure)
    words = _system_words(root) if isinstance(root, OSError) else str(root)
    return (words or type(root).__name__)[:MAX_ERROR_CHARACTERS].rstrip(".")


def _system_words(error: OSError) -> str:
    """The system's text for the error number: asyncio's own names the address."""
    if error.errno is None or isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or str(error)
    return os.strerror(error.errno)
