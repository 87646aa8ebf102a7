"""Chromium for tests of pages: the fixtures that start it, and looks at what it shows.

from support.browser import browser, chromium, playwright  # in a conftest
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    expect,
    sync_playwright,
)

ROOT: Final = Path(__file__).resolve().parents[2]
AXE: Final = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
INSTALL: Final = "apt-get install -y --no-install-recommends chromium"
NEEDED: Final = "TRIPMETER_TESTS_NEED_CHROMIUM"
"""Where it is set, a missing browser is a failure."""

PATIENCE_MS: Final = 10_000
QUIET: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOWN: Final = 5
"""Findings of a kind come in dozens."""
RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
}


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without it the tests are skipped, or fail where it must be there."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or _without(f"no Chromium here; this installs it: {INSTALL}")


def _without(reason: str) -> NoReturn:
    if os.environ.get(NEEDED):
        pytest.fail(reason)
    pytest.skip(reason)


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


class Watch:
    """Notes what a page logs as an error, and every request to another host."""

    def __init__(self, page: Page, home: str) -> None:
        self.problems: list[str] = []
        self._home = home
        page.on("console", self._logged)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("request", self._requested)
        page.on("response", self._answered)

    def _logged(self, message: ConsoleMessage) -> None:
        # Chromium logs each refusal and each lost connection; those are told by their answers.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(f"console: {message.text}")

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self._home, "blob:", "data:")):
            self.problems.append(f"it left the host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.problems.append(f"{response.status}: {response.url}")


def accessible(page: Page) -> None:
    """Assert that axe finds nothing. It runs in the page by way of the debugger: its policy forbids
    scripts that are not its own."""
    assert AXE.exists(), "axe comes with what the dashboard is built from: make dashboard"
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    problems = [
        f"{violation['id']} ({violation['help']}): {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    assert not problems, "\n".join([page.url, *problems[:SHOWN]])
