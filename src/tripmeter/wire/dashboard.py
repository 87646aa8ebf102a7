"""Objects of the dashboard's own: sessions, members, API keys and accounts, and their shapes.

Stripe's API has none of them. They are named and shaped as if it had.
"""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

from tripmeter.model.access import Account, ApiKey
from tripmeter.model.member import Member, SignedIn
from tripmeter.wire.times import unix, unix_or_none


class MemberObject(TypedDict):
    """Someone who may sign in to the dashboard."""

    id: str
    object: Literal["dashboard.member"]
    accounts: list[str] | None
    """Ids; null for all of them."""
    created: int
    email: str
    invitation_url: NotRequired[str]
    """Only in the answer to an invitation."""
    invited: bool
    """Whether they have not come yet."""
    last_signed_in_at: int | None
    name: str | None
    role: Literal["admin", "viewer"]


class DashboardAccountObject(TypedDict):
    """An account, as members see it."""

    id: str
    object: Literal["dashboard.account"]
    created: int
    display_name: str


class SessionObject(TypedDict):
    """A browser in which a member is signed in."""

    object: Literal["dashboard.session"]
    accounts: list[DashboardAccountObject]
    base_url: str | None
    created: int
    csrf_token: str
    """To be sent as Tripmeter-CSRF with everything but GET."""
    expires_at: int
    member: MemberObject
    version: str


class ApiKeyObject(TypedDict):
    """An API key; its secret is shown once."""

    id: str
    object: Literal["dashboard.api_key"]
    created: int
    livemode: bool
    name: str
    permissions: list[str] | None
    """Such as `meters:read`; null for a secret key, which may do everything."""
    redacted: str
    revoked_at: int | None
    secret: NotRequired[str]
    """Only in the answer to its creation."""
    type: Literal["secret", "restricted"]


class DeletedMemberObject(TypedDict):
    """What is left of a member."""

    id: str
    object: Literal["dashboard.member"]
    deleted: bool


class SignedOutObject(TypedDict):
    """What is left of a session."""

    object: Literal["dashboard.session"]
    deleted: bool


def member_object(member: Member, invitation_url: str | None = None) -> MemberObject:
    """A member; with the address of the invitation where that was just made."""
    rendered: MemberObject = {
        "id": member.id,
        "object": "dashboard.member",
        "accounts": None if member.accounts is None else [*member.accounts],
        "created": unix(member.created_ms),
        "email": member.email,
        "invited": member.password is None,
        "last_signed_in_at": unix_or_none(member.last_signed_in_ms),
        "name": member.name or None,
        "role": member.role.value,
    }
    if invitation_url is not None:
        rendered["invitation_url"] = invitation_url
    return rendered


def dashboard_account_object(account: Account) -> DashboardAccountObject:
    """An account."""
    return {
        "id": account.id,
        "object": "dashboard.account",
        "created": unix(account.created_ms),
        "display_name": account.name,
    }


def dashboard_session_object(
    signed_in: SignedIn,
    accounts: Sequence[Account],
    created_ms: int,
    base_url: str | None,
    version: str,
) -> SessionObject:
    """A session, with the accounts that are open to its member."""
    open_ = [account for account in accounts if signed_in.member.belongs_to(account.id)]
    return {
        "object": "dashboard.session",
        "accounts": [dashboard_account_object(account) for account in open_],
        "base_url": base_url,
        "created": unix(created_ms),
        "csrf_token": signed_in.csrf,
        "expires_at": unix(signed_in.expires_ms),
        "member": member_object(signed_in.member),
        "version": version,
    }


def api_key_object(key: ApiKey, secret: str | None = None) -> ApiKeyObject:
    """An API key; with its secret where it was just made."""
    rendered: ApiKeyObject = {
        "id": key.id,
        "object": "dashboard.api_key",
        "created": unix(key.created_ms),
        "livemode": key.livemode,
        "name": key.name,
        "permissions": None if key.permissions is None else key.may.split("\n"),
        "redacted": key.hint,
        "revoked_at": unix_or_none(key.revoked_ms),
        "type": "secret" if key.permissions is None else "restricted",
    }
    if secret is not None:
        rendered["secret"] = secret
    return rendered
