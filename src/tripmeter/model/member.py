"""Members, who look at the engine in a browser, and their sign-ins.

Of a password there is an argon2 hash, of tokens a SHA-256: whoever reads the store can neither sign
in nor take a session over.
"""

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

INVITED_MS: Final = 7 * 86_400_000
"""How long an invitation, or a link for a new password, is good for."""

SIGNED_IN_MS: Final = 12 * 3_600_000
"""How long a sign-in lasts, whatever is done in it."""


class Role(StrEnum):
    """What a member may do."""

    ADMIN = "admin"
    """Everything."""
    VIEWER = "viewer"
    """Read everything but secrets, and change nothing."""


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Someone who may sign in. Members belong to the engine, not to one of its accounts."""

    id: str
    created_ms: int
    email: str
    """As it was given; whose it is, is told in lower case."""
    name: str
    role: Role
    password: str | None = None
    """An argon2 hash; None for who was invited and has not come yet."""
    invitation: str | None = None
    """The SHA-256, in hexadecimal, of the token of a link that is good for a new password."""
    invited_until_ms: int | None = None
    last_signed_in_ms: int | None = None
    accounts: tuple[str, ...] | None = None
    """The accounts that the member belongs to; None for all, those to come as well."""

    @property
    def is_admin(self) -> bool:
        """Whether the member may change things."""
        return self.role is Role.ADMIN

    @property
    def manages(self) -> bool:
        """Whether the member may see to members and accounts, which concern the whole engine."""
        return self.is_admin and self.accounts is None

    def belongs_to(self, account: str) -> bool:
        """Whether an account is open to the member."""
        return self.accounts is None or account in self.accounts


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A browser in which a member has signed in."""

    digest: bytes
    """The SHA-256 of the token in its cookie."""
    member: str
    created_ms: int
    expires_ms: int


class SignedIn(NamedTuple):
    """Who asks by a session, and by which."""

    member: Member
    digest: bytes
    """Of the session's token."""
    expires_ms: int
    csrf: str
    """What requests that change something have to bring along."""
