"""Sockets on which door processes listen side by side.

Each process has a socket of its own on the same port (SO_REUSEPORT), and the kernel spreads
connections over those that listen, by a hash: 64 connections fall 32 ± 4 to each of two. With one
socket for all, whoever wakes up first takes whole bursts; 3 to 61 was measured.
"""

import socket
from typing import Final

BACKLOG: Final = 2048
"""Connections that may wait until a process takes them."""


def listen(host: str, port: int, processes: int) -> list[list[socket.socket]]:
    """Sockets for each process. Raises OSError, also if somebody else has the port."""
    first = _first(host, port)
    everyone = [first]
    for _ in range(processes - 1):
        everyone.append([_bound(one.family, one.getsockname(), shared=True) for one in first])
    for own in everyone:
        for one in own:
            one.listen(BACKLOG)
    return everyone


def _first(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    for family, address in dict.fromkeys((info[0], info[4]) for info in found):
        with _bound(family, address, shared=False) as probe:
            actual = probe.getsockname()  # with a port, if any would do
        bound.append(_bound(family, actual, shared=True))
    return bound


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
