"""`/v1/dashboard`: setting up, signing in and out, members.

Answers hold secrets, so none is stored under an idempotency key; passwords are hashed before the
writer is asked, in a thread of their own.
"""

import asyncio
from typing import Any, Final

from tripmeter import __version__
from tripmeter.api.call import Call, Reply, Route, fields, list_object, listing
from tripmeter.api.encoding import encode
from tripmeter.api.sessions import cookie_of, csrf_of, no_cookie
from tripmeter.control import members
from tripmeter.control.members import ENGINE, MANAGERS, Opened
from tripmeter.model.errors import (
    NotForViewers,
    ParameterInvalid,
    ParameterMissing,
    SignInRefused,
)
from tripmeter.model.member import Member, SignedIn
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Session, Work
from tripmeter.rules.members import LONGEST_PASSWORD, what_is_wrong_with
from tripmeter.wire.dashboard import (
    DeletedMemberObject,
    MemberObject,
    SessionObject,
    SignedOutObject,
    dashboard_session_object,
    member_object,
)
from tripmeter.wire.params import Enum, ListOf, String

_SESSION: Final = "/v1/dashboard/session"
_MEMBERS: Final = "/v1/dashboard/members"
_ONE: Final = f"{_MEMBERS}/{{id}}"

_EMAIL_LENGTH: Final = 254
_LONGEST: Final = LONGEST_PASSWORD


# signing in


async def set_up(call: Call) -> Reply:
    """Give whom a link is for a password, and sign them in."""
    params = call.own_params
    _try(call, "")
    invited = await asyncio.to_thread(_invited, call, params["token"])
    _check_password(params["password"], params.get("email") or (invited.email if invited else ""))
    hashed = await call.desk.passwords.hashed(params["password"])
    opened: Opened = await _change(
        call, lambda work: members.set_up(work.session, params, hashed, work.now_ms)
    )
    call.desk.tries.forgive("", call.address)
    return await _signed_in(call, opened)


def _invited(call: Call, token: str) -> Member | None:
    """Looked up before the hash is made: that is dear, and not for anybody."""
    with call.services.store.reader() as session:
        kept = members.invited_by(session, token, call.now_ms)
    return kept.value if kept else None


async def sign_in(call: Call) -> Reply:
    """Sign in. What is answered, and when, does not tell whether there is such a member."""
    email, password = call.params["email"], call.params["password"]
    _try(call, email)
    known = await asyncio.to_thread(_called, call, email)
    if not await call.desk.passwords.fits(known.password if known else None, password):
        raise SignInRefused()
    assert known is not None
    assert known.password is not None
    member, hashed = known.id, known.password
    opened: Opened = await _change(
        call,
        lambda work: members.sign_in(
            work.session, member, hashed, call.earlier_session, work.now_ms
        ),
    )
    call.desk.tries.forgive(email, call.address)
    return await _signed_in(call, opened)


def _called(call: Call, email: str) -> Member | None:
    with call.services.store.reader() as session:
        kept = members.member_called(session, email)
    return kept.value if kept else None


def _try(call: Call, email: str) -> None:
    call.desk.tries.enter(email, call.address, call.services.clock.elapsed_ms())


async def _signed_in(call: Call, opened: Opened) -> Reply:
    sign_in = opened.sign_in
    signed_in = SignedIn(opened.member, sign_in.digest, sign_in.expires_ms, csrf_of(opened.token))
    rendered = await asyncio.to_thread(_read, call, signed_in)
    headers = {"Set-Cookie": cookie_of(opened.token), "Cache-Control": "no-store"}
    return Reply(encode(rendered), headers=headers)


def _read(call: Call, signed_in: SignedIn) -> SessionObject:
    with call.services.store.reader() as session:
        return _session(session, call, signed_in)


def _session(session: Session, call: Call, signed_in: SignedIn) -> SessionObject:
    found = session.sign_ins.find(signed_in.digest)
    created_ms = found.created_ms if found else call.now_ms
    base_url = call.services.terms.base_url
    accounts = session.every_account()
    return dashboard_session_object(signed_in, accounts, created_ms, base_url, __version__)


def retrieve_session(session: Session, call: Call) -> Any:
    """Who is signed in here, and what is open to them."""
    return _session(session, call, call.member)


async def sign_out(call: Call) -> Reply:
    """End the session."""
    await _change(call, lambda work: work.session.sign_ins.close(call.member.digest))
    body: SignedOutObject = {"object": "dashboard.session", "deleted": True}
    return Reply(encode(body), headers={"Set-Cookie": no_cookie()})


async def _change(call: Call, change: Any) -> Any:
    return await call.services.writer.ask(CommandJob(change))


# members


def list_members(session: Session, call: Call) -> Any:
    """Members, the newest first."""
    return list_object(_MEMBERS, session.members.page(ENGINE, call.page), _rendered)


def retrieve_member(session: Session, call: Call) -> Any:
    """One member."""
    return member_object(session.members.get(ENGINE, call.id).value)


def _rendered(member: Member) -> MemberObject:
    return member_object(member)


async def invite(call: Call) -> Reply:
    """Invite someone: the answer has, this once, the address at which they choose a password."""

    def change(work: Work) -> MemberObject:
        actor = call.member.member
        member, token = members.invite(work.session, actor, call.own_params, work.now_ms)
        return member_object(member, link_of(call.services.terms.base_url, token))

    return Reply(encode(await _change(call, change)))


def link_of(base_url: str | None, token: str) -> str:
    """Where a token is used. What stands behind # is sent to nobody, and gets into no log."""
    return f"{base_url or ''}/dashboard/set-up#token={token}"


async def change_member(call: Call) -> Reply:
    """Change a member; of oneself the password, too."""
    actor, params = call.member.member, call.own_params
    if call.id != actor.id and not actor.manages:
        raise NotForViewers(MANAGERS)
    if "current_password" in params and "password" not in params:
        raise ParameterMissing("password")
    if "password" in params:
        await _change_password(call, actor)

    def change(work: Work) -> Member:
        return members.change_member(work.session, actor, call.id, params, work.now_ms)

    return Reply(encode(member_object(await _change(call, change))))


async def _change_password(call: Call, actor: Member) -> None:
    """Replace one's own password, knowing the present one. All other sessions end."""
    if call.id != actor.id:
        raise ParameterInvalid(
            "password", "Everybody chooses their own password. Make them a new link instead."
        )
    if "current_password" not in call.params:
        raise ParameterMissing("current_password")
    _check_password(call.params["password"], actor.email)
    _try(call, actor.email)
    passwords, before = call.desk.passwords, actor.password
    if not await passwords.fits(before, call.params["current_password"]):
        raise ParameterInvalid("current_password", "This is not your present password.")
    assert before is not None
    call.desk.tries.forgive(actor.email, call.address)
    after = await passwords.hashed(call.params["password"])
    present = call.member.digest
    await _change(
        call,
        lambda work: members.change_password(work.session, actor.id, before, after, present),
    )


def _check_password(password: str, email: str) -> None:
    """Raises ParameterInvalid for one that will not do."""
    wrong = what_is_wrong_with(password, email)
    if wrong is not None:
        raise ParameterInvalid("password", wrong)


async def remove(call: Call) -> Reply:
    """Remove a member, whose sessions end."""
    actor = call.member.member
    await _change(call, lambda work: members.remove_member(work.session, actor, call.id))
    body: DeletedMemberObject = {"id": call.id, "object": "dashboard.member", "deleted": True}
    return Reply(encode(body))


_ROLE: Final = ("admin", "viewer")
_ACCOUNTS: Final = ListOf(
    String(),
    max_items=100,
    blank="unset",
    description="Ids of the accounts that the member belongs to; none for all.",
)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/dashboard/set_up",
        "Choose a password with a one-time link, and sign in",
        SessionObject,
        fields(
            token=String(required=True, max_length=200),
            email=String(max_length=_EMAIL_LENGTH),
            name=String(max_length=100),
            password=String(required=True, max_length=_LONGEST),
        ),
        handle=set_up,
        auth="nobody",
    ),
    Route(
        "POST",
        _SESSION,
        "Sign in",
        SessionObject,
        fields(
            email=String(required=True, max_length=_EMAIL_LENGTH),
            password=String(required=True, max_length=_LONGEST),
        ),
        handle=sign_in,
        auth="nobody",
    ),
    Route(
        "GET",
        _SESSION,
        "Retrieve the session",
        SessionObject,
        fields(),
        read=retrieve_session,
        auth="member",
    ),
    Route(
        "DELETE",
        _SESSION,
        "Sign out",
        SignedOutObject,
        fields(),
        handle=sign_out,
        auth="member",
        for_viewers=True,
    ),
    Route(
        "GET",
        _MEMBERS,
        "List members",
        MemberObject,
        listing(),
        read=list_members,
        is_list=True,
        auth="member",
    ),
    Route(
        "POST",
        _MEMBERS,
        "Invite a member",
        MemberObject,
        fields(
            email=String(required=True, max_length=_EMAIL_LENGTH),
            name=String(max_length=100),
            role=Enum(*_ROLE, required=True),
            accounts=_ACCOUNTS,
        ),
        handle=invite,
        auth="member",
    ),
    Route(
        "GET",
        _ONE,
        "Retrieve a member",
        MemberObject,
        fields(),
        read=retrieve_member,
        auth="member",
    ),
    Route(
        "POST",
        _ONE,
        "Update a member",
        MemberObject,
        fields(
            name=String(max_length=100),
            role=Enum(*_ROLE),
            accounts=_ACCOUNTS,
            password=String(max_length=_LONGEST),
            current_password=String(max_length=_LONGEST),
        ),
        handle=change_member,
        auth="member",
        for_viewers=True,
    ),
    Route(
        "DELETE",
        _ONE,
        "Remove a member",
        DeletedMemberObject,
        fields(),
        handle=remove,
        auth="member",
    ),
)
