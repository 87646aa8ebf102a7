"""A customer's page: for whoever has its signed address, for an hour, and for one customer."""

import asyncio
import base64
import hashlib
import html
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.door import Door, open_door
from tripmeter.app import brand_of
from tripmeter.model.mail import Mail, MailAnswer
from tripmeter.model.portal import PortalSession
from tripmeter.model.scope import Scope
from tripmeter.settings import SettingInvalid, Settings
from tripmeter.wire.colors import DARK_PAPER, contrast, on_dark
from tripmeter.wire.portal_token import opened, sealed
from tripmeter.wire.portal_words import PORTAL_WORDS, accepted, typed_number

BASE = "https://billing.example.com"
PATIENCE_S = 30


class Outbox:
    """Keeps what would be sent. `answers` has what comes of the next ones."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.answers: list[MailAnswer] = []

    async def send(self, mail: Mail) -> MailAnswer:
        self.sent.append(mail)
        return self.answers.pop(0) if self.answers else MailAnswer("accepted")


class Desk:
    """The engine's door, and the page of `cus_1` as a browser has it."""

    def __init__(self, door: Door, mails: Outbox) -> None:
        self.door = door
        self.mails = mails
        self.path = ""
        self.meter = ""

    async def post(self, path: str, **fields: Any) -> Any:
        answer = await self.door.post(f"/v1/{path}", data=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def open(self, **fields: Any) -> Any:
        made = await self.post("billing_portal/sessions", customer="cus_1", **fields)
        assert made["url"].startswith(f"{BASE}/p/")
        self.path = made["url"].removeprefix(BASE)
        return made

    async def use(self, value: str) -> None:
        await self.post(
            "billing/meter_events", event_name="calls",
            **{"payload[stripe_customer_id]": "cus_1", "payload[value]": value},
        )  # fmt: skip

    async def look(self, path: str | None = None, **options: Any) -> httpx2.Response:
        return await self.door.ask("GET", path or self.path, "", **options)

    async def send(self, action: str, **fields: str) -> httpx2.Response:
        """Send a form as the page has it."""
        page = await self.look()
        (token, *_) = re.findall(r'name="form" value="([^"]+)"', page.text)
        form = {"form": token, "action": action, "meter": self.meter, "period": "month", **fields}
        return await self.door.ask("POST", self.path, "", data=form)

    async def mailed(self, number: int = 1) -> list[Any]:
        """The runs of mails, newest first, once there are so many and none is pending."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                runs = (await self.door.ask("GET", "/v1/billing/action_runs")).json()["data"]
                if len(runs) >= number and all(run["status"] != "pending" for run in runs):
                    return list(runs)
                await asyncio.sleep(0.02)

    async def run_that(self, is_wanted: Callable[[Any], bool]) -> Any:
        """The newest run, once it is as wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                runs = (await self.door.ask("GET", "/v1/billing/action_runs")).json()["data"]
                if runs and is_wanted(runs[0]):
                    return runs[0]
                await asyncio.sleep(0.02)

    async def confirm(self, address: str) -> None:
        """Open the link that came to an address, and agree."""
        await self.mailed()
        mail = next(one for one in reversed(self.mails.sent) if one.to == address)
        (url,) = re.findall(r"https://\S+", mail.text)
        assert address in await self.agree(url.removeprefix(BASE))

    async def agree(self, path: str) -> str:
        """Answer what a link asks with yes."""
        (token,) = re.findall(r'name="form" value="([^"]+)"', (await self.look(path)).text)
        form = {"form": token, "action": "confirm"}
        return (await self.door.ask("POST", path, "", data=form)).text

    async def leave(self, mail: Mail) -> None:
        """Use the link that ends such mails, as a mail program does."""
        assert mail.unsubscribe_url is not None
        path = mail.unsubscribe_url.removeprefix(BASE)
        form = {"List-Unsubscribe": "One-Click"}
        assert (await self.door.ask("POST", path, "", data=form)).status_code == 200

    async def remove_address(self) -> None:
        """Remove the first address that the page shows."""
        id_, *_ = re.findall(r'name="id" value="(nadr_[^"]+)"', (await self.look()).text)
        await self.follow(await self.send("remove_address", id=id_))

    async def follow(self, answer: httpx2.Response) -> str:
        """The page that a change leads to."""
        assert answer.status_code == 303, answer.text
        shown = await self.look(f"/p/{answer.headers['location']}")
        assert shown.status_code == 200
        return html.unescape(shown.text)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    mails = Outbox()
    async with open_door(
        tmp_path, mailer=mails, base_url=BASE, brand_name="Acme <Cloud>"
    ) as opened_door:
        made = Desk(opened_door, mails)
        await made.post("customers", id="cus_1", name="Jürgen & <b>Söhne</b>")
        meter = await made.post(
            "billing/meters", display_name="API <calls>", event_name="calls",
            **{"default_aggregation[formula]": "sum"},
        )  # fmt: skip
        made.meter = meter["id"]
        await made.post("billing/usage_limits", meter=made.meter, limit="1000", period="month")
        await made.use("120.5")
        await made.open(return_url="https://app.example.com/back?a=1&b=2")
        yield made


def text_of(page: httpx2.Response) -> str:
    return html.unescape(page.text)


# --- the address ---------------------------------------------------------------------------------


async def test_the_session_is_stripes(desk: Desk) -> None:
    made = await desk.open(locale="de")
    assert made == {
        "id": made["id"], "object": "billing_portal.session", "after_expiration": None,
        "configuration": "bpc_default", "created": made["created"], "customer": "cus_1",
        "customer_account": None, "flow": None, "livemode": False, "locale": "de",
        "on_behalf_of": None, "return_url": None, "url": made["url"],
    }  # fmt: skip
    for name in ("configuration", "flow_data", "on_behalf_of", "customer_account"):
        answer = await desk.door.post(
            "/v1/billing_portal/sessions", data={"customer": "cus_1", name: "x"}
        )
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)
    for fields in ({}, {"customer": "none"}, {"customer": "cus_1", "return_url": "javascript:1"}):
        answer = await desk.door.post("/v1/billing_portal/sessions", data=fields)
        assert answer.status_code in (400, 404)


async def test_an_address_that_was_changed_or_is_old_opens_nothing(desk: Desk) -> None:
    body, _, signature = desk.path.removeprefix("/p/").partition(".")
    forged = PortalSession("bps_1", Scope("acct", False), "cus_2", 2**60)
    for token in (
        "x", "none.none", f"{body}.", f"{body}.{signature[:-1]}", f"{body[:-2]}AA.{signature}",
        sealed("guess", forged), "a" * 9_000, "%00.x", "ü.ü",
    ):  # fmt: skip
        page = await desk.look(f"/p/{token}")
        assert page.status_code == 404
        assert "expired" in page.text
        assert "cus_" not in page.text
        sent = await desk.door.ask("POST", f"/p/{token}", "", data={"action": "limit"})
        assert sent.status_code == 404
    desk.door.clock.advance(3_600_000)
    for method in ("GET", "POST"):
        assert (await desk.door.ask(method, desk.path, "")).status_code == 410


@given(st.text(max_size=300))
def test_no_text_is_a_token(token: str) -> None:
    assert opened("secret", token) is None


@given(st.text(min_size=1), st.integers(), st.none() | st.text())
def test_what_is_sealed_is_opened(customer: str, expires_ms: int, url: str | None) -> None:
    session = PortalSession("bps_1", Scope("acct", True), customer, expires_ms, url)
    try:
        token = sealed("secret", session)
    except (UnicodeEncodeError, ValueError):
        return  # halves of characters are in no text that came over HTTP
    assert opened("secret", token) == session
    assert opened("other", token) is None


async def test_nothing_is_loaded_kept_or_run(desk: Desk) -> None:
    for path in (desk.path, "/p/none"):
        page = await desk.look(path)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy and "script" not in policy
        (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy
        assert "<script" not in page.text and " style=" not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in page.headers


# --- what it shows -------------------------------------------------------------------------------


async def test_the_page_shows_usage_with_its_lines(desk: Desk) -> None:
    page = await desk.look()
    assert page.status_code == 200
    assert "<b>" not in page.text
    shown = text_of(page)
    assert "120.5 of 1,000 used" in shown
    assert "in this calendar month" in shown
    assert "Acme <Cloud>" in shown
    assert 'href="https://app.example.com/back?a=1&amp;b=2"' in page.text
    assert "Apr 1, 2026" in shown.replace("\u00a0", " ")


async def test_a_bar_is_drawn_where_there_is_a_line(desk: Desk) -> None:
    assert (await desk.look()).text.count('class="bar"') == 1
    (limit,) = (await desk.door.ask("GET", "/v1/billing/usage_limits")).json()["data"]
    await desk.door.ask("DELETE", f"/v1/billing/usage_limits/{limit['id']}")
    page = await desk.look()
    assert 'class="bar"' not in page.text
    assert "120.5 used" in text_of(page)


async def test_languages(desk: Desk) -> None:
    german = await desk.look(headers={"Accept-Language": "fr, de-AT;q=0.8, en;q=0.1"})
    assert german.headers["content-language"] == "de"
    assert "120,5 von 1.000 genutzt" in text_of(german)
    english = await desk.look(f"{desk.path}?lang=en", headers={"Accept-Language": "de"})
    assert english.headers["content-language"] == "en"
    await desk.open(locale="de")
    assert 'lang="de"' in (await desk.look()).text


def test_every_word_is_there_in_both_languages() -> None:
    english, german = PORTAL_WORDS["en"], PORTAL_WORDS["de"]
    for name, value in english._asdict().items():
        other = getattr(german, name)
        if isinstance(value, str):
            assert re.findall(r"\{\w*\}", value) == re.findall(r"\{\w*\}", other), name
        else:
            assert value.keys() == other.keys()


def test_numbers_as_they_are_typed() -> None:
    for typed, english, german in (
        ("1000", "1000", "1000"), ("1,000", "1000", "1.000"), ("1.000", "1.000", "1000"),
        (" 1 000,5 ", "1000.5", "1000.5"), ("1,234,567.8", "1234567.8", None),
        ("1e3", None, None), ("", None, None), ("-5", "-5", "-5"), ("1,00,0", None, None),
    ):  # fmt: skip
        assert str(typed_number(typed, "en")) == str(english), typed
        assert str(typed_number(typed, "de")) == str(german), typed
    assert accepted("de;q=0.5, en-GB, *;q=0") == ["en-GB", "de"]
    assert accepted(None) == []


# --- what customers change -----------------------------------------------------------------------


async def test_a_customer_sets_changes_and_removes_its_own_limit(desk: Desk) -> None:
    shown = await desk.follow(await desk.send("limit", value="500"))
    assert "Your limit is saved." in shown
    assert "120.5 of 500 used" in shown
    shown = await desk.follow(await desk.send("limit", value="600"))
    (limit,) = (
        await desk.door.get("/v1/billing/usage_limits", params={"set_by": "customer"})
    ).json()["data"]
    assert (limit["limit"], limit["customer"], limit["period"]) == ("600", "cus_1", "month")
    shown = await desk.follow(await desk.send("remove_limit", id=limit["id"]))
    assert "120.5 of 1,000 used" in shown
    changes = (await desk.door.get("/v1/customers/cus_1/limit_changes")).json()["data"]
    assert [(one["before"], one["after"]) for one in changes] == [
        ("600", None), ("500", "600"), (None, "500"),
    ]  # fmt: skip
    assert all(one["set_by"] == "customer" for one in changes)
    assert all(one["portal_session"].startswith("bps_") for one in changes)


async def test_a_limit_below_usage_is_asked_about_first(desk: Desk) -> None:
    assert "with a limit of that or less" in text_of(await desk.look())
    asked = await desk.send("limit", value="100")
    assert asked.status_code == 200
    assert "120.5 are used already, and that is not less than 100" in text_of(asked)
    assert (await desk.door.get("/v1/customers/cus_1/limit_changes")).json()["data"] == []
    shown = await desk.follow(await desk.send("limit", value="100", sure="yes"))
    assert "usage is stopped now" in shown
    assert "The limit is reached: usage is stopped." in shown
    access = await desk.door.get("/v1/customers/cus_1/access", params={"meter": desk.meter})
    assert access.json()["allowed"] is False
    (told,) = (await desk.door.get("/v1/events", params={"type": "billing.access.revoked"})).json()[
        "data"
    ]
    assert told["data"]["object"]["limit"] == "100"


async def test_what_cannot_be_a_limit_is_told_at_its_field(desk: Desk) -> None:
    for value, said in (
        ("1000.01", "Your provider allows 1,000 at most."), ("0", "more than zero"),
        ("-5", "more than zero"), ("many", "Write a number"), ("1e3", "Write a number"),
        ("1.2345678901234567", "Write a number"),
    ):  # fmt: skip
        refused = await desk.send("limit", value=value)
        assert refused.status_code in (400,), (value, refused.text)
        assert said in text_of(refused)
        assert f'value="{value}"' in refused.text
        assert 'aria-invalid="true"' in refused.text
    assert (await desk.send("limit", value="5", meter="mtr_other")).status_code == 404


async def test_warnings(desk: Desk) -> None:
    shown = await desk.follow(await desk.send("warning", value="200"))
    assert "Your warning is saved." in shown
    assert (await desk.send("warning", value="200.0")).status_code == 400
    shown = await desk.follow(await desk.send("warning", value="20"))
    assert "It is reached already" in shown
    await desk.use("100")
    told = (await desk.door.get("/v1/events", params={"type": "billing.access.warning"})).json()
    assert len(told["data"]) == 2
    ids = re.findall(r'name="action" value="remove_warning"><input type="hidden" name="id" '
                     r'value="([^"]+)"', (await desk.look()).text)  # fmt: skip
    for id_ in ids:
        shown = await desk.follow(await desk.send("remove_warning", id=id_))
    assert "Remove the warning" not in shown


async def test_nobody_changes_what_is_not_theirs(desk: Desk) -> None:
    (operators,) = (await desk.door.get("/v1/billing/usage_limits")).json()["data"]
    assert (await desk.send("remove_limit", id=operators["id"])).status_code == 404
    await desk.post("customers", id="cus_2")
    other = await desk.post(
        "billing/usage_limits", meter=desk.meter, limit="5", customer="cus_2", set_by="customer"
    )
    assert (await desk.send("remove_limit", id=other["id"])).status_code == 404
    for form in ({}, {"form": "wrong", "action": "limit", "value": "5"}):
        answer = await desk.door.ask("POST", desk.path, "", data=form)
        assert answer.status_code == 403
    huge = await desk.door.ask("POST", desk.path, "", data={"form": "x" * 20_000})
    assert huge.status_code == 403
    assert (await desk.send("nothing")).status_code == 400
    await desk.door.ask("DELETE", "/v1/customers/cus_1")
    assert (await desk.look()).status_code == 410


# --- e-mail --------------------------------------------------------------------------------------


async def test_an_address_is_told_only_once_its_owner_agrees(desk: Desk) -> None:
    shown = await desk.follow(await desk.send("address", value="ops@example.com"))
    assert "waits for the link" in shown
    (run,) = await desk.mailed()
    (mail,) = desk.mails.sent
    assert (run["alert"], run["about"], run["status"]) == (None, "notice_address", "succeeded")
    assert mail.to == "ops@example.com"
    assert "Acme <Cloud>" in mail.subject
    assert mail.unsubscribe_url is None
    (url,) = re.findall(r"https://\S+", mail.text)
    assert html.escape(url) in mail.html
    path = url.removeprefix(BASE)
    asked = await desk.look(path)
    assert "Should warnings about your usage go to ops@example.com?" in text_of(asked)
    assert "waits for the link" in text_of(await desk.look())  # looking is not agreeing
    assert "ops@example.com" in await desk.agree(path)
    assert "(confirmed)" in text_of(await desk.look())
    await desk.send("address", value="OPS@example.com")
    assert len(await desk.mailed()) == 1
    await desk.remove_address()
    assert (await desk.look(path)).status_code == 410


async def test_a_link_is_sent_again_where_mail_is_slow(desk: Desk) -> None:
    desk.mails.answers = [MailAnswer("postponed", 450, "Come again.")]
    answer = await desk.send("address", value="ops@example.com")
    assert answer.status_code == 303  # the page waits for no mail server
    run = await desk.run_that(lambda run: run["attempt_count"] == 1)
    assert run["status"] == "pending"
    assert "Come again." in run["last_error"]
    desk.door.clock.set(desk.door.clock.now_ms() + 60_000)
    desk.door.engine.sender.wake()
    await desk.run_that(lambda run: run["status"] == "succeeded")
    first, second = desk.mails.sent
    assert first.id == second.id
    assert first.text == second.text


async def test_no_mail_goes_to_an_address_that_was_removed(desk: Desk) -> None:
    desk.mails.answers = [MailAnswer("postponed", 450, "Come again.")]
    await desk.send("address", value="ops@example.com")
    await desk.run_that(lambda run: run["attempt_count"] == 1)
    await desk.remove_address()
    desk.door.clock.set(desk.door.clock.now_ms() + 60_000)
    desk.door.engine.sender.wake()
    run = await desk.run_that(lambda run: run["status"] == "failed")
    assert "removed" in run["last_error"]
    assert len(desk.mails.sent) == 1
    again = await desk.door.post(f"/v1/billing/action_runs/{run['id']}/resend")
    assert again.json()["status"] == "failed"


async def test_own_warnings_are_mailed_to_confirmed_addresses_once_each(desk: Desk) -> None:
    for address in ("a@example.com", "b@example.com", "waits@example.com"):
        await desk.send("address", value=address)
        if address != "waits@example.com":
            await desk.confirm(address)
    await desk.mailed(3)
    del desk.mails.sent[:]
    await desk.post(
        "billing/usage_limits", meter=desk.meter, limit="150", period="month", kind="warning"
    )  # the operator's own: an event tells of it, and no mail
    await desk.follow(await desk.send("warning", value="200.5"))
    await desk.use("80")  # 200.5 by now
    await desk.use("10")
    run, *_ = await desk.mailed(4)
    assert (run["about"], run["customer"], run["alert"]) == ("usage_limit", "cus_1", None)
    first, second = desk.mails.sent
    assert {first.to, second.to} == {"a@example.com", "b@example.com"}
    assert first.subject == "[Test] You have used 200.5: API <calls>"
    assert "your warning at 200.5" in first.text
    assert "Acme <Cloud>" in first.text
    await desk.leave(first)
    await desk.follow(await desk.send("warning", value="205"))  # it is reached already
    run, *_ = await desk.mailed(5)
    assert {one["address"]: one["status"] for one in run["recipients"]} == {
        first.to: "unsubscribed", second.to: "accepted",
    }  # fmt: skip
    assert [mail.to for mail in desk.mails.sent[2:]] == [second.to]


async def test_an_address_that_is_confirmed_anew_wants_mails_again(desk: Desk) -> None:
    await desk.send("address", value="a@example.com")
    await desk.confirm("a@example.com")
    await desk.send("warning", value="100")
    await desk.mailed(2)
    await desk.leave(desk.mails.sent[-1])
    await desk.remove_address()
    await desk.send("address", value="a@example.com")
    await desk.confirm("a@example.com")
    await desk.send("warning", value="110")
    run, *_ = await desk.mailed(4)
    assert run["status"] == "succeeded"


async def test_no_page_sends_mail_without_end(desk: Desk) -> None:
    assert (await desk.send("address", value="no address")).status_code == 400
    statuses = [
        (await desk.send("address", value=f"a{number}@example.com")).status_code
        for number in range(8)
    ]
    assert statuses.count(303) <= 5
    assert len(await desk.mailed(statuses.count(303))) <= 5


async def test_without_a_mail_server_mails_are_files(tmp_path: Path) -> None:
    async with open_door(tmp_path, base_url=BASE) as door:
        plain = Desk(door, Outbox())
        await plain.post("customers", id="cus_1")
        await plain.open()
        assert (await plain.look("/p/logo")).status_code == 404
        await plain.send("address", value="a@example.com")
        await plain.mailed()
        (mail,) = (tmp_path / "mail").glob("*.eml")
        assert "a@example.com" in mail.read_text()


# --- brand ---------------------------------------------------------------------------------------


async def test_the_logo_is_served_by_us(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    settings: dict[str, Any] = {"brand_logo": logo, "brand_color": "#7a1f5c", "brand_name": "Acme"}
    async with open_door(tmp_path / "data", base_url=BASE, **settings) as door:
        branded = Desk(door, Outbox())
        await branded.post("customers", id="cus_1")
        await branded.open()
        page = await branded.look()
        assert '<img src="logo" alt="Acme">' in page.text
        assert "#7a1f5c" in page.text
        served = await branded.look("/p/logo")
        assert served.headers["content-type"] == "image/svg+xml"
        assert served.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in served.headers["content-security-policy"]


def test_a_brand_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for color in ("#ffee00", "red", "#12345", "#1234567"):
        with pytest.raises(SettingInvalid, match="BRAND_COLOR"):
            brand_of(Settings(brand_color=color))
    for name in ("none.png", "logo.exe"):
        with pytest.raises(SettingInvalid, match="BRAND_LOGO"):
            brand_of(Settings(brand_logo=tmp_path / name))


@given(st.integers(0, 2**24 - 1))
def test_every_colour_can_be_read_on_dark(number: int) -> None:
    assert contrast(on_dark(f"#{number:06x}"), DARK_PAPER) >= 4.5
