"""What is stored of secrets: digests of keys and tokens, on the disk and in the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support.door import API_KEY, PASSWORD, Door, open_door
from support.postgres import database, execute
from tripmeter.model.access import Access, Resource

Stored = Callable[[], bytes]
"""Everything that is kept, as bytes; what is binary in hexadecimal, too."""


@contextmanager
def on_files(folder: Path) -> Iterator[tuple[dict[str, Any], Stored]]:
    """The embedded store: its files, and all others of the folder."""

    def stored() -> bytes:
        files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
        return b"\n".join(part for file in files for part in (file, file.hex().encode()))

    yield {}, stored


@contextmanager
def on_postgres(folder: Path) -> Iterator[tuple[dict[str, Any], Stored]]:
    """PostgreSQL: every row of every table, and the files beside it."""
    with database(migrated=False) as url:

        def stored() -> bytes:
            tables = execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tripmeter'",
                url,
            )
            rows = [
                row[0].encode()
                for (table,) in tables
                for row in execute(f"SELECT t::text FROM tripmeter.{table} AS t", url)
            ]
            files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
            return b"\n".join([*rows, *files])

        yield {"database": url}, stored


async def open_stream(door: Door, key: str, **headers: str) -> str:
    made = await door.post("/v2/billing/meter_event_session", key, json={}, headers=headers)
    token: str = made.json()["authentication_token"]
    return token


@pytest.mark.parametrize("backend", [on_files, on_postgres], ids=["sqlite", "postgres"])
async def test_no_key_and_no_token_is_stored_in_any_form_that_opens_something(
    tmp_path: Path, backend: Any
) -> None:
    with backend(tmp_path) as (settings, stored):
        async with open_door(tmp_path, **settings) as door:
            restricted = {Resource.METER_EVENTS: Access.WRITE, Resource.CUSTOMERS: Access.WRITE}
            keys = [door.key(), door.key(live=True), door.key(restricted)]
            secrets = [API_KEY, *(key.secret for key in keys)]
            tokens = [await open_stream(door, secret) for secret in secrets]
            retried = {"Idempotency-Key": "opened twice"}
            tokens += [await open_stream(door, API_KEY, **retried) for _ in range(2)]
            for secret in secrets:
                once = {"Idempotency-Key": f"of {secret[:8]}"}
                made = await door.post("/v1/customers", secret, data={"name": "J"}, headers=once)
                assert made.status_code == 200, made.text
            for token in tokens:
                batch = {"events": [{"event_name": "none", "payload": {"value": "1"}}]}
                answer = await door.post("/v2/billing/meter_event_stream", token, json=batch)
                assert answer.status_code == 200
        kept = stored()
    for secret in (*secrets, *tokens):
        own = secret.rpartition("_")[2].encode()
        assert sha256(secret.encode()).hexdigest().encode() in kept, "it looks where they are"
        assert own not in kept
        assert own.hex().encode() not in kept


@pytest.mark.parametrize("backend", [on_files, on_postgres], ids=["sqlite", "postgres"])
async def test_no_password_and_no_session_is_stored_in_any_form_that_signs_in(
    tmp_path: Path, backend: Any
) -> None:
    with backend(tmp_path) as (settings, stored):
        async with open_door(tmp_path, **settings) as door:
            once = {"Idempotency-Key": "once"}
            link = door.engine.set_up_token or ""
            admin = await door.admin()
            await door.browser().sign_in(headers=once)
            form = {"email": "bob@example.com", "role": "viewer"}
            made = await admin.post("/v1/dashboard/members", data=form, headers=once)
            invitation = made.json()["invitation_url"].partition("=")[2]
            form = {"name": "by browser"}
            key = await admin.post("/v1/dashboard/api_keys", data=form, headers=once)
            secrets = [link, admin.token or "", admin.csrf or "", invitation, key.json()["secret"]]
        kept = stored()

    def holds(text: bytes) -> bool:
        return text in kept or text.hex().encode() in kept

    assert not any(holds(one.rpartition("_")[2].encode()) for one in (*secrets, PASSWORD))
    assert holds(b"$argon2id$"), "it looks where they are"
    assert holds(sha256(invitation.encode()).hexdigest().encode())
    assert holds(sha256((admin.token or "").encode()).digest())


async def test_a_retry_opens_a_session_of_its_own(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        retried = {"Idempotency-Key": "opened twice"}
        first, second = [await open_stream(door, API_KEY, **retried) for _ in range(2)]
        assert first != second
