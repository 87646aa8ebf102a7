"""`/v1/dashboard/api_keys` and `/v1/dashboard/accounts`: for members, not for keys."""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields, list_object, listing
from tripmeter.api.encoding import encode
from tripmeter.control import access
from tripmeter.control.members import MANAGERS, require_manager
from tripmeter.model.errors import AccountClosed, NotForViewers, ParameterInvalid
from tripmeter.model.scope import Scope
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Session, Work
from tripmeter.wire.dashboard import (
    ApiKeyObject,
    DashboardAccountObject,
    api_key_object,
    dashboard_account_object,
)
from tripmeter.wire.params import Enum, ListOf, String

_KEYS: Final = "/v1/dashboard/api_keys"
_ACCOUNTS: Final = "/v1/dashboard/accounts"

_NAME: Final = String(required=True, max_length=100)


def list_keys(session: Session, call: Call) -> Any:
    """The keys of the account and mode, revoked ones too, newest first."""
    return list_object(_KEYS, session.keys.page(call.scope, call.page), api_key_object)


async def create_key(call: Call) -> Reply:
    """Make a key. Its secret is in this answer and nowhere else, so the answer is not stored."""
    permissions = None
    if call.params.get("type") == "restricted" or "permissions" in call.params:
        permissions = access.read_permissions(call.params.get("permissions") or (), "permissions")
        if not permissions or call.params.get("type") == "secret":
            raise ParameterInvalid(
                "permissions",
                "A restricted key may do what permissions name, such as meters:read; a secret key "
                "may do everything, and takes none.",
            )

    def change(work: Work) -> ApiKeyObject:
        key, secret = access.create_key(
            work.session, call.scope, call.params["name"], work.now_ms, permissions
        )
        return api_key_object(key, secret)

    return Reply(encode(await call.services.writer.ask(CommandJob(change))))


def revoke_key(work: Work, call: Call) -> Any:
    """Make a key useless for good."""
    return api_key_object(access.revoke_key(work.session, call.scope, call.id, work.now_ms))


def list_accounts(session: Session, call: Call) -> Any:
    """The accounts that are open to the member, oldest first."""
    member = call.member.member
    found = [account for account in session.every_account() if member.belongs_to(account.id)]
    data = [dashboard_account_object(account) for account in found]
    return {"object": "list", "url": _ACCOUNTS, "has_more": False, "data": data}


def create_account(work: Work, call: Call) -> Any:
    """Make an account."""
    require_manager(work.session, call.member.member)
    made = access.create_account(work.session, call.params["display_name"], work.now_ms)
    return dashboard_account_object(made)


def rename_account(work: Work, call: Call) -> Any:
    """Give an account another name."""
    member = call.member.member
    if not member.belongs_to(call.id):
        raise AccountClosed(call.id)
    if not member.manages:
        raise NotForViewers(MANAGERS)
    work.session.accounts.get(Scope(call.id, livemode=True), call.id)
    renamed = access.rename_account(work.session, call.id, call.params["display_name"])
    return dashboard_account_object(renamed)


async def changed(call: Call, change: Any) -> Reply:
    """Accounts belong to no account, so neither do answers to idempotency keys: none is kept."""
    made = await call.services.writer.ask(CommandJob(lambda work: change(work, call)))
    return Reply(encode(made))


async def create_account_once(call: Call) -> Reply:
    """Make an account. Two cannot have one name, so a retry makes no second one."""
    return await changed(call, create_account)


async def rename_account_once(call: Call) -> Reply:
    """Give an account another name."""
    return await changed(call, rename_account)


ROUTES: Final = (
    Route(
        "GET",
        _KEYS,
        "List API keys",
        ApiKeyObject,
        listing(),
        read=list_keys,
        is_list=True,
        auth="session",
    ),
    Route(
        "POST",
        _KEYS,
        "Create an API key",
        ApiKeyObject,
        fields(
            name=_NAME,
            type=Enum("secret", "restricted"),
            permissions=ListOf(String(max_length=100), max_items=100, blank="unset"),
        ),
        handle=create_key,
        auth="session",
    ),
    Route(
        "POST",
        f"{_KEYS}/{{id}}/revoke",
        "Revoke an API key",
        ApiKeyObject,
        fields(),
        change=revoke_key,
        auth="session",
    ),
    Route(
        "GET",
        _ACCOUNTS,
        "List accounts",
        DashboardAccountObject,
        fields(),
        read=list_accounts,
        is_list=True,
        auth="member",
    ),
    Route(
        "POST",
        _ACCOUNTS,
        "Create an account",
        DashboardAccountObject,
        fields(display_name=_NAME),
        handle=create_account_once,
        auth="member",
    ),
    Route(
        "POST",
        f"{_ACCOUNTS}/{{id}}",
        "Rename an account",
        DashboardAccountObject,
        fields(display_name=_NAME),
        handle=rename_account_once,
        auth="member",
    ),
)
