"""Members of the dashboard: the first one, invitations, roles, new passwords; sessions.

What is given here is a password's hash, never a password, and tokens leave no trace but a digest.
"""

import hmac
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import structs

from tripmeter.control.access import FIRST, digest
from tripmeter.model.errors import (
    NotForViewers,
    ParameterInvalid,
    ParameterMissing,
    SignInRefused,
    StateConflict,
)
from tripmeter.model.ids import new_id, new_secret
from tripmeter.model.member import INVITED_MS, SIGNED_IN_MS, Member, Role, SignIn
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept
from tripmeter.ports import Session
from tripmeter.rules.members import is_email, is_last_admin

ENGINE: Final = Scope("", livemode=True)
"""Where members are: they belong to no account."""

_SET_UP: Final = "dashboard_set_up"
"""The setting that has the digest of the first start's token."""

MANAGERS: Final = "an admin of all accounts"
ADMINS: Final = "an admin"


class Opened(NamedTuple):
    """A sign-in, and the token of its cookie, which is shown this once."""

    member: Member
    sign_in: SignIn
    token: str


# the first one


def offer_set_up(session: Session) -> str | None:
    """A fresh token that makes the first admin; None once there is a member.

    Earlier ones no longer do. Call inside a transaction.
    """
    if session.members.page(ENGINE, FIRST).items:
        return None
    token = new_secret("set_up_")
    session.set_setting(_SET_UP, digest(token).hex())
    return token


def invited_by(session: Session, token: str, now_ms: int) -> Kept[Member] | None:
    """Whom the token of a link is for; None for that of the first start.

    Raises ParameterInvalid for one that is good for nothing.
    """
    hashed = digest(token).hex()
    offered = session.setting(_SET_UP)
    if offered and hmac.compare_digest(offered, hashed):
        return None
    found = session.members.page(ENGINE, FIRST, invitation=hashed).items
    until_ms = found[0].value.invited_until_ms if found else None
    if until_ms is None or until_ms <= now_ms:
        raise ParameterInvalid(
            "token",
            "This link was used already, or is too old. Ask an admin for a new one; before there is"
            " one, every start of the server prints a link.",
        )
    return found[0]


def set_up(session: Session, params: dict[str, Any], password: str, now_ms: int) -> Opened:
    """Give whom a link is for a password, given as its hash, and sign them in.

    Call inside a transaction.
    """
    invited = invited_by(session, params["token"], now_ms)
    if invited is None:
        member = _first_admin(session, params, password, now_ms)
        session.set_setting(_SET_UP, "")
    else:
        _check_same(invited.value.email, params.get("email"))
        member = structs.replace(
            invited.value,
            name=params.get("name") or invited.value.name,
            password=password,
            invitation=None,
            invited_until_ms=None,
        )
        session.members.replace(invited.no, member)
        session.sign_ins.close_all(member.id)
    return _opened(session, member.id, now_ms)


def _first_admin(session: Session, params: dict[str, Any], password: str, now_ms: int) -> Member:
    for name in ("email", "name"):
        if not params.get(name):
            raise ParameterMissing(name)
    _check_email(params["email"])
    member = Member(
        id=new_id("mbr", now_ms),
        created_ms=now_ms,
        email=params["email"],
        name=params["name"],
        role=Role.ADMIN,
        password=password,
    )
    session.members.insert(member)
    return member


def _check_same(email: str, given: str | None) -> None:
    if given is not None and given.lower() != email.lower():
        raise ParameterInvalid("email", f"This link is for {email}.")


# signing in and out


def member_called(session: Session, email: str) -> Kept[Member] | None:
    """The member with an e-mail address, in whatever case it is written."""
    if "\0" in email:
        return None
    found = session.members.page(ENGINE, FIRST, email=email.lower()).items
    return found[0] if found else None


def sign_in(
    session: Session, member: str, password: str, replaced: bytes | None, now_ms: int
) -> Opened:
    """Sign in a member whose password was found to fit, in place of an earlier session if any.

    Call inside a transaction. Raises SignInRefused if the password has changed meanwhile.
    """
    kept = session.members.find(ENGINE, member)
    if kept is None or kept.value.password != password:
        raise SignInRefused()
    if replaced is not None:
        session.sign_ins.close(replaced)
    return _opened(session, member, now_ms)


def _opened(session: Session, member: str, now_ms: int) -> Opened:
    """A session with a token of its own, whatever the browser had before."""
    kept = session.members.get(ENGINE, member)
    signed_in = structs.replace(kept.value, last_signed_in_ms=now_ms)
    session.members.replace(kept.no, signed_in)
    token = new_secret("mbs_")
    opened = SignIn(
        digest=digest(token), member=member, created_ms=now_ms, expires_ms=now_ms + SIGNED_IN_MS
    )
    session.sign_ins.open(opened)
    return Opened(signed_in, opened, token)


# who is who


def all_members(session: Session) -> list[Kept[Member]]:
    """Everybody, the newest first."""
    return list(session.members.every(ENGINE))


def require_manager(session: Session, actor: Member) -> None:
    """Raises NotForViewers unless a member, as it is now, sees to members and accounts."""
    kept = session.members.find(ENGINE, actor.id)
    if kept is None or not kept.value.manages:
        raise NotForViewers(MANAGERS)


def invite(
    session: Session, actor: Member, params: dict[str, Any], now_ms: int
) -> tuple[Member, str]:
    """Invite someone; again, if they have not come yet. Gives the token of the link, this once.

    Call inside a transaction.
    """
    require_manager(session, actor)
    _check_email(params["email"])
    known = member_called(session, params["email"])
    if known is not None and known.value.password is not None:
        raise ParameterInvalid("email", f"{known.value.email} is a member already.")
    token = new_secret("invite_")
    invited = Member(
        id=known.value.id if known else new_id("mbr", now_ms),
        created_ms=known.value.created_ms if known else now_ms,
        email=params["email"],
        name=params.get("name") or "",
        role=Role(params["role"]),
        invitation=digest(token).hex(),
        invited_until_ms=now_ms + INVITED_MS,
        accounts=_accounts(session, params.get("accounts")),
    )
    if known is None:
        session.members.insert(invited)
    else:
        session.members.replace(known.no, invited)
    return invited, token


def offer_new_password(session: Session, email: str, now_ms: int) -> str:
    """A token by which a member sets another password; the present one stays good until then.

    Call inside a transaction. Raises ParameterInvalid for who is no member.
    """
    known = member_called(session, email)
    if known is None:
        raise ParameterInvalid("email", f"No member has the e-mail address {email}.")
    token = new_secret("invite_")
    until_ms = now_ms + INVITED_MS
    offered = structs.replace(
        known.value, invitation=digest(token).hex(), invited_until_ms=until_ms
    )
    session.members.replace(known.no, offered)
    return token


def change_member(
    session: Session, actor: Member, id: str, params: dict[str, Any], now_ms: int
) -> Member:
    """Change the name of a member, one's own or any; or the role and accounts, for managers.

    Call inside a transaction.
    """
    kept = session.members.get(ENGINE, id)
    if id != actor.id or {"role", "accounts"} & params.keys():
        require_manager(session, actor)
    changes = {name: params[name] for name in ("name",) if name in params}
    if "role" in params:
        changes["role"] = Role(params["role"])
    if "accounts" in params:
        changes["accounts"] = _accounts(session, params["accounts"])
    after = structs.replace(kept.value, **changes)
    if not after.manages:
        _check_not_last(session, kept.value)
    session.members.replace(kept.no, after)
    return after


def change_password(session: Session, id: str, before: str, after: str, present: bytes) -> Member:
    """Replace the hash of a password, and end all sessions but the present one.

    Call inside a transaction. Raises SignInRefused if it is no longer the one that was checked.
    """
    kept = session.members.get(ENGINE, id)
    if kept.value.password != before:
        raise SignInRefused()
    changed = structs.replace(kept.value, password=after, invitation=None, invited_until_ms=None)
    session.members.replace(kept.no, changed)
    session.sign_ins.close_all(id, but=present)
    return changed


def remove_member(session: Session, actor: Member, id: str) -> None:
    """Have a member sign in no more, and be signed in no longer. Call inside a transaction."""
    require_manager(session, actor)
    kept = session.members.get(ENGINE, id)
    _check_not_last(session, kept.value)
    session.sign_ins.close_all(id)
    session.members.remove(kept.no)


def _check_not_last(session: Session, member: Member) -> None:
    if is_last_admin((kept.value for kept in all_members(session)), member):
        raise StateConflict(
            f"{member.email} is the last admin of all accounts. Make another member one first."
        )


def _check_email(email: str) -> None:
    if not is_email(email):
        raise ParameterInvalid("email", f"Invalid email address: {email}", "email_invalid")


def _accounts(session: Session, given: Sequence[str] | None) -> tuple[str, ...] | None:
    """The accounts that a member is to belong to; None, or nothing, for all."""
    if not given:
        return None
    known = {account.id for account in session.every_account()}
    for index, account in enumerate(given):
        if account not in known:
            raise ParameterInvalid(f"accounts[{index}]", f"No such account: '{account}'")
    return tuple(dict.fromkeys(given))
