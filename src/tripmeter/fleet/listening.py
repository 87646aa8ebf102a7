"""Sockets on which the engine and its door processes listen side by side.

Each process has a socket of its own on the same port (SO_REUSEPORT), and the kernel spreads
connections over those that listen, by a hash: 64 connections fall 32 ± 4 to each of two. With one
socket for all, whoever wakes up first takes whole bursts; 3 to 61 was measured. Where a process
ends, the others get what comes.
"""

import socket
from collections.abc import Iterable


def bind(host: str, port: int) -> list[socket.socket]:
    """The engine's sockets, not listening yet. Raises OSError, also if the port is taken."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    for family, address in dict.fromkeys((info[0], info[4]) for info in found):
        with _bound(family, address, shared=False) as probe:
            actual = probe.getsockname()  # with a port, if any would do
        bound.append(_bound(family, actual, shared=True))
    return bound


def beside(bound: Iterable[socket.socket]) -> list[socket.socket]:
    """Sockets at the same addresses, for one more process. Raises OSError."""
    return [_bound(one.family, one.getsockname(), shared=True) for one in bound]


def _bound(family: int, address: object, *, shared: bool) -> socket.socket:
    """A socket; one that is not shared tells whether somebody else listens there."""
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)  # type: ignore[arg-type]
    except BaseException:
        made.close()
        raise
    return made
