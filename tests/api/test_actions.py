"""What follows an alert: mail by a real SMTP server, messages to real HTTP receivers, changes."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.acting import BASE, Acting, open_acting
from support.clock import DAY_MS, HOUR_MS, MINUTE_MS
from tripmeter.model.access import Access, Resource
from tripmeter.pipeline.audit import audit
from tripmeter.pipeline.jobs import QueryJob

MAIL = {"type": "email", "to": ["customer"]}


@pytest.fixture
async def acting(tmp_path: Path) -> AsyncIterator[Acting]:
    """An engine with receivers."""
    async with open_acting(tmp_path) as opened:
        yield opened


# --- mail --------------------------------------------------------------------------------------


async def test_a_customer_is_mailed_once_in_text_and_html(acting: Acting) -> None:
    alert = await acting.alert(100, MAIL)
    await acting.use(60)
    await acting.use(60)
    await acting.use(60)
    (run,) = await acting.over(alert)
    (mail,) = await acting.mails(1)
    assert (run["status"], run["attempt_count"], run["last_error"]) == ("succeeded", 1, None)
    assert [one["status"] for one in run["recipients"]] == ["accepted"]
    assert mail.to == ["jenny@example.com"]
    assert mail.message["From"] == "Example <billing@example.com>"
    assert mail.message["Subject"] == "[Test] Free tier: you have used 120"
    for part in (mail.text, mail.html):
        assert "Your usage of API calls has come to 120" in part
        assert "Example &amp; Co" in part or "Example & Co" in part
    assert "prefers-color-scheme: dark" in mail.html
    assert 'class="button"' not in mail.html  # that is for the team


async def test_the_customer_reads_german_and_the_team_english(acting: Acting) -> None:
    await acting.post(f"customers/{acting.customer}", preferred_locales=["de-AT", "en"])
    alert = await acting.alert(1000, {"type": "email", "to": ["customer", "team@example.com"]})
    await acting.use(1234)
    await acting.over(alert)
    mails = {mail.to[0]: mail for mail in await acting.mails(2)}
    german, english = mails["jenny@example.com"], mails["team@example.com"]
    assert german.message["Subject"] == "[Test] Free tier: Sie haben 1.234 verbraucht"
    assert '<html lang="de"' in german.html
    assert english.message["Subject"] == "[Test] Jenny Rosen has used 1,234: Free tier"
    assert await acting.page() in english.html
    assert "Last 7 days: 1,234" in english.text
    assert english.message["List-Unsubscribe"] is None


async def test_one_click_ends_the_mails_and_looking_does_not(acting: Acting) -> None:
    alert = await acting.alert(1, MAIL)
    await acting.use(1)
    (mail,) = await acting.mails(1)
    link = mail.message["List-Unsubscribe"].strip("<>")
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in mail.text
    path = link.removeprefix(BASE)
    page = await acting.door.get(path, headers={"Accept-Language": "de"})
    assert page.status_code == 200
    assert "Soll jenny@example.com keine E-Mails" in page.text
    assert "script" not in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]

    await again(acting, alert, 2)
    await acting.mails(2)
    clicked = await acting.door.post(path, data={"List-Unsubscribe": "One-Click"})
    assert clicked.status_code == 200
    runs = await again(acting, alert, 3)
    assert (runs[2]["status"], runs[2]["recipients"][0]["status"]) == ("failed", "unsubscribed")
    assert len(acting.postbox.mails) == 2

    await acting.door.post(path, data={"wish": "stay"})
    await again(acting, alert, 4)
    await acting.mails(3)


async def again(acting: Acting, alert: Any, number: int) -> list[Any]:
    """Let an alert fire once more; its runs, once they are over."""
    await acting.post(f"billing/alerts/{alert['id']}/activate")
    await acting.use(1)
    runs = await acting.over(alert)
    assert len(runs) == number
    return runs


@pytest.mark.parametrize("change", ["cut", "flipped", "long", "garbage", "nul"])
async def test_a_link_that_is_tampered_with_does_nothing(acting: Acting, change: str) -> None:
    alert = await acting.alert(1, MAIL)
    await acting.use(1)
    (mail,) = await acting.mails(1)
    token = mail.message["List-Unsubscribe"].strip("<>").removeprefix(f"{BASE}/m/")
    wrong = {
        "cut": token[:-3],
        "flipped": ("B" if token[0] != "B" else "C") + token[1:],
        "long": token + "A" * 2_000,
        "garbage": "%E2%98%83.%00",
        "nul": "%00",
    }[change]
    for method in ("GET", "POST"):
        answer = await acting.door.ask(method, f"/m/{wrong}")
        assert answer.status_code == 404
        assert "This link does not work" in answer.text
    assert len(await again(acting, alert, 2)) == 2
    await acting.mails(2)


async def test_addressees_are_refused_each_by_itself(acting: Acting) -> None:
    acting.postbox.answers["gone@example.com"] = "550 5.1.1 no such user"
    alert = await acting.alert(1, {"type": "email", "to": ["gone@example.com", "team@example.com"]})
    await acting.use(1)
    (run,) = await acting.over(alert)
    assert run["status"] == "failed"
    assert run["attempt_count"] == 1
    states = {one["address"]: one["status"] for one in run["recipients"]}
    assert states == {"gone@example.com": "rejected", "team@example.com": "accepted"}
    assert "no such user" in run["last_error"]
    assert [mail.to for mail in await acting.mails(1)] == [["team@example.com"]]

    acting.postbox.answers.clear()
    await acting.post(f"billing/action_runs/{run['id']}/resend")
    (run,) = await acting.over(alert)
    assert run["status"] == "succeeded"
    assert [mail.to for mail in await acting.mails(2)][1] == ["gone@example.com"]


async def test_what_is_postponed_is_tried_again_and_nobody_gets_it_twice(acting: Acting) -> None:
    acting.postbox.answers["busy@example.com"] = "451 4.7.1 greylisted"
    alert = await acting.alert(1, {"type": "email", "to": ["busy@example.com", "team@example.com"]})
    await acting.use(1)
    (run,) = await acting.attempted(alert)
    assert run["status"] == "pending"
    assert "greylisted" in run["last_error"]
    acting.postbox.answers.clear()
    acting.advance(10_000)
    (run,) = await acting.over(alert)
    assert [one["outcome"] for one in run["attempts"]] == ["failed", "succeeded"]
    assert [mail.to[0] for mail in acting.postbox.mails] == ["team@example.com", "busy@example.com"]


async def test_a_mail_that_is_refused_as_a_whole_fails_at_once(acting: Acting) -> None:
    acting.postbox.at_data = "554 5.7.1 looks like spam"
    alert = await acting.alert(1, MAIL)
    await acting.use(1)
    (run,) = await acting.over(alert)
    assert (run["status"], run["attempts"][0]["status"]) == ("failed", 554)


async def test_without_a_server_mails_are_retried_for_three_days(tmp_path: Path) -> None:
    async with open_acting(tmp_path, smtp_url="smtp://127.0.0.1:9") as acting:
        alert = await acting.alert(1, MAIL)
        await acting.use(1)
        (run,) = await acting.attempted(alert)
        assert run["status"] == "pending"
        assert "could not be talked to" in run["last_error"]
        for number in range(2, 5):
            acting.advance(DAY_MS)
            (run,) = await acting.attempted(alert, number)
        assert run["status"] == "failed"
        assert run["recipients"][0]["status"] == "rejected"


async def test_without_smtp_mails_are_files(tmp_path: Path) -> None:
    async with open_acting(tmp_path, smtp_url=None) as acting:
        alert = await acting.alert(1, MAIL)
        await acting.use(1)
        (run,) = await acting.over(alert)
        assert run["status"] == "succeeded"
        (path,) = (tmp_path / "mail").glob("*.eml")
        assert b"To: jenny@example.com" in path.read_bytes()


async def test_a_customer_without_an_address_is_no_secret(acting: Acting) -> None:
    await acting.post(f"customers/{acting.customer}", email="")
    alert = await acting.alert(1, MAIL)
    await acting.use(1)
    (run,) = await acting.over(alert)
    assert (run["status"], run["attempt_count"]) == ("failed", 1)
    assert "no e-mail address" in run["last_error"]
    await acting.post(f"customers/{acting.customer}", email="new@example.com")
    await acting.post(f"billing/action_runs/{run['id']}/resend")
    assert [mail.to for mail in await acting.mails(1)] == [["new@example.com"]]


async def test_what_a_customer_is_called_changes_no_header_and_no_markup(acting: Acting) -> None:
    name = "Eve\r\nBcc: victim@example.com <script>alert(1)</script>"
    await acting.post(f"customers/{acting.customer}", name=name)
    alert = await acting.alert(1, {"type": "email", "to": ["team@example.com"]})
    await acting.use(1)
    await acting.over(alert)
    (mail,) = await acting.mails(1)
    assert mail.message["Bcc"] is None
    assert mail.to == ["team@example.com"]
    assert "<script>" not in mail.html


# --- chat and webhooks -------------------------------------------------------------------------


async def test_each_service_is_told_in_its_own_words(acting: Acting) -> None:
    kinds = ("slack", "teams", "discord", "webhook")
    targets = {kind: await acting.target(kind, f"/{kind}") for kind in kinds}
    alert = await acting.alert(
        100, *({"type": kind, "target": target} for kind, target in targets.items())
    )
    await acting.use(100)
    assert {one["status"] for one in await acting.over(alert)} == {"succeeded"}
    said = {kind: (await acting.posted(f"/{kind}"))[0] for kind in kinds}
    assert said["slack"].json["text"] == "Jenny Rosen has used 100"
    card = said["teams"].json["attachments"][0]["content"]
    assert card["body"][0]["text"] == "Jenny Rosen has used 100"
    assert card["actions"][0]["url"] == await acting.page()
    assert said["discord"].json["allowed_mentions"] == {"parse": []}
    assert said["discord"].json["content"].startswith("**Jenny Rosen has used 100**")
    (fact,) = said["webhook"].json["data"]
    assert (fact["customer"], fact["value"], fact["alert"]) == (acting.customer, "100", alert["id"])


async def test_webhooks_are_signed(acting: Acting) -> None:
    made = await acting.post(
        "billing/alert_targets", kind="webhook", name="ours", url=acting.hooks.url + "/hook"
    )
    alert = await acting.alert(1, {"type": "webhook", "target": made["id"]})
    await acting.use(1)
    await acting.over(alert)
    (posted,) = await acting.posted("/hook")
    t, _, v1 = posted.headers["Stripe-Signature"].partition(",")
    signed = t.removeprefix("t=").encode() + b"." + posted.body
    assert v1 == f"v1={hmac.new(made['secret'].encode(), signed, hashlib.sha256).hexdigest()}"
    assert "secret" not in await acting.get(f"billing/alert_targets/{made['id']}")


async def test_what_hangs_keeps_nothing_else_waiting(acting: Acting) -> None:
    acting.hooks.hanging.add("/dead")
    dead, alive = await acting.target("slack", "/dead"), await acting.target("slack", "/alive")
    alert = await acting.alert(
        1, {"type": "slack", "target": dead}, {"type": "slack", "target": alive}, MAIL
    )
    others = [
        (await acting.post("customers", email=f"c{number}@example.com"))["id"]
        for number in range(10)
    ]
    for other in others:
        await acting.use(1, other)
    await acting.mails(10)
    await acting.posted("/alive", 10)
    await acting.until(
        alert, lambda runs: sum(one["status"] == "pending" for one in runs) == 10, limit=100
    )
    acting.hooks.released.set()


async def test_failures_are_retried_recorded_and_resent(acting: Acting) -> None:
    acting.hooks.statuses["/slack"] = [500, 429]
    alert = await acting.alert(
        1, {"type": "slack", "target": await acting.target("slack", "/slack")}
    )
    await acting.use(1)
    for number in (1, 2):
        (run,) = await acting.attempted(alert, number)
        assert run["status"] == "pending"
        acting.advance(MINUTE_MS)
    (run,) = await acting.over(alert)
    assert [one["status"] for one in run["attempts"]] == [500, 429, 200]
    assert [one["number"] for one in run["attempts"]] == [1, 2, 3]

    await acting.post(f"billing/action_runs/{run['id']}/resend")
    (run,) = await acting.attempted(alert, 4)
    assert run["status"] == "succeeded"
    assert len(await acting.posted("/slack", 4)) == 4
    listed = await acting.get("billing/action_runs", status="succeeded", customer=acting.customer)
    assert [one["id"] for one in listed["data"]] == [run["id"]]
    assert await acting.get(f"billing/action_runs/{run['id']}") == run


async def test_a_clock_that_was_set_back_delays_nothing(acting: Acting) -> None:
    acting.hooks.statuses["/slack"] = [500]
    slack = await acting.target("slack", "/slack")
    gathered = await acting.target("slack", "/gathered", digest="hourly")
    alert = await acting.alert(
        1, {"type": "slack", "target": slack}, {"type": "slack", "target": gathered}
    )
    await acting.use(1)
    await acting.until(alert, lambda runs: runs[0]["attempt_count"] == 1)
    acting.advance(-DAY_MS)
    now_s = acting.door.clock.now_ms() // 1000
    await acting.until(alert, lambda runs: all(one["next_attempt"] <= now_s + 3600 for one in runs))
    acting.advance(HOUR_MS)
    runs = await acting.over(alert)
    assert {one["status"] for one in runs} == {"succeeded"}


async def test_a_deleted_target_fails_what_waits_for_it(acting: Acting) -> None:
    acting.hooks.statuses["/x"] = [500]
    target = await acting.target("discord", "/x")
    alert = await acting.alert(1, {"type": "discord", "target": target})
    await acting.use(1)
    await acting.attempted(alert)
    status, gone = await acting.ask("DELETE", f"billing/alert_targets/{target}")
    assert (status, gone["deleted"]) == (200, True)
    acting.advance(MINUTE_MS)
    (run,) = await acting.over(alert)
    assert (run["status"], run["last_error"]) == (
        "failed",
        "The target of the message was deleted.",
    )
    assert (await acting.get("billing/alert_targets"))["data"] == []


async def test_the_address_of_a_target_is_shown_redacted(acting: Acting) -> None:
    url = "https://hooks.slack.com/services/T000/B000/secretsecretABCD"
    made = await acting.post("billing/alert_targets", kind="slack", name="sales", url=url)
    assert made["url"] == "https://hooks.slack.com/…ABCD"


# --- quiet hours and digests -------------------------------------------------------------------


async def test_quiet_hours_hold_messages_back(acting: Acting) -> None:
    quiet = {"start": "10:00", "end": "12:30", "time_zone": "UTC"}  # it is 10:20
    target = await acting.target("slack", "/quiet", quiet_hours=quiet)
    alert = await acting.alert(1, {"type": "slack", "target": target})
    await acting.use(1)
    (run,) = await acting.runs(alert)
    assert run["status"] == "pending"
    assert run["next_attempt"] % 86_400 == 45_000  # half past twelve
    acting.advance(2 * HOUR_MS)
    assert acting.hooks.of("/quiet") == []
    acting.advance(10 * MINUTE_MS)
    await acting.over(alert)
    assert len(acting.hooks.of("/quiet")) == 1


async def test_a_digest_gathers_an_hour_into_one_message(acting: Acting) -> None:
    slack = await acting.target("slack", "/digest", digest="hourly")
    mail = await acting.target("email", addresses=["a@example.com"], digest="hourly")
    alert = await acting.alert(
        1, {"type": "slack", "target": slack}, {"type": "email", "target": mail}
    )
    for number in range(3):
        other = await acting.post("customers", name=f"Customer {number}")
        await acting.use(1, other["id"])
    assert len(await acting.runs(alert)) == 6
    acting.advance(HOUR_MS)
    runs = await acting.over(alert)
    assert {one["status"] for one in runs} == {"succeeded"}
    (posted,) = acting.hooks.of("/digest")
    assert posted.json["text"] == "3 alerts since the last message"
    (digest,) = await acting.mails(1)
    assert digest.message["Subject"] == "[Test] 3 alerts"
    assert all(f"Customer {number} has used 1: Free tier" in digest.text for number in range(3))


# --- changes -----------------------------------------------------------------------------------


async def test_a_top_up_is_granted_with_the_firing_and_up_to_its_cap(acting: Acting) -> None:
    top_up = {"type": "top_up", "amount": 500, "currency": "usd", "monthly_cap": 1000}
    alert = await acting.alert(1, top_up)
    await acting.use(1)
    (run,) = await acting.runs(alert)
    assert run["status"] == "succeeded"
    grant = await acting.get(f"billing/credit_grants/{run['result']}")
    assert grant["amount"]["monetary"] == {"currency": "usd", "value": 500}
    await again(acting, alert, 2)
    runs = await again(acting, alert, 3)
    assert [one["status"] for one in runs] == ["succeeded", "succeeded", "failed"]
    assert "more than the cap of 10.00 USD" in runs[2]["last_error"]
    error = await acting.refused(f"billing/action_runs/{run['id']}/resend")
    assert "done once" in error["message"]
    acting.advance(31 * DAY_MS)
    runs = await again(acting, alert, 4)
    assert runs[3]["status"] == "succeeded"
    grants = await acting.get("billing/credit_grants", customer=acting.customer)
    assert len(grants["data"]) == 3


async def test_a_change_that_is_refused_leaves_the_firing_and_nothing_else(acting: Acting) -> None:
    await acting.post("invoiceitems", customer=acting.customer, amount=5, currency="eur")
    top_up = {"type": "top_up", "amount": 500, "currency": "usd"}
    alert = await acting.alert(1, top_up, MAIL)
    await acting.use(1)
    runs = await acting.over(alert)
    assert [one["status"] for one in runs] == ["failed", "succeeded"]
    assert "billed in eur" in runs[0]["last_error"]
    told = await acting.get(f"billing/alerts/{alert['id']}/notifications")
    assert len(told["data"]) == 1
    assert (await acting.get("billing/credit_grants"))["data"] == []


async def test_access_is_revoked_in_the_commit_that_crosses_and_restored(acting: Acting) -> None:
    asked = f"customers/{acting.customer}/access"
    alert = await acting.alert(1, {"type": "revoke_access"})
    assert (await acting.get(asked, meter=acting.meter))["allowed"]
    await acting.use(1)
    now = await acting.get(asked, meter=acting.meter)
    assert (now["allowed"], now["reason"]) == (False, "revoked")
    assert now["note"].startswith(f"alert {alert['id']} triggered")
    other = await acting.alert(2, {"type": "restore_access"})
    await acting.use(2)
    assert (await acting.get(asked, meter=acting.meter))["allowed"]
    for one in (alert, other):
        assert [run["status"] for run in await acting.runs(one)] == ["succeeded"]
    events = (await acting.get("events"))["data"]
    told = [one["type"] for one in reversed(events) if "billing.a" in one["type"]]
    fired = "billing.alert.triggered"
    assert told == [fired, "billing.access.revoked", fired, "billing.access.restored"]


async def test_what_a_reservation_commits_is_followed_in_its_transaction(acting: Acting) -> None:
    await acting.post("billing/usage_limits", meter=acting.meter, limit="100")
    alert = await acting.alert(40, {"type": "revoke_access"}, MAIL)
    room = await acting.post(
        f"customers/{acting.customer}/access/reserve", meter=acting.meter, quantity="50"
    )
    done = await acting.post(f"access/reservations/{room['id']}/commit", quantity="40")
    assert done["status"] == "committed"
    now = await acting.get(f"customers/{acting.customer}/access", meter=acting.meter)
    assert (now["allowed"], now["reason"], now["used"]) == (False, "revoked", "40")
    revoked, mailed = await acting.over(alert)
    assert (revoked["status"], mailed["status"]) == ("succeeded", "succeeded")
    await acting.mails(1)
    again = await acting.post(f"access/reservations/{room['id']}/commit", quantity="40")
    assert again["status"] == "committed"
    assert len(await acting.runs(alert)) == 2


async def subscribed(acting: Acting) -> str:
    """The customer pays a cent a call."""
    price = await acting.post(
        "prices", currency="usd", unit_amount=1, product_data={"name": "Calls"},
        recurring={"interval": "month", "usage_type": "metered", "meter": acting.meter},
    )  # fmt: skip
    made = await acting.post(
        "subscriptions", customer=acting.customer, items=[{"price": price["id"]}]
    )
    return str(made["id"])


async def test_an_invoice_is_issued_on_the_spot(acting: Acting) -> None:
    subscription = await subscribed(acting)
    alert = await acting.alert(700, {"type": "issue_invoice"})
    await acting.use(750)
    (run,) = await acting.runs(alert)
    assert (run["status"], run["last_error"]) == ("succeeded", None)
    invoice = await acting.get(f"invoices/{run['result']}")
    assert (invoice["total"], invoice["status"]) == (750, "paid")
    assert invoice["billing_reason"] == "subscription_threshold"
    await acting.use(50)
    assert len(await acting.runs(alert)) == 1
    listed = await acting.get("invoices", subscription=subscription)
    reasons = {one["id"]: (one["billing_reason"], one["total"]) for one in listed["data"]}
    assert reasons.pop(run["result"]) == ("subscription_threshold", 750)
    assert list(reasons.values()) == [("subscription_create", 0)]


async def test_nothing_to_bill_is_said(acting: Acting) -> None:
    alert = await acting.alert(1, {"type": "issue_invoice"})
    await acting.use(1)
    (run,) = await acting.runs(alert)
    assert (run["status"], run["last_error"]) == (
        "failed", "There is no usage that was not billed yet.",
    )  # fmt: skip


async def test_alerts_on_spend_act_too_and_say_when_they_recover(acting: Acting) -> None:
    await subscribed(acting)
    line = {"type": "amount", "amount": {"currency": "usd", "value": 1000}}
    alert = await acting.post(
        "billing/alerts", title="Spend", alert_type="spend_threshold",
        spend_threshold={"aggregation_period": "billing", "gte": line},
        actions=[MAIL, {"type": "restore_access", "on": "recovered"}],
    )  # fmt: skip
    await acting.use(1234)
    await acting.over(alert)
    (mail,) = await acting.mails(1)
    assert mail.message["Subject"] == "[Test] Spend: your spend is $12.34"
    assert "Period" in mail.text


# --- alerts ------------------------------------------------------------------------------------


async def test_actions_are_shown_and_changed_and_nothing_else_is(acting: Acting) -> None:
    plain = await acting.alert(5)
    assert "actions" not in plain
    alert = await acting.alert(5, MAIL)
    assert alert["actions"] == [{"type": "email", "on": "triggered", "to": ["customer"]}]
    error = await acting.refused(f"billing/alerts/{alert['id']}", title="Another")
    assert error["code"] == "parameter_unknown"
    path = f"billing/alerts/{alert['id']}"
    changed = await acting.post(path, actions=[{"type": "revoke_access"}])
    assert [one["type"] for one in changed["actions"]] == ["revoke_access"]
    await acting.use(5)
    assert [one["type"] for one in await acting.runs(alert)] == ["revoke_access"]
    assert "actions" not in await acting.post(path, actions="")


BAD_ACTIONS: list[tuple[dict[str, Any], str]] = [
    ({"type": "fax"}, "actions[0][type]"),
    ({"type": "email"}, "actions[0][to]"),
    ({"type": "email", "to": ["nobody"]}, "actions[0][to][0]"),
    ({"type": "email", "to": ["a@b\nBcc: c@d"]}, "actions[0][to][0]"),
    ({"type": "email", "to": ["customer"], "template": "mailtpl_x"}, "actions[0][template]"),
    ({"type": "email", "to": ["customer"], "language": "fr"}, "actions[0][language]"),
    ({"type": "slack"}, "actions[0][target]"),
    ({"type": "slack", "target": "altgt_x"}, "actions[0][target]"),
    ({"type": "slack", "to": ["customer"]}, "actions[0][to]"),
    ({"type": "top_up", "amount": 5}, "actions[0][currency]"),
    ({"type": "top_up", "amount": 0, "currency": "usd"}, "actions[0][amount]"),
    ({"type": "top_up", "amount": 5, "currency": "xxx"}, "actions[0][currency]"),
    ({"type": "top_up", "amount": 5, "currency": "usd", "monthly_cap": 4},
     "actions[0][monthly_cap]"),
    ({"type": "revoke_access", "meter": "mtr_x"}, "actions[0][meter]"),
    ({"type": "issue_invoice", "amount": 5}, "actions[0][amount]"),
    ({"type": "restore_access", "on": "recovered"}, "actions[0][on]"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "param"), BAD_ACTIONS)
async def test_an_action_that_makes_no_sense_is_refused(
    acting: Acting, action: dict[str, Any], param: str
) -> None:
    error = await acting.refused("billing/alerts", **acting.wanted(1, action))
    assert error["param"] == param
    assert (await acting.get("billing/alerts"))["data"] == []


async def test_a_target_of_another_kind_is_refused(acting: Acting) -> None:
    target = await acting.target("teams", "/x")
    wanted = acting.wanted(1, {"type": "slack", "target": target})
    assert (await acting.refused("billing/alerts", **wanted))["param"] == "actions[0][target]"


BAD_TARGETS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "slack", "url": "http://127.0.0.1/x"}, "url"),
    ({"kind": "webhook", "url": "https://169.254.169.254/x"}, "url"),
    ({"kind": "webhook", "url": "https://[::1]/x"}, "url"),
    ({"kind": "discord", "url": "ftp://example.com"}, "url"),
    ({"kind": "slack"}, "url"),
    ({"kind": "apprise", "url": "json://10.0.0.1/"}, "url"),
    ({"kind": "email"}, "addresses"),
    ({"kind": "email", "addresses": ["x"]}, "addresses[0]"),
    ({"kind": "email", "addresses": ["a@b.c"], "url": "https://example.com"}, "url"),
    ({"kind": "slack", "url": "https://example.com", "addresses": ["a@b.c"]}, "addresses"),
    ({"kind": "slack", "url": "https://example.com", "digest": "daily"}, "digest"),
    ({"kind": "slack", "url": "https://example.com",
      "quiet_hours": {"start": "22:00", "end": "7", "time_zone": "UTC"}}, "quiet_hours[end]"),
    ({"kind": "slack", "url": "https://example.com",
      "quiet_hours": {"start": "22:00", "end": "22:00", "time_zone": "UTC"}}, "quiet_hours[end]"),
    ({"kind": "slack", "url": "https://example.com",
      "quiet_hours": {"start": "22:00", "end": "07:00", "time_zone": "../etc"}},
     "quiet_hours[time_zone]"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "param"), BAD_TARGETS)
async def test_a_target_that_makes_no_sense_or_is_private_is_refused(
    tmp_path: Path, target: dict[str, Any], param: str
) -> None:
    async with open_acting(tmp_path, allow_private_webhooks=False) as acting:
        error = await acting.refused("billing/alert_targets", name="x", **target)
        assert error["param"] == param


@pytest.mark.parametrize(
    ("action", "needed"),
    [
        (MAIL, {Resource.CUSTOMERS: Access.READ}),
        ({"type": "top_up", "amount": 5, "currency": "usd"}, {Resource.CREDITS: Access.WRITE}),
        ({"type": "issue_invoice"}, {Resource.INVOICES: Access.WRITE}),
        ({"type": "revoke_access"}, {Resource.ACCESS: Access.WRITE}),
    ],
)
async def test_a_restricted_key_has_nothing_done_that_it_may_not_do_itself(
    acting: Acting, action: dict[str, Any], needed: dict[Resource, Access]
) -> None:
    wanted = acting.wanted(1, action)
    own = {Resource.ALERTS: Access.WRITE}
    status, answer = await acting.ask("POST", "billing/alerts", acting.door.key(own), **wanted)
    assert (status, (await acting.get("billing/alerts"))["data"]) == (403, []), answer
    status, answer = await acting.ask(
        "POST", "billing/alerts", acting.door.key(own | needed), **wanted
    )
    assert status == 200, answer


async def test_what_is_done_is_what_the_log_says(acting: Acting) -> None:
    await subscribed(acting)
    top_up = {"type": "top_up", "amount": 100, "currency": "usd"}
    await acting.alert(10, {"type": "issue_invoice"}, top_up)
    await acting.alert(30, {"type": "issue_invoice"})
    for value in (7, 7, 7, 7, 7, 7):
        await acting.use(value)
    found = await acting.door.engine.writer.ask(QueryJob(lambda _, session, __: audit(session)))
    assert found.differences == []
