"""Passwords: hashed and checked with argon2, in a thread of its own.

A hash takes some 50 ms and 64 MiB, on purpose. So there is one at a time, a few may wait, and
neither the event loop nor the writer ever does.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Final, TypeVar

from tripmeter.model.errors import Overloaded
from tripmeter.model.ids import new_secret

T = TypeVar("T")

AT_ONCE: Final = 16
"""Passwords that are being looked at, or wait for it; whoever comes beyond that is put off."""


class Passwords:
    """Makes hashes, and tells whether a password fits one."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "passwords")
        self._waiting = 0

    async def hashed(self, password: str) -> str:
        """The hash to be stored of a password. Raises Overloaded."""
        made: str = await self._run(lambda: self._hasher.hash(password))
        return made

    async def fits(self, hashed: str | None, password: str) -> bool:
        """Whether a password is the one of a hash. Raises Overloaded.

        Without a hash nothing fits, and that takes as long: who is a member cannot be timed.
        """
        return await self._run(lambda: self._fits(hashed, password))

    async def _run(self, do: Callable[[], T]) -> T:
        if self._waiting >= AT_ONCE:
            raise Overloaded("too many passwords are being checked")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, do)
        finally:
            self._waiting -= 1

    @cached_property
    def _hasher(self) -> Any:
        from argon2 import PasswordHasher  # noqa: PLC0415 - most processes never need it

        return PasswordHasher()

    @cached_property
    def _nobodys(self) -> str:
        made: str = self._hasher.hash(new_secret(""))
        return made

    def _fits(self, hashed: str | None, password: str) -> bool:
        from argon2.exceptions import Argon2Error, InvalidHashError  # noqa: PLC0415

        nobodys = self._nobodys  # made the first time, whoever it is for
        try:
            fits = bool(self._hasher.verify(hashed or nobodys, password))
        except (Argon2Error, InvalidHashError):
            return False
        return fits and hashed is not None
