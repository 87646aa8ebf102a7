"""Looks at a page of the dashboard: waits until it is at rest, and takes a picture of it."""

from typing import Final

from playwright.sync_api import Page

from support.browser import ROOT

PICTURES: Final = ROOT / ".cache" / "dashboard-pictures"


def settle(page: Page) -> None:
    """Wait until nothing on the page is still on its way."""
    page.locator(".skeleton").first.wait_for(state="detached")
    page.wait_for_function("document.fonts.status === 'loaded'")


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
