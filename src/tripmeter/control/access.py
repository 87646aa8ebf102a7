"""Accounts, API keys, what a restricted key may do, and meter event sessions.

Secrets are kept as SHA-256 only.
"""

import hashlib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from msgspec import structs

from tripmeter.model.access import (
    Access,
    Account,
    ApiKey,
    Permission,
    Permissions,
    Resource,
    StreamSession,
)
from tripmeter.model.errors import (
    ParameterInvalid,
    PermissionMissing,
    ResourceMissing,
    StateConflict,
)
from tripmeter.model.ids import new_id, new_secret
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Page
from tripmeter.ports import Session
from tripmeter.rules.permissions import permits

DEFAULT_ACCOUNT: Final = "default_account"
"""The setting that names the account made at the first start."""

TOKEN_PREFIX: Final = "mes_tok_"
"""What the token of a meter event session begins with."""

SESSION_MS: Final = 15 * 60_000
"""How long a meter event session is valid (Stripe)."""

FIRST: Final = Page(1)
"""Enough of a list to see whether there is anything."""

_SECRET: Final = {"sk_test_": False, "sk_live_": True}
_RESTRICTED: Final = {"rk_test_": False, "rk_live_": True}


def digest(secret: str) -> bytes:
    """What is stored of a secret. Secrets are random, so a slow hash would only cost time."""
    return hashlib.sha256(secret.encode()).digest()


def hint(secret: str) -> str:
    """What may be shown of a secret, a wrong one too: `sk_test_****abcd`."""
    prefix = next((p for p in (*_SECRET, *_RESTRICTED) if secret.startswith(p)), "")
    return f"{prefix}****{secret[-4:]}" if len(secret) >= len(prefix) + 8 else f"{prefix}****"


def default_account(session: Session, now_ms: int) -> Account:
    """The account made at the first start. Call inside a transaction."""
    return _account(session, DEFAULT_ACCOUNT, "Tripmeter", now_ms)


def named_account(session: Session, name: str, now_ms: int) -> Account:
    """The account with a name, made if there is none. Call inside a transaction."""
    return _account(session, _setting_of(name), name, now_ms)


def account_called(session: Session, name: str) -> Account:
    """The account with a name. Raises ResourceMissing if there is none."""
    id_ = session.setting(_setting_of(name))
    if not id_:
        raise ResourceMissing("account", name, "account")
    return session.accounts.get(Scope(id_, True), id_).value


def account_name(session: Session, scope: Scope) -> str:
    """How the account of a scope is called; empty if it is unknown."""
    account = session.accounts.find(scope._replace(livemode=True), scope.account)
    return "" if account is None else account.value.name


def create_account(session: Session, name: str, now_ms: int) -> Account:
    """A new account. Raises ParameterInvalid if another one has the name.

    Call inside a transaction.
    """
    _check_name_free(session, name)
    return named_account(session, name, now_ms)


def rename_account(session: Session, id: str, name: str) -> Account:
    """Give an account another name, by which the command line knows it from now on.

    Call inside a transaction. Raises ParameterInvalid if another one has the name.
    """
    kept = session.accounts.get(Scope(id, True), id)
    if kept.value.name == name:
        return kept.value
    _check_name_free(session, name)
    if session.setting(_setting_of(kept.value.name)) == id:
        session.set_setting(_setting_of(kept.value.name), "")
    session.set_setting(_setting_of(name), id)
    renamed = structs.replace(kept.value, name=name)
    session.accounts.replace(kept.no, renamed)
    return renamed


def _check_name_free(session: Session, name: str) -> None:
    if any(account.name == name for account in session.every_account()):
        raise ParameterInvalid("display_name", f"An account is called '{name}' already.")


def _setting_of(name: str) -> str:
    """The setting that has the id of the account with a name; blank after it was renamed."""
    return f"account {name}"


def _account(session: Session, setting: str, name: str, now_ms: int) -> Account:
    id_ = session.setting(setting)
    if id_:
        return session.accounts.get(Scope(id_, True), id_).value
    account = Account(id=new_id("acct", now_ms), created_ms=now_ms, name=name)
    session.accounts.insert(account)
    session.set_setting(setting, account.id)
    return account


def ensure_key(session: Session, account: Account, secret: str, now_ms: int) -> ApiKey:
    """See to it that a key exists for an account. Raises ParameterInvalid for an odd one."""
    livemode = key_mode(secret)
    known = session.key_by_digest(digest(secret))
    if known is not None:
        if known.revoked_ms is not None:
            raise StateConflict(f"The key {known.hint} was revoked. Choose another one.")
        return known
    return _insert_key(session, Scope(account.id, livemode), secret, "TRIPMETER_API_KEY", now_ms)


def create_key(
    session: Session,
    scope: Scope,
    name: str,
    now_ms: int,
    permissions: Permissions | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once; restricted if permissions are given.

    Call inside a transaction.
    """
    prefixes = _SECRET if permissions is None else _RESTRICTED
    secret = new_secret(next(p for p, livemode in prefixes.items() if livemode is scope.livemode))
    return _insert_key(session, scope, secret, name, now_ms, permissions), secret


def revoke_key(session: Session, scope: Scope, id: str, now_ms: int) -> ApiKey:
    """Make a key useless for good. Call inside a transaction."""
    kept = session.keys.get(scope, id)
    if kept.value.revoked_ms is not None:
        raise StateConflict(f"The key {id} is revoked already.")
    revoked = structs.replace(kept.value, revoked_ms=now_ms)
    session.keys.replace(kept.no, revoked)
    return revoked


def key_mode(secret: str) -> bool:
    """Whether a secret key is for live mode. Raises ParameterInvalid if it is no secret key."""
    for prefix, livemode in _SECRET.items():
        if secret.startswith(prefix) and len(secret) >= len(prefix) + 8:
            return livemode
    raise ParameterInvalid(
        "TRIPMETER_API_KEY",
        "An API key begins with sk_test_ or sk_live_ and has at least 8 characters after that.",
    )


def open_session(session: Session, scope: Scope, now_ms: int) -> tuple[StreamSession, str]:
    """A meter event session and its token, which is shown this once."""
    token = new_secret(TOKEN_PREFIX)
    opened = StreamSession(
        id=new_id("mes", now_ms, livemode=scope.livemode),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=now_ms,
        expires_ms=now_ms + SESSION_MS,
        digest=digest(token),
    )
    session.open_stream(opened)
    return opened, token


def read_permissions(texts: Iterable[str], param: str = "allow") -> Permissions:
    """Permissions such as `meters:read`, the widest of each.

    Raises ParameterInvalid naming `param`, as which they were given.
    """
    permissions: dict[Resource, Access] = {}
    for text in texts:
        resource, access = _read_permission(text, param)
        if permissions.get(resource) is not Access.WRITE:
            permissions[resource] = access
    return permissions


def _read_permission(text: str, param: str) -> Permission:
    resource, _, access = text.partition(":")
    if resource not in set(Resource):
        close = get_close_matches(resource, list(Resource), 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        known = ", ".join(Resource)
        raise ParameterInvalid(param, f"No resource is called '{resource}'.{hint} Known: {known}.")
    if access not in set(Access):
        raise ParameterInvalid(
            param, f"'{text}' is no permission. Write {resource}:read or {resource}:write."
        )
    return Permission(Resource(resource), Access(access))


def require(permissions: Permissions | None, needed: Permission) -> None:
    """Raises PermissionMissing unless a key with these permissions may."""
    if not permits(permissions, needed):
        raise PermissionMissing(needed)


def _insert_key(
    session: Session,
    scope: Scope,
    secret: str,
    name: str,
    now_ms: int,
    permissions: Permissions | None = None,
) -> ApiKey:
    key = ApiKey(
        id=new_id("key", now_ms),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=now_ms,
        name=name,
        digest=digest(secret),
        hint=hint(secret),
        permissions=None if permissions is None else dict(permissions),
    )
    session.keys.insert(key)
    return key
