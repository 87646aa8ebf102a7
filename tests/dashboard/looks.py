"""Looks at a page: what it complains of, what axe finds in it, and a picture of it."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import ConsoleMessage, Page, Request, Response

ROOT: Final = Path(__file__).resolve().parents[2]
PICTURES: Final = ROOT / ".cache" / "dashboard-pictures"
AXE: Final = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
SHOWN: Final = 5
"""Findings of a kind come in dozens."""
RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
}


class Watch:
    """Notes what a page logs as an error, and every request to another host."""

    def __init__(self, page: Page, home: str) -> None:
        self.problems: list[str] = []
        self._expected: list[str] = []
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


def settle(page: Page) -> None:
    """Wait until nothing on the page is still on its way."""
    page.locator(".skeleton").first.wait_for(state="detached")
    page.wait_for_function("document.fonts.status === 'loaded'")


def accessible(page: Page) -> None:
    """Assert that axe finds nothing. It runs in the page by way of the debugger: its policy forbids
    scripts that are not its own."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    problems = [
        f"{violation['id']} ({violation['help']}): {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    assert not problems, "\n".join([page.url, *problems[:SHOWN]])


def picture(page: Page, name: str) -> None:
    """Keep a picture of all of the page, beside the others of this run."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    assert size is not None, "a page without a window"
    height = page.evaluate("document.querySelector('main').scrollHeight + 60")
    page.set_viewport_size(
        {"width": size["width"], "height": max(size["height"], min(height, 3000))}
    )
    page.screenshot(path=PICTURES / f"{name}.png")
    page.set_viewport_size(size)
