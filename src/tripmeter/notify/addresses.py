"""The SSRF guard: connections go to checked addresses only, and to exactly those.

Owns resolving, checking and pinning. A name is resolved once per connection, every address it has
is checked, and the socket is opened to one of these very addresses, so that a second DNS answer
cannot lead elsewhere. Host header, SNI and certificate check keep the name: they are made above
this layer. What counts as public is decided in model/addresses.py.
"""

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import anyio
import httpcore2

from tripmeter.model.addresses import Reason, describe, refusal

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> its IP addresses, best first. Raises OSError when there are none."""


class HostUnknown(httpcore2.ConnectError):
    """The name has no address, or the resolver did not say."""


class AddressRefused(httpcore2.ConnectError):
    """The name leads to an address that is not public. The address itself is not told."""

    def __init__(self, host: str, reason: Reason) -> None:
        super().__init__(host, reason)
        self.host = host
        self.reason: Reason = reason

    def __str__(self) -> str:
        return f"{self.host} leads to an address that {describe(self.reason)}"


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the operating system knows for a host, in its order, each once."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections for the pool: resolve, check all, connect to one of them."""

    def __init__(self, *, allow_private: bool, resolve: Resolve = system_resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect within `timeout` seconds, name lookup included.

        Raises HostUnknown, AddressRefused, httpcore2.ConnectError or httpcore2.ConnectTimeout.
        """
        try:
            with anyio.fail_after(timeout):
                addresses = await self._checked_addresses(host, port)
                return await self._connect_to_first(addresses, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(error) from error

    async def sleep(self, seconds: float) -> None:
        """Wait between the pool's own connection attempts."""
        await anyio.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._addresses(host, port)
        reasons = () if self._allow_private else map(refusal, addresses)
        for reason in reasons:
            if reason is not None:
                raise AddressRefused(host, reason)
        return addresses

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise HostUnknown(error) from error
        if not addresses:
            raise HostUnknown("no addresses")
        return addresses

    async def _connect_to_first(
        self,
        addresses: Sequence[str],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        """Try one after the other; each gets a fair share of the time that is left."""
        for position, address in enumerate(addresses):
            left = len(addresses) - position
            try:
                return await self._network.connect_tcp(
                    address, port, _share_of_time(left), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if left == 1:
                    raise
        raise HostUnknown("no addresses")


def _share_of_time(ways: int) -> float | None:
    """The seconds left before the surrounding deadline, divided; None without a deadline."""
    left = anyio.current_effective_deadline() - anyio.current_time()
    return None if left == math.inf else max(left, 0) / ways
