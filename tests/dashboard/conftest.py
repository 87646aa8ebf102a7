"""A live engine with an account worth looking at, and Chromium in front of its dashboard.

Whatever a page logs as an error, and any request that leaves the host, fails the test that saw it.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import httpx2
import pytest
import stripe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from dashboard import looks
from support.inbox import open_inbox
from support.server import Server, running_server
from support.showcase import Showcase, furnish

ROOT: Final = Path(__file__).resolve().parents[2]
SITE: Final = ROOT / "src" / "tripmeter" / "site"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
INSTALL: Final = "apt-get install -y --no-install-recommends chromium"
NEEDED: Final = "TRIPMETER_TESTS_NEED_CHROMIUM"
"""Where it is set, a missing browser is a failure."""

ADA: Final = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "password": "correct-horse-battery",
}
PATIENCE_MS: Final = 10_000
QUIET: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


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
def chromium() -> str:
    """Where Chromium is; without it the tests are skipped, or fail where it must be there."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or _without(f"no Chromium here; this installs it: {INSTALL}")


def _without(reason: str) -> NoReturn:
    if os.environ.get(NEEDED):
        pytest.fail(reason)
    pytest.skip(reason)


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
def playwright() -> Iterator[Playwright]:
    """The driver. It keeps a loop running in this thread, which asynchronous tests would trip over:
    it must end before others begin."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """Debian's Chromium, headless; as root it runs without its sandbox, as it insists on."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *as_root])
    yield browser
    browser.close()


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
    watched: list[looks.Watch] = []

    def make(path: str | None = "/", *, guest: bool = False, **options: object) -> Page:
        settings = {"locale": "en-US", "viewport": {"width": 1360, "height": 900}, **options}
        state = None if guest else str(signed_in)
        context = browser.new_context(storage_state=state, **settings)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watched.append(looks.Watch(page, stage.server.url))
        if path is not None:
            page.goto(stage.address(path))
        return page

    yield make
    for context in contexts:
        context.close()
    found = [problem for watch in watched for problem in watch.problems]
    assert not found, "\n".join(["the page was not at peace:", *found])
