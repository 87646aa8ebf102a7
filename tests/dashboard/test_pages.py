"""Every page of the dashboard against a live engine: it shows what is there, and axe is content."""

import re
from typing import Final, Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from dashboard.conftest import Open, Stage
from dashboard.looks import picture, settle
from support.browser import accessible

pytestmark = pytest.mark.xdist_group("dashboard")

PAGES: Final = {
    "overview": ("/", "Overview", "Umbrella Health"),
    "meters": ("/meters", "Meters", "API requests"),
    "meter": ("/meters/{tokens}", "Tokens", "Who uses most"),
    "alerts": ("/alerts", "Alerts", "Fair use"),
    "new-alert": ("/alerts/new?meter={tokens}", "Draw a line", "Whom it would have caught"),
    "alert": ("/alerts/{alert}", "Free tier used up", "Acme Corporation"),
    "customers": ("/customers", "Customers", "billing@globex.example"),
    "customer": ("/customers/cus_acme", "Acme Corporation", "Growth plan"),
    "subscriptions": ("/subscriptions", "Subscriptions", "Acme Corporation"),
    "subscription": ("/subscriptions/{subscription}", "Subscription", "not billed yet"),
    "invoices": ("/invoices", "Invoices", "Subscription began"),
    "webhooks": ("/webhooks", "Webhooks", "Enabled"),
    "webhook": ("/webhooks/{endpoint}", "http://127.0.0.1", "Delivered"),
    "events": ("/events", "Events", "billing.alert.triggered"),
    "logs": ("/logs", "Logs", "/v1/"),
    "keys": ("/settings/keys", "Settings", "everything"),
    "members": ("/settings/members", "Settings", "ada@example.com"),
    "accounts": ("/settings/accounts", "Settings", "shown now"),
    "profile": ("/settings/profile", "Settings", "Password until now"),
}
"""The path of each page, its title, and something that only its data say."""

WIDE: Final[ViewportSize] = {"width": 1360, "height": 900}
LOOKS: Final[tuple[tuple[str, Literal["light", "dark"], ViewportSize], ...]] = (
    ("light", "light", WIDE),
    ("dark", "dark", WIDE),
    ("narrow", "light", {"width": 390, "height": 844}),
)
"""How each page is looked at: a name, the system's theme, the size of the window."""


def address(stage: Stage, path: str) -> str:
    """A path with the ids of what was made."""
    shown = stage.shown
    return path.format(
        tokens=shown.meters["tokens"],
        alert=shown.alerts["Free tier used up"],
        subscription=shown.subscription,
        endpoint=shown.endpoint,
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_is_there(name: str, open_page: Open, stage: Stage) -> None:
    path, title, content = PAGES[name]
    page = open_page(address(stage, path))
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    expect(page.locator("main")).to_contain_text(content)
    settle(page)
    for look, scheme, size in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        accessible(page)
        no_sideways_scroll(page)
        picture(page, f"{name}-{look}")


@pytest.mark.parametrize(
    ("path", "up"), [("/events", "Events"), ("/invoices", "Invoices"), ("/logs", "Logs")]
)
def test_a_row_leads_to_its_page(path: str, up: str, open_page: Open) -> None:
    page = open_page(path)
    page.locator("tr.leads td").nth(1).click(force=True)  # its row lies above
    expect(page.locator(".up")).to_have_text(up)
    settle(page)
    accessible(page)
    picture(page, f"{path.strip('/').removesuffix('s')}-light")


def test_the_sign_in_is_in_order(open_page: Open, stage: Stage) -> None:
    page = open_page(None, guest=True)
    page.goto(stage.address("/customers"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    accessible(page)
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password").fill("not her password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill("correct-horse-battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    page.locator(".member").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_german_is_spoken_with_its_numbers(open_page: Open) -> None:
    page = open_page("/customers/cus_acme", locale="de-DE")
    expect(page.get_by_role("heading", name="Auf dem Weg zu den Grenzen")).to_be_visible()
    expect(page.locator("main")).to_contain_text("10,00\u00a0$")
    assert page.evaluate("document.documentElement.lang") == "de"
    settle(page)
    accessible(page)
    picture(page, "customer-german")


def test_the_language_and_theme_stay_as_chosen(open_page: Open) -> None:
    page = open_page("/")
    for choice in ("Dark", "Deutsch"):
        page.locator(".member").click()
        page.get_by_role("menuitem", name=choice).click()
    expect(page.get_by_role("heading", name="Übersicht")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Übersicht")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_test_mode_cannot_be_overlooked(open_page: Open) -> None:
    page = open_page("/customers/cus_acme")
    expect(page.get_by_text("Test mode", exact=True)).to_be_visible()
    page.get_by_text("Live", exact=True).click()
    expect(page).to_have_url(re.compile(r"/live/customers$"))
    expect(page.get_by_text("Test mode", exact=True)).to_have_count(0)
    expect(page.get_by_text("There is no customer yet.")).to_be_visible()
    settle(page)
    accessible(page)
    picture(page, "customers-live-empty")


def test_an_empty_account_is_told_the_way(open_page: Open, stage: Stage) -> None:
    page = open_page(None)
    page.goto(stage.address("/", mode="live"))
    expect(page.get_by_text("Say what is counted")).to_be_visible()
    expect(page.get_by_label("Lines to copy").first).to_contain_text(stage.server.url)
    accessible(page)
    picture(page, "overview-live-empty")


def test_where_later_values_replace_earlier_ones_there_is_no_sum(
    open_page: Open, stage: Stage
) -> None:
    meter = stage.client.v1.billing.meters.create(
        {
            "display_name": "Seats",
            "event_name": "seats",
            "default_aggregation": {"formula": "last"},
        }
    )
    page = open_page(f"/meters/{meter.id}")
    expect(page.get_by_text("there is no sum of all customers")).to_be_visible()
    expect(page.get_by_text("Who uses most")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    accessible(page)
    picture(page, "meter-of-last-values")


def test_all_is_reached_by_keys(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_role("heading", name="Overview").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("cus_globex")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Globex")).to_be_visible()
    page.locator(".member").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_be_hidden()
    expect(page.locator(".member")).to_be_focused()
    page.get_by_role("button", name="Edit", exact=True).press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def no_sideways_scroll(page: Page) -> None:
    """Assert that the page is as narrow as its window; wide tables scroll in a box of their own."""
    beyond = page.evaluate(
        "(main => main.scrollWidth - main.clientWidth)(document.querySelector('main'))"
    )
    assert beyond <= 0, f"{page.url}: {beyond} pixels wider than its window"
