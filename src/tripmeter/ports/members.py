"""What the dashboard asks of a store: members, and the browsers in which they are signed in."""

from typing import Protocol

from tripmeter.model.access import Account
from tripmeter.model.member import Member, SignIn
from tripmeter.ports.records import Records


class SignIns(Protocol):
    """Sessions of the dashboard."""

    def open(self, sign_in: SignIn) -> None:
        """Store one; forget those that ended before it began."""
        ...

    def find(self, digest: bytes) -> SignIn | None:
        """The one whose token has this SHA-256, ended or not."""
        ...

    def close(self, digest: bytes) -> None:
        """Forget one, if it is there."""
        ...

    def close_all(self, member: str, *, but: bytes = b"") -> None:
        """Forget all of a member, but one."""
        ...


class MemberRecords(Protocol):
    """Members are in the scope `control.members.ENGINE`."""

    @property
    def members(self) -> Records[Member]: ...
    @property
    def sign_ins(self) -> SignIns: ...

    def every_account(self) -> list[Account]:
        """All accounts of the engine, oldest first."""
        ...
