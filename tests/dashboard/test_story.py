"""What people do on the pages, and what the pages do about it."""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from dashboard.conftest import Open, Stage
from dashboard.looks import picture, settle
from support.browser import accessible

pytestmark = pytest.mark.xdist_group("dashboard")


def test_an_alert_made_here_fires_before_ones_eyes(open_page: Open, stage: Stage) -> None:
    """Drawn in the browser, crossed by the official SDK, seen without a reload."""
    stage.client.v1.customers.create({"name": "Jenny Rosen", "email": "jenny@example.com"})
    (jenny,) = stage.client.v1.customers.list({"email": "jenny@example.com"}).data
    page = open_page("/alerts/new")
    page.get_by_label("Title").fill("A hundred requests")
    page.get_by_label("Meter").select_option(label="API requests")
    page.get_by_label("Fires at").fill("100")
    expect(page.locator(".caught")).to_contain_text("would have crossed it")
    settle(page)
    accessible(page)
    picture(page, "new-alert-drawn")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="A hundred requests")).to_be_visible()
    expect(page.get_by_text("It has not fired yet.")).to_be_visible()
    page.evaluate("window.isTheSame = true")

    for value in ("60", "39.5", "0.5"):
        payload = {"stripe_customer_id": jenny.id, "value": value}
        stage.client.v1.billing.meter_events.create({"event_name": "requests", "payload": payload})

    expect(page.locator(".firings li")).to_contain_text("Jenny Rosen reached 100")
    assert page.evaluate("window.isTheSame") is True, "it was loaded anew"
    picture(page, "alert-fired")
    page.locator(".firings").get_by_text("Event and its deliveries").click()
    expect(page.get_by_role("heading", name="billing.alert.triggered")).to_be_visible()
    expect(page.locator(".attempts").get_by_text("Delivered")).to_be_visible()


def test_money_is_watched_in_its_currency(open_page: Open, stage: Stage) -> None:
    page = open_page("/alerts/new")
    page.get_by_text("Spend", exact=True).click()
    page.get_by_label("Title").fill("Acme's budget")
    page.get_by_label("Fires at").fill("1.234")
    page.get_by_label("Only for customer").fill("cus_acme")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("This is no amount of the currency.")).to_be_visible()
    page.get_by_label("Fires at").fill("75.50")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Acme's budget")).to_be_visible()
    expect(page.locator("main")).to_contain_text("$75.50")
    expect(page.locator(".explanation")).to_be_visible()
    accessible(page)
    picture(page, "alert-on-spend")


def test_a_refusal_is_shown_at_its_field(open_page: Open) -> None:
    page = open_page("/alerts/new")
    page.get_by_label("Title").fill("Too low")
    page.get_by_label("Fires at").fill("0")
    page.get_by_role("button", name="Create").click()
    field = page.get_by_label("Fires at")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(page.locator(".field.refused .refusal")).to_be_visible()
    accessible(page)
    picture(page, "refused-field")


def test_what_was_shown_too_early_is_taken_back(open_page: Open, stage: Stage) -> None:
    page = open_page(f"/alerts/{stage.shown.alerts['Fair use']}")
    status = page.locator(".page-title .badge")
    expect(status).to_have_text("Active")
    page.route("**/deactivate", _refuse_late)
    page.get_by_role("button", name="Deactivate").click()
    expect(status).to_have_text("Inactive")
    expect(page.locator(".toast")).to_contain_text("Not today. (req_refused)")
    expect(status).to_have_text("Active")


def _refuse_late(route: Route) -> None:
    body = {"error": {"type": "invalid_request_error", "message": "Not today."}}
    headers = {"Content-Type": "application/json", "Request-Id": "req_refused"}
    # Playwright answers while the page waits, so that what is expected is seen first.
    route.request.frame.wait_for_timeout(300)
    route.fulfill(status=400, headers=headers, body=json.dumps(body))


def test_an_alert_is_put_to_rest_and_archived(open_page: Open, stage: Stage) -> None:
    alert = stage.client.v1.billing.alerts.create(
        {
            "title": "Short-lived",
            "alert_type": "usage_threshold",
            "usage_threshold": {
                "gte": 10**9,
                "meter": stage.shown.meters["tokens"],
                "recurrence": "one_time",
            },
        }
    )
    page = open_page(f"/alerts/{alert.id}")
    status = page.locator(".page-title .badge")
    page.get_by_role("button", name="Deactivate").click()
    expect(status).to_have_text("Inactive")
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(status).to_have_text("Active")
    page.get_by_role("button", name="Archive").click()
    accessible(page)
    with page.expect_response("**/archive"):  # the page says so before it is
        page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(status).to_have_text("Archived")
    assert stage.client.v1.billing.alerts.retrieve(alert.id).status == "archived"


def test_thresholds_are_edited_in_the_currency(open_page: Open, stage: Stage) -> None:
    page = open_page(f"/subscriptions/{stage.shown.subscription}")
    page.get_by_role("button", name="Edit thresholds").click()
    amount = page.get_by_label("Invoice at an amount of USD")
    expect(amount).to_have_value("50")
    amount.fill("1.234")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is no amount of the currency.")).to_be_visible()
    accessible(page)
    amount.fill("80.50")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".amount-way")).to_contain_text("$80.50")
    changed = stage.client.v1.subscriptions.retrieve(stage.shown.subscription)
    assert changed.billing_thresholds is not None
    assert changed.billing_thresholds.amount_gte == 8050


def test_a_key_is_shown_once_works_and_is_revoked(open_page: Open, stage: Stage) -> None:
    page = open_page("/settings/keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("from the page")
    page.get_by_role("button", name="Create").click()
    secret = page.locator(".secret code").inner_text()
    assert secret.startswith("sk_test_")
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_text(secret)).to_have_count(0)
    with stage.server.client() as http:
        bearer = {"Authorization": f"Bearer {secret}"}
        assert http.get("/v1/account", headers=bearer).status_code == 200
        row = page.get_by_role("row", name=re.compile("from the page"))
        row.get_by_role("button", name="Revoke").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(row.get_by_text("Revoked")).to_be_visible()
        assert http.get("/v1/account", headers=bearer).status_code == 401


def test_a_viewer_sees_and_changes_nothing(open_page: Open, stage: Stage) -> None:
    admin = open_page("/settings/members")
    admin.get_by_role("button", name="Invite").click()
    admin.get_by_label("E-mail").fill("grace@example.com")
    admin.get_by_role("dialog").get_by_role("button", name="Invite").click()
    link = admin.locator(".secret code").inner_text()

    guest = open_page(None, guest=True)
    guest.goto(link)
    accessible(guest)
    guest.get_by_label("Name").fill("Grace Hopper")
    guest.get_by_label("Password").fill("a ship in port is safe")
    guest.get_by_role("button", name="Go on").click()
    expect(guest.get_by_role("heading", name="Overview")).to_be_visible()
    guest.goto(stage.address(f"/alerts/{stage.shown.alerts['Fair use']}"))
    expect(guest.get_by_role("heading", name="Fair use")).to_be_visible()
    expect(guest.locator(".member-role")).to_have_text("Viewer")
    expect(guest.get_by_role("button", name="Deactivate")).to_have_count(0)


def test_a_delivery_is_sent_again(open_page: Open, stage: Stage) -> None:
    page = open_page(f"/webhooks/{stage.shown.endpoint}")
    first = page.locator(".attempts > li").first
    first.locator("summary").click()
    expect(first.get_by_role("heading", name="Request")).to_be_visible()
    accessible(page)
    picture(page, "webhook-attempt")
    first.get_by_role("button", name="Send again").click()
    expect(page.locator(".toast")).to_contain_text("It is on its way again.")
    expect(page.get_by_text("sent again by hand").first).to_be_visible()


def test_a_secret_is_rotated(open_page: Open, stage: Stage) -> None:
    page = open_page(f"/webhooks/{stage.shown.endpoint}")
    page.get_by_role("button", name="Rotate the secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(page.locator(".secret code")).to_have_text(re.compile("^whsec_"))


def test_long_lists_go_page_by_page(open_page: Open) -> None:
    page = open_page("/events")
    rows = page.locator("tr.leads")
    expect(rows).to_have_count(25)
    newest = rows.first.locator("a").get_attribute("href")
    page.get_by_role("button", name="Next").click()
    expect(rows.first.locator(f"a[href='{newest}']")).to_have_count(0)
    page.get_by_role("button", name="Back").click()
    expect(rows.first.locator(f"a[href='{newest}']")).to_have_count(1)


def test_a_lost_connection_is_shown_and_mended(open_page: Open, stage: Stage) -> None:
    page = open_page("/")
    expect(page.locator(".pulse.live")).to_be_visible()
    stage.server.stop()
    expect(page.locator(".connection")).to_contain_text("The connection is lost.")
    accessible(page)
    picture(page, "connection-lost")
    stage.server.start()
    expect(page.locator(".connection")).to_have_count(0, timeout=20_000)
    expect(page.locator(".pulse.live")).to_be_visible()


def test_the_first_paint_comes_within_a_second(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_role("heading", name="Overview").wait_for()
    assert _first_paint_ms(page) < 1000


def _first_paint_ms(page: Page) -> float:
    entry = "performance.getEntriesByName('first-contentful-paint')[0]"
    page.wait_for_function(entry)
    painted: float = page.evaluate(f"{entry}.startTime")
    return painted
