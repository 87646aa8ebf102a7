"""Idempotency keys of the control plane: the first answer is stored with the change it tells of.

Requests with the same key pass through the writer one after the other, so a concurrent twin gets
the first one's answer too. The usage paths store no answers: see `api/resources/usage.py`.

An answer is bound to what the key that it was given to may do, so that no other key gets to see
with it what it may not read.
"""

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from tripmeter.api.call import Call, Change, Reply
from tripmeter.api.encoding import encode
from tripmeter.api.expansion import expanded
from tripmeter.failpoints import reach
from tripmeter.model.errors import (
    IdempotencyMismatch,
    ParameterInvalid,
    Refusal,
    StoreUnavailable,
    TooManyInvoices,
)
from tripmeter.model.stored import StoredReply
from tripmeter.ports import Work
from tripmeter.wire.errors import render

KEY_LENGTH: Final = 255
"""Characters that an idempotency key may have (Stripe)."""


class Done(NamedTuple):
    """A change that was made, or its stored answer."""

    reply: Reply
    replayed: bool


def check_key(key: str | None) -> None:
    """Raises ParameterInvalid for a key that is too long."""
    if key is not None and len(key) > KEY_LENGTH:
        raise ParameterInvalid(
            "Idempotency-Key", f"Idempotency keys can have at most {KEY_LENGTH} characters."
        )


def request_digest(call: Call) -> str | None:
    """What the usage log keeps of a request's idempotency key, bound to its scope and path."""
    key = call.caller.idempotency_key
    if key is None:
        return None
    scope = call.scope
    text = f"{scope.account}|{int(scope.livemode)}|{call.version}|{key}".encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def once(work: Work, call: Call, method: str, path: str, change: Change) -> Done:
    """Make a change, unless its key has an answer already. Call inside the transaction."""
    key = call.caller.idempotency_key
    if key is None:
        return Done(_perform(work, call, change), replayed=False)
    fingerprint = _fingerprint(method, path, call)
    stored = work.session.reply(call.scope, key)
    if stored is not None:
        if stored.fingerprint != fingerprint:
            raise IdempotencyMismatch(key)
        reach("command.replayed")
        return Done(Reply(stored.body, stored.status), replayed=True)
    reply = _perform_or_refuse(work, call, change)
    reach("command.performed")
    kept = StoredReply(fingerprint, reply.status, reply.body)
    work.session.keep_reply(call.scope, key, work.now_ms, kept)
    reach("command.kept")
    return Done(reply, replayed=False)


def _perform(work: Work, call: Call, change: Change) -> Reply:
    rendered = change(work, call)
    paths = call.params.get("expand") or ()
    return Reply(encode(expanded(work.session, call, rendered, paths, work.now_ms)))


def _perform_or_refuse(work: Work, call: Call, change: Change) -> Reply:
    """A refusal is an answer too, and is replayed like one, unless it is only for now."""
    try:
        with work.all_or_nothing():
            return _perform(work, call, change)
    except (StoreUnavailable, TooManyInvoices):
        raise
    except Refusal as refusal:
        status, body, headers = render(refusal, version=call.version)
        return Reply(encode(body), status, headers)


def _fingerprint(method: str, path: str, call: Call) -> bytes:
    parts: list[Any] = [method, path, call.params]
    if call.caller.permissions is not None:
        parts.append(call.caller.permissions)
    text = msgspec.json.encode(parts, order="deterministic")
    return hashlib.blake2b(text, digest_size=16).digest()
