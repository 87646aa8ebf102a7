"""The recipes of the documentation: all code on their pages runs as it stands, and does what the
page says that it does."""

import asyncio
import html
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from support.kitchen import BASE, Kitchen, Recipe, blocks_of, open_kitchen

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "recipes"
FIRST: Final = PAGES / "README.md"
COOKED: Final = {
    "customers-own-limit", "invoice-at-the-crossing", "take-access-away", "tell-sales",
    "tell-the-user",
}  # fmt: skip
PATIENCE_S: Final = 30

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("recipes")]


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kitchen]:
    """An engine that has seen nothing."""
    with open_kitchen(tmp_path) as opened:
        for name, value in opened.environment.items():
            monkeypatch.setenv(name, value)
        yield opened


def begun(kitchen: Kitchen, name: str) -> Recipe:
    """A recipe, after what comes before each of them."""
    start = Recipe(FIRST, kitchen)
    start.cook()
    recipe = Recipe(PAGES / f"{name}.md", kitchen)
    recipe.names = start.names
    kitchen.when_closed(recipe.names["client"]._requestor._client.close)  # nobody else does
    return recipe


def moment(text: str) -> int:
    """A time in UTC, in milliseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def test_no_page_is_left_out_and_none_has_other_code() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - {FIRST.stem} == COOKED
    for page in PAGES.glob("*.md"):
        assert {block.language for block in blocks_of(page)} <= {"python", "sh"}, page
        fences = re.findall(r"^ *(?:```|~~~)", page.read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks_of(page)), f"{page} has code that is not run"


def test_tell_the_user(kitchen: Kitchen) -> None:
    recipe = begun(kitchen, "tell-the-user")
    recipe.cook("Draw the line")
    (mail,) = kitchen.postbox.wait_for_number(1)
    assert mail.to == ["jenny@example.com"]
    assert mail.message["Subject"] == "[Test] 80 % of your plan: Sie haben 85.000 verbraucht"
    assert '<html lang="de"' in mail.html
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    recipe.cook("In your own words")
    assert "You have used 80,000 tokens" in recipe.printed[0]
    _, own = kitchen.postbox.wait_for_number(2)
    assert own.to == ["sam@example.com"]
    assert "Sam, 80 % of your tokens are used" in own.message["Subject"]
    assert "You have used 90,000 tokens; from 80,000 on" in own.text
    assert "https://example.com/plans" in own.html
    runs = f"billing/alerts/{recipe.id('alert')}/action_runs"
    kitchen.until(runs, lambda found: all(one["status"] == "succeeded" for one in found["data"]))
    recipe.cook()
    assert '"status": "succeeded"' in recipe.printed[-1]
    assert len(kitchen.postbox.mails) == 2


def test_take_access_away(kitchen: Kitchen) -> None:
    recipe = begun(kitchen, "take-access-away")
    recipe.cook("Ask before you serve")
    kitchen.when_closed(recipe.names["app"].access.close)
    customer, meter = recipe.id("customer"), recipe.id("meter")
    assert recipe.printed[-1] == "1000\n"
    assert served(recipe, customer).status_code == 200
    recipe.cook("When it is reached")
    access = f"customers/{customer}/access"
    assert kitchen.get(access, meter=meter)["reason"] == "limit_reached"
    told = kitchen.inbox.wait_for(lambda event: event["type"] == "billing.access.revoked")
    assert told.json["data"]["object"]["used"] == "1000"
    refused = until_refused(recipe, customer)
    assert int(refused.headers["retry-after"]) > 0

    recipe.cook("Give it back")
    kitchen.inbox.wait_for(lambda event: event["type"] == "billing.access.restored")
    assert kitchen.get(access, meter=meter)["remaining"] == "1000"
    recipe.names["use"](recipe.names["customer"], 1_000)
    assert not kitchen.get(access, meter=meter)["allowed"]
    kitchen.at(moment("2026-04-01T00:00:01"))
    assert kitchen.get(access, meter=meter)["allowed"]

    recipe.cook()
    payer = f"customers/{recipe.id('payer')}/access"
    assert kitchen.get(payer, meter=meter)["reason"] == "revoked"
    kitchen.at(moment("2026-05-02T00:00:00"))
    kitchen.until(payer, lambda now: now["allowed"], meter=meter)
    assert recipe.left == []


def served(recipe: Recipe, customer: str) -> httpx2.Response:
    """What the service on the page answers a customer."""

    async def ask() -> httpx2.Response:
        door = httpx2.ASGITransport(recipe.names["app"])
        async with httpx2.AsyncClient(transport=door, base_url="http://service") as client:
            return await client.get("/", headers={"x-customer": customer})

    return asyncio.run(ask())


def until_refused(recipe: Recipe, customer: str) -> httpx2.Response:
    """The first refusal, which comes once the kept answer is old."""
    deadline = time.monotonic() + PATIENCE_S
    while (answer := served(recipe, customer)).status_code != 429:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


def test_tell_sales(kitchen: Kitchen) -> None:
    recipe = begun(kitchen, "tell-sales")
    kitchen.at(moment("2026-03-02T20:30:00"))  # half past nine in Berlin
    recipe.cook()
    account = kitchen.get("account")["id"]
    runs = kitchen.get("billing/action_runs")["data"]
    assert {run["next_attempt"] for run in runs} == {moment("2026-03-03T07:00:00") // 1000}
    kitchen.at(moment("2026-03-03T06:59:00"))
    time.sleep(0.2)
    assert (kitchen.hooks.of("/slack"), kitchen.postbox.mails) == ([], [])

    kitchen.at(moment("2026-03-03T07:00:00"))
    (posted,) = kitchen.hooks.wait_for("/slack")
    (mail,) = kitchen.postbox.wait_for_number(1)
    said = posted.body.decode()
    assert mail.to == ["sales@example.com"]
    for name, used in (("acme", "52,000"), ("globex", "61,000.5")):
        page = f"{BASE}/dashboard/{account}/test/customers/{recipe.id(name)}"
        for text in (said, mail.html, mail.text):
            assert name.capitalize() in text
            assert used in text
            assert page in text
    kitchen.until("billing/action_runs", lambda found: not pending(found))

    kitchen.at(moment("2026-03-03T10:20:00"))
    recipe.names["use"](recipe.names["acme"], 460_000)
    kitchen.at(moment("2026-03-03T11:00:00"))
    _, second = kitchen.hooks.wait_for("/slack", 2)
    _, alone = kitchen.postbox.wait_for_number(2)
    assert "Acme has used 512,000" in second.body.decode()
    assert "Last 7 days: 512,000" in alone.text
    assert recipe.left == []


def pending(found: Any) -> list[Any]:
    """The runs that are still to be done."""
    return [run for run in found["data"] if run["status"] == "pending"]


def test_invoice_at_the_crossing(kitchen: Kitchen) -> None:
    recipe = begun(kitchen, "invoice-at-the-crossing")
    recipe.cook("At an amount")
    invoice = recipe.names["invoice"]
    assert (invoice.billing_reason, invoice.amount_due) == ("subscription_threshold", 5_000)
    assert invoice.hosted_invoice_url.startswith(f"{BASE}/")
    recipe.cook()
    (run,) = kitchen.get("billing/action_runs", type="issue_invoice", customer=recipe.id("other"))[
        "data"
    ]
    issued = kitchen.get(f"invoices/{run['result']}")
    assert (issued["amount_due"], issued["status"]) == (2_400, "paid")
    assert run["id"] in recipe.printed[-1]
    mails = kitchen.postbox.wait_for_number(1)
    assert ["sam@example.com"] in [mail.to for mail in mails]
    assert recipe.left == []


def test_customers_own_limit(kitchen: Kitchen) -> None:
    recipe = begun(kitchen, "customers-own-limit")
    recipe.cook("Open the page")
    customer, meter = recipe.id("customer"), recipe.id("meter")
    page = recipe.names["session"].url
    assert "10,000 at most" in sent(kitchen, page, "limit", meter=meter, value="20000")
    assert "limit is saved" in sent(kitchen, page, "limit", meter=meter, value="750")
    assert "warning is saved" in sent(kitchen, page, "warning", meter=meter, value="500")
    assert "sent an e-mail" in sent(kitchen, page, "address", value="boss@example.com")
    (question,) = kitchen.postbox.wait_for_number(1)
    (link,) = re.findall(r"https://\S+", question.text)
    assert "is confirmed" in sent(kitchen, link, "confirm")

    recipe.cook("When it is reached")
    assert recipe.printed[-1] == "limit_reached\n"
    _, warning = kitchen.postbox.wait_for_number(2)
    assert warning.to == ["boss@example.com"]
    assert "your warning at 500" in warning.text
    told = [one["type"] for one in kitchen.get("events")["data"]]
    assert told.count("billing.access.warning") == told.count("billing.access.revoked") == 1
    assert not kitchen.get(f"customers/{customer}/access", meter=meter)["allowed"]
    recipe.cook()
    assert '"set_by": "customer"' in recipe.printed[-1]
    assert recipe.left == []


def sent(kitchen: Kitchen, url: str, action: str, **fields: str) -> str:
    """What a customer's page says after one of its forms was sent, as a browser sends it."""
    path = url.removeprefix(BASE)
    with httpx2.Client(base_url=kitchen.url, trust_env=False, follow_redirects=True) as browser:
        (token, *_) = re.findall(r'name="form" value="([^"]+)"', browser.get(path).text)
        form = {"form": token, "action": action, "period": "month", **fields}
        return html.unescape(browser.post(path, data=form).text)
