"""Sessions of the dashboard on named statements."""

import msgspec

from tripmeter.model.member import SignIn
from tripmeter.store.records import Statements


class SqlSignIns:
    """`ports.SignIns` on SQL."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def open(self, sign_in: SignIn) -> None:
        """Store one; forget those that ended before it began."""
        self._sql.run("purge_sign_ins", {"before_ms": sign_in.created_ms})
        self._sql.run("insert_sign_in", msgspec.structs.asdict(sign_in))

    def find(self, digest: bytes) -> SignIn | None:
        """The one whose token has this SHA-256, ended or not."""
        rows = self._sql.rows("sign_in_by_digest", {"digest": digest})
        if not rows:
            return None
        stored, member, created_ms, expires_ms = rows[0]
        return SignIn(
            digest=bytes(stored), member=member, created_ms=created_ms, expires_ms=expires_ms
        )

    def close(self, digest: bytes) -> None:
        """Forget one, if it is there."""
        self._sql.run("close_sign_in", {"digest": digest})

    def close_all(self, member: str, *, but: bytes = b"") -> None:
        """Forget all of a member, but one."""
        self._sql.run("close_sign_ins", {"member": member, "but": but})
