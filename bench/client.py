"""A small HTTP/1.1 load generator: keep-alive connections, closed loop, latencies kept."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple


class Load(NamedTuple):
    """What a run of load amounted to."""

    requests: int
    seconds: float
    latencies_ms: list[float]

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in ms, that this share of the requests stayed within."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request(host: str, path: str, body: bytes, content_type: str, secret: str) -> bytes:
    """The bytes of one POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> bytes:
    """Send a request and give the body of its answer. Raises RuntimeError unless it is a 200."""
    writer.write(raw)
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
    body = await reader.readexactly(int(fields[b"content-length"]))
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(body.decode())
    return body


async def drive(port: int, connections: int, seconds: float, make: Callable[[], bytes]) -> Load:
    """Keep `connections` busy for a time with requests from `make`."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            raw = make()
            began = time.perf_counter()
            await exchange(reader, writer, raw)
            latencies.append((time.perf_counter() - began) * 1000)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return Load(len(latencies), time.perf_counter() - began, latencies)
