"""Take the pictures of the dashboard that the README shows, so that they stay true.

Usage: PYTHONPATH=tests python tools/screenshots.py [FOLDER]

Starts an engine of its own, furnishes an account with the official SDK as the tests do, and opens
the built page in Chromium. FOLDER is `docs` unless given.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal, NamedTuple

import httpx2
import stripe
from playwright.sync_api import Page, ViewportSize, sync_playwright

from support.inbox import open_inbox
from support.server import Server, running_server
from support.showcase import Showcase, furnish

ROOT: Final = Path(__file__).resolve().parent.parent
WINDOW: Final[ViewportSize] = {"width": 1240, "height": 800}
SETTLE_MS: Final = 1500
OWNER: Final = {"email": "ada@example.com", "name": "Ada Lovelace", "password": "shown in docs"}


class Picture(NamedTuple):
    """One picture: the file's name, the page, and how it looks."""

    name: str
    path: str
    scheme: Literal["light", "dark"] = "light"
    gte: str | None = None
    """Where the line of a new alert is drawn."""


PICTURES: Final = (
    Picture("dashboard-customer", "/customers/cus_acme"),
    Picture("dashboard-new-alert", "/alerts/new?meter={tokens}", gte="900000"),
    Picture("dashboard-meter", "/meters/{tokens}", "dark"),
)


def main(arguments: list[str]) -> int:
    """Take all of them; 1 when Chromium is missing."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium: apt-get install -y --no-install-recommends chromium", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_inbox() as inbox,
        running_server(Path(scratch)) as server,
    ):
        shown = _furnished(server, inbox.url)
        _take(server, shown, folder, chromium)
    return 0


def _furnished(server: Server, hook: str) -> Showcase:
    client = stripe.StripeClient(server.api_key, base_addresses={"api": server.url})
    with server.client() as http:
        return furnish(client, http, hook)


def _take(server: Server, shown: Showcase, folder: Path, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport=WINDOW, locale="en-US", device_scale_factor=1.5)
        page = context.new_page()
        _sign_in(page, server)
        home = page.url.rstrip("/")
        for picture in PICTURES:
            page.emulate_media(color_scheme=picture.scheme)
            page.goto(home + picture.path.format(tokens=shown.meters["tokens"]))
            if picture.gte is not None:
                page.get_by_label("Fires at").fill(picture.gte)
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=folder / f"{picture.name}.png")
            print(folder / f"{picture.name}.png")
        browser.close()


def _sign_in(page: Page, server: Server) -> None:
    """The first member takes the link that the engine printed, and signs in."""
    link = re.search(r"/dashboard/set-up#token=(\S+)", server.log)
    assert link is not None, server.log
    with httpx2.Client(base_url=server.url, trust_env=False) as http:
        http.post("/v1/dashboard/set_up", data={**OWNER, "token": link[1]}).raise_for_status()
    page.goto(f"{server.url}/dashboard/")
    page.get_by_label("E-mail").fill(OWNER["email"])
    page.get_by_label("Password").fill(OWNER["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
