"""Members of the dashboard: set-up, signing in and out, roles, and what attackers try."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.door import EMAIL, PASSWORD, Browser, Door, open_door
from support.server import run
from tripmeter.api.sessions import COOKIE, csrf_of
from tripmeter.api.table import ROUTES
from tripmeter.api.tries import REMEMBERED, TriesOfLate
from tripmeter.control import access
from tripmeter.model.errors import TooManyTries
from tripmeter.model.member import SIGNED_IN_MS
from tripmeter.pipeline.jobs import CommandJob

SESSION = "/v1/dashboard/session"
MEMBERS = "/v1/dashboard/members"
CUSTOMERS = "/v1/customers"
OTHER = "another long password"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        yield opened


@pytest.fixture
async def admin(door: Door) -> Browser:
    return await door.admin()


def error(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The error of an answer, which has this status."""
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()["error"]
    return found


def token_of(url: str) -> str:
    """The token in a link."""
    address, _, token = url.partition("#token=")
    assert address.endswith("/dashboard/set-up")
    return token


async def invited(door: Door, admin: Browser, **fields: Any) -> Browser:
    """A browser in which someone has followed an invitation."""
    form = {"email": "bob@example.com", "role": "viewer", **fields}
    answer = await admin.post(MEMBERS, data=form)
    assert answer.status_code == 200, answer.text
    browser = door.browser()
    came = await browser.set_up(
        token_of(answer.json()["invitation_url"]), email=form["email"], name="Bob"
    )
    assert came.status_code == 200, came.text
    return browser


async def another_account(door: Door, name: str = "Elsewhere") -> str:
    """The id of one more account."""

    def change(work: Any) -> str:
        return access.named_account(work.session, name, work.now_ms).id

    made: str = await door.engine.writer.ask(CommandJob(change))
    return made


# --- setting up ---------------------------------------------------------------------------------


async def test_the_first_link_makes_an_admin_once(door: Door) -> None:
    token = door.engine.set_up_token
    assert token
    browser, late = door.browser(), door.browser()
    answer = await browser.set_up(token)
    session = answer.json()
    assert session["object"] == "dashboard.session"
    assert session["member"] | {"id": "", "created": 0, "last_signed_in_at": 0} == {
        "id": "",
        "object": "dashboard.member",
        "accounts": None,
        "created": 0,
        "email": EMAIL,
        "invited": False,
        "last_signed_in_at": 0,
        "name": "Ada",
        "role": "admin",
    }
    assert [one["id"] for one in session["accounts"]] == [browser.account]
    assert error(await late.set_up(token), 400)["param"] == "token"
    assert (await browser.get(CUSTOMERS)).status_code == 200


async def test_each_start_has_a_link_of_its_own_until_somebody_came(tmp_path: Path) -> None:
    tokens = []
    for _ in range(2):
        async with open_door(tmp_path) as door:
            tokens.append(door.engine.set_up_token or "")
    async with open_door(tmp_path) as door:
        for token in tokens:
            error(await door.browser().set_up(token), 400)
        assert (await door.browser().set_up(door.engine.set_up_token or "")).status_code == 200
    async with open_door(tmp_path) as door:
        assert door.engine.set_up_token is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"password": "short"}, "password"),
        ({"password": "a" * 30}, "password"),
        ({"password": EMAIL.upper()}, "password"),
        ({"password": "x" * 5000}, "password"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"token": "set_up_wrong"}, "token"),
        ({"admin": "1"}, "admin"),
    ],
)
async def test_what_will_not_do_is_refused_at_its_field(
    door: Door, fields: dict[str, str], param: str
) -> None:
    token = fields.pop("token", door.engine.set_up_token or "")
    assert error(await door.browser().set_up(token, **fields), 400)["param"] == param
    assert (await door.browser().set_up(door.engine.set_up_token or "")).status_code == 200


# --- signing in and out -------------------------------------------------------------------------


async def test_a_session_opens_the_public_api_in_the_account_and_mode_it_names(
    door: Door, admin: Browser
) -> None:
    made = await admin.post(CUSTOMERS, data={"name": "Acme"})
    assert made.json()["livemode"] is False
    assert (await door.get(CUSTOMERS)).json()["data"] == [made.json()]
    admin.mode = "live"
    assert (await admin.get(CUSTOMERS)).json()["data"] == []
    admin.mode = "neither"
    assert error(await admin.get(CUSTOMERS), 400)["param"] == "Tripmeter-Mode"


async def test_usage_can_be_reported_by_a_session_too(admin: Browser) -> None:
    answer = await admin.post("/v1/billing/meter_events", data={"event_name": "none"})
    assert error(answer, 400)["param"] == "payload"


async def test_the_cookie_is_for_this_host_alone_and_no_script(admin: Browser) -> None:
    answer = await admin.sign_in()
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert re.fullmatch(rf"{COOKIE}=mbs_\w{{32}}", name)
    seconds = SIGNED_IN_MS // 1000
    assert set(attributes) == {
        "Path=/",
        f"Max-Age={seconds}",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
    }
    assert answer.headers["cache-control"] == "no-store"


async def test_signing_in_opens_another_session_and_ends_the_one_before(
    door: Door, admin: Browser
) -> None:
    """A session that somebody else planted is not the one that is signed in (fixation)."""
    planted = door.browser()
    planted.token = "mbs_" + "a" * 32
    before, token = door.browser(), admin.token
    before.token = token
    assert (await planted.sign_in()).status_code == 200
    assert planted.token != "mbs_" + "a" * 32
    assert (await admin.sign_in()).status_code == 200
    assert admin.token != token
    error(await before.get(SESSION), 401)


async def test_signing_out_ends_the_session_at_once(door: Door, admin: Browser) -> None:
    answer = await admin.delete(SESSION)
    assert answer.json() == {"object": "dashboard.session", "deleted": True}
    assert f"{COOKIE}=; Path=/; Max-Age=0" in answer.headers["set-cookie"]
    assert error(await admin.get(CUSTOMERS), 401)["code"] == "sign_in_required"
    assert error(await door.browser().get(SESSION), 401)["code"] == "sign_in_required"


async def test_a_session_ends_by_itself(door: Door, admin: Browser) -> None:
    expires = (await admin.get(SESSION)).json()["expires_at"]
    assert expires == (door.clock.now_ms() + SIGNED_IN_MS) // 1000
    door.clock.advance(SIGNED_IN_MS - 1)
    assert (await admin.get(SESSION)).status_code == 200
    door.clock.advance(1)
    error(await admin.get(SESSION), 401)


async def test_unknown_addresses_and_wrong_passwords_are_answered_alike(
    door: Door, admin: Browser
) -> None:
    await admin.post(MEMBERS, data={"email": "late@example.com", "role": "admin"})
    answers = [
        await door.browser().sign_in(email, OTHER)
        for email in (EMAIL, "nobody@example.com", "late@example.com", "nul\0@example.com")
    ]
    assert len({answer.content for answer in answers[:3]}) == 1
    assert {answer.status_code for answer in answers[:3]} == {401}
    assert answers[3].status_code == 400
    assert not any("set-cookie" in answer.headers for answer in answers)


async def test_an_address_is_the_same_in_any_case(door: Door, admin: Browser) -> None:
    assert (await door.browser().sign_in(EMAIL.upper())).status_code == 200


async def test_guessing_is_slowed_down_for_members_and_strangers_alike(
    door: Door, admin: Browser
) -> None:
    for email in (EMAIL, "nobody@example.com"):
        for _ in range(5):
            error(await door.browser().sign_in(email, OTHER), 401)
        answer = await door.browser().sign_in(email, PASSWORD)
        assert error(answer, 429)["code"] == "rate_limit"
        assert answer.headers["retry-after"] == "30"
    door.clock.advance(30_000)
    assert (await door.browser().sign_in()).status_code == 200


async def test_many_at_once_gain_no_further_try(door: Door, admin: Browser) -> None:
    answers = await asyncio.gather(*(door.browser().sign_in(EMAIL, OTHER) for _ in range(9)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 4


def test_one_address_cannot_try_them_all() -> None:
    tries = TriesOfLate()
    for number in range(20):
        tries.enter(f"{number}@example.com", "192.0.2.1", 0)
    with pytest.raises(TooManyTries):
        tries.enter("next@example.com", "192.0.2.1", 0)
    tries.enter("next@example.com", "192.0.2.2", 0)


def test_what_is_remembered_of_tries_is_bounded() -> None:
    tries = TriesOfLate()
    for number in range(2 * REMEMBERED):
        tries.enter(f"{number}@example.com", f"{number}", 0)
    assert len(tries) <= REMEMBERED + 1


# --- other people's pages -----------------------------------------------------------------------


async def test_what_changes_anything_needs_the_token_of_the_page(
    door: Door, admin: Browser
) -> None:
    csrf, stranger = admin.csrf, door.browser()
    assert csrf == csrf_of(admin.token or "")
    for wrong in (None, "0" * 64, csrf_of("mbs_other"), "~"):
        admin.csrf = wrong
        for method, path in (("POST", CUSTOMERS), ("DELETE", SESSION), ("POST", MEMBERS)):
            answer = await admin.ask(method, path)
            assert error(answer, 403)["code"] == "csrf_token_invalid"
    stranger.csrf = csrf
    error(await stranger.post(CUSTOMERS), 401)
    assert (await admin.get(CUSTOMERS)).json()["data"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_nobody_is_signed_in_from_another_site(
    door: Door, admin: Browser, headers: dict[str, str]
) -> None:
    answer = await door.browser().sign_in(headers=headers)
    assert error(answer, 403)["code"] == "csrf_token_invalid"
    assert (await door.browser().sign_in(headers={"Origin": "http://engine"})).status_code == 200


async def test_a_key_needs_no_cookie_and_goes_before_one(door: Door, admin: Browser) -> None:
    admin.csrf = None
    key = door.key()
    headers = {"Authorization": f"Bearer {key.secret}"}
    assert (await admin.post(CUSTOMERS, headers=headers)).status_code == 200
    headers = {"Authorization": "Bearer sk_test_of_nobody_at_all"}
    assert "Invalid API Key" in error(await admin.get(CUSTOMERS, headers=headers), 401)["message"]


async def test_members_and_keys_are_not_for_keys(door: Door) -> None:
    for route in ROUTES:
        if route.auth in ("member", "session"):
            path = route.path.replace("{id}", "x")
            answer = await door.ask(route.method, path)
            assert error(answer, 401)["code"] == "sign_in_required"


# --- roles and accounts -------------------------------------------------------------------------


async def test_a_viewer_reads_and_changes_nothing(door: Door, admin: Browser) -> None:
    viewer = await invited(door, admin)
    for route in ROUTES:
        path = re.sub(r"\{\w+\}", "no_such", route.path)
        if route.auth not in ("key", "session", "member") or route.streams:
            continue
        if route.method == "GET" or route.for_viewers:
            continue
        options: dict[str, Any] = {"json": {}} if route.version == 2 else {}
        if route.method == "DELETE":
            options = {}
        answer = await viewer.ask(route.method, path, **options)
        assert error(answer, 403)["code"] == "role_insufficient", route
        assert "admin" in answer.json()["error"]["message"]
    assert (await viewer.get(CUSTOMERS)).status_code == 200
    assert (await viewer.get(MEMBERS)).status_code == 200
    assert (await viewer.get("/v1/events")).status_code == 200
    preview = await viewer.post("/v1/invoices/create_preview", data={"customer": "cus_no"})
    assert error(preview, 404)["code"] == "resource_missing"


async def test_a_viewer_changes_the_own_name_and_no_role(door: Door, admin: Browser) -> None:
    viewer = await invited(door, admin)
    own = f"{MEMBERS}/{viewer.member}"
    assert (await viewer.post(own, data={"name": "Robert"})).json()["name"] == "Robert"
    error(await viewer.post(own, data={"role": "admin"}), 403)
    error(await viewer.post(f"{MEMBERS}/{admin.member}", data={"name": "Eve"}), 403)


async def test_a_new_role_holds_at_once(door: Door, admin: Browser) -> None:
    viewer = await invited(door, admin)
    error(await viewer.post(CUSTOMERS), 403)
    await admin.post(f"{MEMBERS}/{viewer.member}", data={"role": "admin"})
    assert (await viewer.post(CUSTOMERS)).status_code == 200
    await admin.post(f"{MEMBERS}/{viewer.member}", data={"role": "viewer"})
    error(await viewer.post(CUSTOMERS), 403)


async def test_who_is_removed_is_signed_out(door: Door, admin: Browser) -> None:
    viewer = await invited(door, admin)
    gone = await admin.delete(f"{MEMBERS}/{viewer.member}")
    assert gone.json() == {"id": viewer.member, "object": "dashboard.member", "deleted": True}
    error(await viewer.get(CUSTOMERS), 401)
    error(await viewer.sign_in("bob@example.com"), 401)


async def test_the_last_admin_stays_one(door: Door, admin: Browser) -> None:
    own = f"{MEMBERS}/{admin.member}"
    for answer in (
        await admin.delete(own),
        await admin.post(own, data={"role": "viewer"}),
        await admin.post(own, data={"accounts[]": admin.account}),
    ):
        assert "last admin" in error(answer, 400)["message"]
    await admin.post(MEMBERS, data={"email": "late@example.com", "role": "admin"})
    error(await admin.delete(own), 400)  # who has not come yet does not count
    other = await invited(door, admin, role="admin")
    assert (await admin.delete(own)).status_code == 200
    error(await other.delete(f"{MEMBERS}/{other.member}"), 400)


async def test_an_account_is_open_to_those_who_belong_to_it(door: Door, admin: Browser) -> None:
    elsewhere = await another_account(door)
    own = await invited(door, admin, role="admin", **{"accounts[]": elsewhere})
    error(await own.get(CUSTOMERS), 403)
    for unknown in (admin.account, "acct_none", "nul\x01"):
        own.account = unknown
        found = error(await own.get(CUSTOMERS), 403)
        assert (found["code"], found["param"]) == ("account_invalid", "account")
    own.account = elsewhere
    assert (await own.post(CUSTOMERS)).status_code == 200
    session = (await own.get(SESSION)).json()
    assert [one["id"] for one in session["accounts"]] == [elsewhere]
    answer = await own.post(MEMBERS, data={"email": "eve@example.com", "role": "admin"})
    assert "all accounts" in error(answer, 403)["message"]
    assert (await admin.get(CUSTOMERS)).json()["data"] == []
    listed = (await admin.get(SESSION)).json()["accounts"]
    assert {one["id"] for one in listed} == {admin.account, elsewhere}


@pytest.mark.parametrize("missing", ["Account", "Mode"])
async def test_account_and_mode_are_named_not_guessed(admin: Browser, missing: str) -> None:
    (admin.account, admin.mode) = ("", "test") if missing == "Account" else (admin.account, "")
    assert (await admin.get(CUSTOMERS)).status_code in (400, 403)


# --- invitations and passwords ------------------------------------------------------------------


async def test_an_invitation_is_good_once_for_whom_it_is_for_and_for_a_week(
    door: Door, admin: Browser
) -> None:
    form = {"email": "bob@example.com", "role": "viewer"}
    first = (await admin.post(MEMBERS, data=form)).json()
    again = (await admin.post(MEMBERS, data=form)).json()
    assert first["id"] == again["id"]
    assert first["invited"]
    token = token_of(again["invitation_url"])
    error(await door.browser().set_up(token_of(first["invitation_url"]), email=form["email"]), 400)
    other = await door.browser().set_up(token, email="eve@example.com")
    assert error(other, 400)["param"] == "email"
    assert (await door.browser().set_up(token, email=form["email"])).status_code == 200
    error(await door.browser().set_up(token, email=form["email"]), 400)
    assert error(await admin.post(MEMBERS, data=form), 400)["param"] == "email"
    third = await admin.post(MEMBERS, data=form | {"email": "late@example.com"})
    door.clock.advance(7 * 86_400_000)
    late = token_of(third.json()["invitation_url"])
    assert error(await door.browser().set_up(late, email="late@example.com"), 400)
    shown = await door.browser().sign_in()
    assert shown.status_code == 200


async def test_a_new_password_ends_all_other_sessions(door: Door, admin: Browser) -> None:
    other, own = door.browser(), f"{MEMBERS}/{admin.member}"
    await other.sign_in()
    form = {"password": OTHER}
    assert error(await admin.post(own, data=form), 400)["param"] == "current_password"
    wrong = await admin.post(own, data=form | {"current_password": "not this one"})
    assert error(wrong, 400)["param"] == "current_password"
    assert (await other.get(SESSION)).status_code == 200
    done = await admin.post(own, data=form | {"current_password": PASSWORD})
    assert done.status_code == 200
    assert (await admin.get(SESSION)).status_code == 200
    error(await other.get(SESSION), 401)
    error(await other.sign_in(), 401)
    assert (await other.sign_in(password=OTHER)).status_code == 200


async def test_nobody_chooses_the_password_of_somebody_else(door: Door, admin: Browser) -> None:
    viewer = await invited(door, admin)
    answer = await admin.post(
        f"{MEMBERS}/{viewer.member}", data={"password": OTHER, "current_password": PASSWORD}
    )
    assert error(answer, 400)["param"] == "password"


# --- beside a running engine --------------------------------------------------------------------


async def test_the_command_line_lists_members_and_makes_a_link_for_a_password(
    tmp_path: Path,
) -> None:
    async with open_door(tmp_path) as door:
        admin = await door.admin()
        listed = run("members", "list", "--data", str(tmp_path))
        assert listed.code == 0, listed
        assert EMAIL in listed.out
        made = run("members", "reset", EMAIL, "--data", str(tmp_path))
        assert made.code == 0, made
        unknown = run("members", "reset", "eve@example.com", "--data", str(tmp_path))
        assert unknown.code == 1, unknown
        assert (await admin.get(SESSION)).status_code == 200
        used = await door.browser().set_up(token_of(made.out.strip()), password=OTHER)
        assert used.status_code == 200, used.text
        error(await admin.get(SESSION), 401)
