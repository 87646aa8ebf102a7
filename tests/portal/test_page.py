"""A customer's page in Chromium: used with the keyboard and without scripts, and axe is content."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from support.browser import ROOT, Watch, accessible
from support.server import Server, running_server

PICTURES: Final = ROOT / ".cache" / "portal-pictures"

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("portal")]


class Shop:
    """A live engine with a customer who has used, paid and been warned."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def post(self, path: str, **form: Any) -> Any:
        with self.server.client() as client:
            answer = client.post(f"/v1/{path}", data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def furnish(self, used: str) -> str:
        """A new customer's page."""
        name = f"calls_{used}_{os.urandom(4).hex()}"
        meter = self.post(
            "billing/meters", display_name="API calls", event_name=name,
            **{"default_aggregation[formula]": "sum"},
        )["id"]  # fmt: skip
        customer = self.post("customers", name="Jürgen & Söhne", email="j@example.com")["id"]
        recurring = {"recurring[interval]": "month", "recurring[usage_type]": "metered"}
        price = self.post(
            "prices", currency="eur", unit_amount=12, **{"product_data[name]": "API calls"},
            **recurring, **{"recurring[meter]": meter},
        )["id"]  # fmt: skip
        self.post("subscriptions", customer=customer, **{"items[0][price]": price})
        self.post(
            "billing/credit_grants", customer=customer,
            **{
                "amount[type]": "monetary", "amount[monetary][currency]": "eur",
                "amount[monetary][value]": "2500",
                "applicability_config[scope][price_type]": "metered",
            },
        )  # fmt: skip
        self.post(
            "billing/usage_limits", meter=meter, limit="1000", period="billing",
            customer=customer,
        )  # fmt: skip
        for level in ("400", "750"):
            self.post(
                "billing/usage_limits", meter=meter, limit=level, period="billing",
                kind="warning", customer=customer, set_by="customer",
            )  # fmt: skip
        self.post("invoiceitems", customer=customer, amount=4200, currency="eur")
        invoice = self.post(
            "invoices", customer=customer, pending_invoice_items_behavior="include"
        )["id"]
        self.post(f"invoices/{invoice}/finalize")
        self.post(
            "billing/meter_events", event_name=name,
            **{"payload[stripe_customer_id]": customer, "payload[value]": used},
        )  # fmt: skip
        made = self.post(
            "billing_portal/sessions", customer=customer, return_url="https://app.example.com"
        )
        return str(made["url"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("portal")
    logo = folder / "logo.svg"
    logo.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="36">'
        '<rect width="120" height="36" rx="6" fill="#7a1f5c"/></svg>'
    )
    brand = {
        "TRIPMETER_BRAND_NAME": "Acme Cloud",
        "TRIPMETER_BRAND_COLOR": "#7a1f5c",
        "TRIPMETER_BRAND_LOGO": str(logo),
    }
    with running_server(folder, environment=brand) as server:
        yield Shop(server)


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, shop: Shop) -> Iterator[Open]:
    """Opens pages in contexts of their own, and has them be at peace."""
    contexts: list[BrowserContext] = []
    watched: list[Watch] = []

    def make(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-US", **options})
        contexts.append(context)
        page = context.new_page()
        watched.append(Watch(page, shop.server.url))
        page.goto(url)
        return page

    yield make
    for context in contexts:
        context.close()
    found = [problem for watch in watched for problem in watch.problems]
    assert not found, "\n".join(["the page was not at peace:", *found])


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


WIDE: Final = {"width": 1100, "height": 900}
NARROW: Final = {"width": 360, "height": 740}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
@pytest.mark.parametrize("used", ["620.5", "1000"])
def test_axe_is_content(
    open_page: Open, shop: Shop, scheme: str, size: dict[str, int], locale: str, used: str
) -> None:
    page = open_page(shop.furnish(used), color_scheme=scheme, viewport=size, locale=locale)
    accessible(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"], "it is wider than the window"
    name = f"{used}-{locale}-{scheme}-{size['width']}"
    picture(page, name)


def test_a_limit_is_set_without_scripts_and_by_keyboard(open_page: Open, shop: Shop) -> None:
    url = shop.furnish("620.5")
    page = open_page(url, java_script_enabled=False)
    field = page.get_by_label("Your own limit")
    field.focus()
    page.keyboard.type("1,200")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("1,000 at most")
    page.get_by_label("Your own limit").fill("600")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("stopped at once")
    page.get_by_label("Stop usage at once").check()
    page.get_by_role("button", name="Save limit").click()
    expect(page.get_by_role("status")).to_contain_text("usage is stopped now")
    page.get_by_role("button", name="Remove limit").click()
    expect(page.get_by_role("status")).to_contain_text("removed")
    expect(page.locator(".stopped")).to_have_count(0)
    page.get_by_label("Warn me at").fill("900")
    page.get_by_role("button", name="Add warning").click()
    page.get_by_role("button", name="Remove the warning at 900").click()
    expect(page.get_by_role("status")).to_contain_text("removed")


def test_pages_that_say_no(open_page: Open, shop: Shop) -> None:
    url = shop.furnish("620.5")
    page = open_page(re.sub(r"/p/.*", "/p/expired.token", url), locale="de-DE")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dieser Link ist abgelaufen")
    accessible(page)
    picture(page, "expired")


def test_what_was_wrong_and_what_is_asked_can_be_read_by_all(open_page: Open, shop: Shop) -> None:
    url = shop.furnish("620.5")
    for value, name in (("many", "wrong"), ("600", "asked")):
        for scheme in ("light", "dark"):
            page = open_page(url, color_scheme=scheme)
            page.get_by_label("Your own limit").fill(value)
            page.get_by_role("button", name="Save limit").click()
            page.get_by_role("alert").wait_for()
            accessible(page)
            picture(page, f"{name}-{scheme}")
