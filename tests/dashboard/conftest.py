"""A live engine with an account worth looking at, and Chromium in front of its dashboard.

Whatever a page logs as an error, and any request that leaves the host, fails the test that saw it.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
import pytest
import stripe
from playwright.sync_api import Browser, BrowserContext, Page

from support.browser import PATIENCE_MS, ROOT, Watch, browser, chromium, playwright
from support.inbox import open_inbox
from support.server import Server, running_server
from support.showcase import Showcase, furnish

__all__ = ["browser", "chromium", "playwright"]  # fixtures

SITE: Final = ROOT / "src" / "tripmeter" / "site"

ADA: Final = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "password": "correct-horse-battery",
}


class Stage(NamedTuple):
    """What the tests of a page stand on."""

    server: Server
    client: stripe.StripeClient
    shown: Showcase
    account: str

    def address(self, path: str = "/", mode: str = "test") -> str:
        """Where a page of the account is."""
        return f"{self.server.url}/dashboard/{self.account}/{mode}{path}"


@pytest.fixture(scope="session")
def site() -> Path:
    """The built page."""
    assert (SITE / "index.html").exists(), "the page is not built: make dashboard"
    return SITE


@pytest.fixture(scope="session")
def stage(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An engine whose account has been used for some weeks, and its first member."""
    with open_inbox() as inbox, running_server(tmp_path_factory.mktemp("dashboard")) as server:
        bases: Any = {"api": server.url, "meter_events": server.url}
        client = stripe.StripeClient(server.api_key, base_addresses=bases)
        with server.client() as http:
            shown = furnish(client, http, inbox.url)
        yield Stage(server, client, shown, _first_member(server))


def _first_member(server: Server) -> str:
    """Take the link that the engine printed at its start; the account's id."""
    link = re.search(r"/dashboard/set-up#token=(\S+)", server.log)
    assert link is not None, server.log
    with httpx2.Client(base_url=server.url, trust_env=False) as http:
        answer = http.post("/v1/dashboard/set_up", data={**ADA, "token": link[1]})
    assert answer.status_code == 200, answer.text
    account: str = answer.json()["accounts"][0]["id"]
    return account


@pytest.fixture(scope="module")
def signed_in(browser: Browser, stage: Stage) -> Path:
    """Ada signs in with her password; where her cookies are."""
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{stage.server.url}/dashboard/")
    page.get_by_label("E-mail").fill(ADA["email"])
    page.get_by_label("Password").fill(ADA["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    kept = stage.server.data / "signed-in.json"
    context.storage_state(path=kept)
    context.close()
    return kept


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, stage: Stage, signed_in: Path) -> Iterator[Open]:
    """Opens pages in contexts of their own, signed in unless told otherwise."""
    contexts: list[BrowserContext] = []
    watched: list[Watch] = []

    def make(path: str | None = "/", *, guest: bool = False, **options: object) -> Page:
        settings = {"locale": "en-US", "viewport": {"width": 1360, "height": 900}, **options}
        state = None if guest else str(signed_in)
        context = browser.new_context(storage_state=state, **settings)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watched.append(Watch(page, stage.server.url))
        if path is not None:
            page.goto(stage.address(path))
        return page

    yield make
    for context in contexts:
        context.close()
    found = [problem for watch in watched for problem in watch.problems]
    assert not found, "\n".join(["the page was not at peace:", *found])
