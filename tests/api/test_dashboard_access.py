"""API keys and accounts, made in the dashboard."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.test_dashboard_members import CUSTOMERS, error, invited
from support.door import Browser, Door, open_door
from support.server import run

KEYS = "/v1/dashboard/api_keys"
ACCOUNTS = "/v1/dashboard/accounts"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        yield opened


@pytest.fixture
async def admin(door: Door) -> Browser:
    return await door.admin()


# --- keys ---------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_opens_the_api_and_is_revoked(door: Door, admin: Browser) -> None:
    made = (await admin.post(KEYS, data={"name": "ci"})).json()
    secret = made.pop("secret")
    assert made | {"id": "", "created": 0} == {
        "id": "",
        "object": "dashboard.api_key",
        "created": 0,
        "livemode": False,
        "name": "ci",
        "permissions": None,
        "redacted": f"sk_test_****{secret[-4:]}",
        "revoked_at": None,
        "type": "secret",
    }
    assert (await door.get(CUSTOMERS, secret)).status_code == 200
    listed = (await admin.get(KEYS)).json()
    assert listed["data"][0] == made
    assert secret not in str(listed)
    revoked = (await admin.post(f"{KEYS}/{made['id']}/revoke")).json()
    assert revoked["revoked_at"] == door.clock.now_ms() // 1000
    door.clock.advance(100)
    assert error(await door.get(CUSTOMERS, secret), 401)["code"] == "api_key_expired"
    error(await admin.post(f"{KEYS}/{made['id']}/revoke"), 400)


async def test_a_key_belongs_to_the_account_and_mode_it_was_made_in(
    door: Door, admin: Browser
) -> None:
    admin.mode = "live"
    made = (await admin.post(KEYS, data={"name": "ci"})).json()
    assert made["secret"].startswith("sk_live_")
    assert made["livemode"]
    admin.mode = "test"
    assert made["id"] not in [key["id"] for key in (await admin.get(KEYS)).json()["data"]]
    error(await admin.post(f"{KEYS}/{made['id']}/revoke"), 404)


async def test_a_restricted_key_may_do_what_it_names(door: Door, admin: Browser) -> None:
    form = {"name": "edge", "permissions[]": ["meters:read", "customers:write"]}
    made = (await admin.post(KEYS, data=form)).json()
    assert made["secret"].startswith("rk_test_")
    assert made["permissions"] == ["customers:write", "meters:read"]
    assert (await door.post(CUSTOMERS, made["secret"])).status_code == 200
    error(await door.get("/v1/prices", made["secret"]), 403)


@pytest.mark.parametrize(
    "form",
    [
        {"name": "x", "permissions[]": "metres:read"},
        {"name": "x", "permissions[]": "meters"},
        {"name": "x", "type": "restricted"},
        {"name": "x", "type": "secret", "permissions[]": "meters:read"},
    ],
)
async def test_a_key_that_cannot_be_is_refused_at_its_field(
    admin: Browser, form: dict[str, str]
) -> None:
    assert error(await admin.post(KEYS, data=form), 400)["param"] == "permissions"


async def test_keys_take_turns_in_pages(admin: Browser) -> None:
    ids = [(await admin.post(KEYS, data={"name": str(n)})).json()["id"] for n in range(3)]
    first = (await admin.get(KEYS, params={"limit": 2})).json()
    assert [key["id"] for key in first["data"]] == [ids[2], ids[1]]
    assert first["has_more"]
    rest = await admin.get(KEYS, params={"starting_after": ids[1]})
    assert rest.json()["data"][0]["id"] == ids[0]


# --- accounts -----------------------------------------------------------------------------------


async def test_an_account_is_made_and_renamed_and_the_command_line_knows_it(
    tmp_path: Path, door: Door, admin: Browser
) -> None:
    made = (await admin.post(ACCOUNTS, data={"display_name": "Branch"})).json()
    assert (made["object"], made["display_name"]) == ("dashboard.account", "Branch")
    listed = [one["display_name"] for one in (await admin.get(ACCOUNTS)).json()["data"]]
    assert listed == ["Tripmeter", "Branch"]
    assert error(await admin.post(ACCOUNTS, data={"display_name": "Branch"}), 400)["param"] == (
        "display_name"
    )
    renamed = await admin.post(f"{ACCOUNTS}/{made['id']}", data={"display_name": "Office"})
    assert renamed.json() == made | {"display_name": "Office"}
    for name, code in (("Office", 0), ("Branch", 1)):
        assert run("keys", "list", "--account", name, "--data", str(tmp_path)).code == code
    again = (await admin.post(ACCOUNTS, data={"display_name": "Branch"})).json()
    assert again["id"] != made["id"]
    admin.account = made["id"]
    assert (await admin.post(CUSTOMERS)).status_code == 200
    shown = (await admin.get("/v1/account")).json()
    assert shown["settings"]["dashboard"]["display_name"] == "Office"


async def test_who_belongs_to_some_accounts_neither_makes_nor_sees_others(
    door: Door, admin: Browser
) -> None:
    made = (await admin.post(ACCOUNTS, data={"display_name": "Branch"})).json()
    own = await invited(door, admin, role="admin", **{"accounts[]": made["id"]})
    assert (await own.get(ACCOUNTS)).json()["data"] == [made]
    error(await own.post(ACCOUNTS, data={"display_name": "Mine"}), 403)
    for account in (made["id"], admin.account, "acct_none"):
        error(await own.post(f"{ACCOUNTS}/{account}", data={"display_name": "Mine"}), 403)
    error(await admin.post(f"{ACCOUNTS}/acct_none", data={"display_name": "Mine"}), 404)
