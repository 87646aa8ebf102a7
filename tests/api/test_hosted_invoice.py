"""The page and the PDF of an invoice: for who has its address, and for nobody else."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pypdf import PdfReader

from support.door import Door, open_door
from tripmeter.app import terms_of
from tripmeter.model.invoice import Invoice
from tripmeter.model.terms import STRIPES
from tripmeter.settings import SettingInvalid, Settings, read_settings

BASE = "https://billing.example.com/tm"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """The engine's door; its base URL ends with a slash."""
    async with open_door(tmp_path, base_url=f"{BASE}/", seller="Example <Ltd>") as opened:
        yield opened


async def post(door: Door, path: str, **fields: Any) -> Any:
    """What a POST answers."""
    answer = await door.ask("POST", f"/v1/{path}", data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def drafted(door: Door, **fields: Any) -> Any:
    """A draft over five dollars."""
    customer = await post(door, "customers", **{"name": "Jürgen & <b>Söhne</b>", **fields})
    await post(
        door, "invoiceitems", customer=customer["id"], amount=500, currency="usd",
        description="<script>alert(1)</script>",
    )  # fmt: skip
    return await post(
        door, "invoices", customer=customer["id"], pending_invoice_items_behavior="include"
    )


async def issued(door: Door, **fields: Any) -> Any:
    """An open invoice."""
    return await post(door, f"invoices/{(await drafted(door, **fields))['id']}/finalize")


def path_of(invoice: Any, name: str = "hosted_invoice_url") -> str:
    """The path of its page behind the base URL."""
    address: str = invoice[name]
    assert address.startswith(f"{BASE}/i/")
    return address.removeprefix(BASE)


async def look(door: Door, path: str, method: str = "GET") -> httpx2.Response:
    """An answer to somebody without a key."""
    return await door.ask(method, path, "")


async def test_the_page_is_for_who_has_its_address(door: Door) -> None:
    invoice = await issued(door)
    page = await look(door, path_of(invoice))
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-language"] == "en"
    assert invoice["number"] in page.text
    assert "$5.00" in page.text
    assert "Example &lt;Ltd&gt;" in page.text
    assert "<script" not in page.text
    assert invoice["account_name"] == "Example <Ltd>"
    assert invoice["id"] not in path_of(invoice)
    (link,) = re.findall(r'href="([^"]+)"', page.text)
    token = path_of(invoice).removeprefix("/i/")
    assert link == f"{token}/pdf"
    assert len(token) == 32


async def test_nothing_is_loaded_kept_or_run(door: Door) -> None:
    for path in (path_of(await issued(door)), "/i/none"):
        page = await look(door, path)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy
        assert " style=" not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in page.headers


async def test_the_pdf(door: Door) -> None:
    invoice = await issued(door)
    answer = await look(door, path_of(invoice, "invoice_pdf"))
    assert answer.headers["content-type"] == "application/pdf"
    name = f'inline; filename="{invoice["number"]}.pdf"'
    assert answer.headers["content-disposition"] == name
    assert answer.headers["cache-control"] == "no-store"
    text = PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    assert invoice["number"] in text
    again = await look(door, path_of(invoice, "invoice_pdf"))
    assert again.content == answer.content


async def test_languages(door: Door) -> None:
    fields = {"preferred_locales[0]": "fr", "preferred_locales[1]": "de-AT"}
    path = path_of(await issued(door, **fields))
    assert "Offen" in (await look(door, path)).text
    english = await look(door, f"{path}?lang=en")
    assert "Open" in english.text
    assert "/pdf?lang=en" in english.text
    assert "Offen" in (await look(door, f"{path}?lang=xx")).text
    pdf = await look(door, f"{path}/pdf")
    assert pdf.headers["content-language"] == "de"
    assert "gibt es nicht" in (await look(door, "/i/none?lang=de")).text


async def test_head_says_the_same_without_the_page(door: Door) -> None:
    path = path_of(await issued(door))
    for one in (path, f"{path}/pdf", "/i/none"):
        got, head = await look(door, one), await look(door, one, "HEAD")
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == str(len(got.content))
    assert (await look(door, path, "POST")).status_code in (404, 405)


@pytest.mark.parametrize("token", ["none", "in_1", "x" * 5_000, "%00", "%2e%2e", "a'--", "\u00fc"])
async def test_wrong_tokens(door: Door, token: str) -> None:
    await issued(door)
    for path in (f"/i/{token}", f"/i/{token}/pdf"):
        page = await look(door, path)
        assert page.status_code == 404
        assert "There is no such invoice" in page.text


async def test_a_draft_and_a_void_invoice_say_so(door: Door) -> None:
    draft = await drafted(door)
    assert draft["hosted_invoice_url"] is None
    stored = await find(door, draft["id"])
    assert "This is a draft." in (await look(door, f"/i/{stored.token}")).text
    final = await post(door, f"invoices/{draft['id']}/finalize")
    assert path_of(final) == f"/i/{stored.token}"
    await post(door, f"invoices/{draft['id']}/void")
    page = await look(door, path_of(final))
    assert "This invoice was voided." in page.text
    pdf = await look(door, path_of(final, "invoice_pdf"))
    assert "voided" in PdfReader(BytesIO(pdf.content)).pages[0].extract_text()


async def test_a_deleted_draft_has_no_page(door: Door) -> None:
    draft = await drafted(door)
    stored = await find(door, draft["id"])
    answer = await door.ask("DELETE", f"/v1/invoices/{draft['id']}")
    assert answer.status_code == 200
    assert (await look(door, f"/i/{stored.token}")).status_code == 404


async def find(door: Door, id: str) -> Invoice:
    """An invoice as it is stored."""
    with door.engine.store.reader() as session:
        invoice = session.invoices.numbered(1)
    assert invoice.id == id
    return invoice


# --- settings ----------------------------------------------------------------------------------


def test_settings_of_billing() -> None:
    usual = terms_of(read_settings({}))
    assert usual == STRIPES._replace(base_url="http://127.0.0.1:4010")
    chosen = {
        "TRIPMETER_INVOICE_GRACE": "0",
        "TRIPMETER_INVOICE_RATE": "3/minute",
        "TRIPMETER_BASE_URL": f"{BASE}/",
        "TRIPMETER_SELLER": "Example Ltd",
    }
    assert terms_of(read_settings(chosen)) == (0, 3, None, BASE, "Example Ltd")
    free = terms_of(read_settings({"TRIPMETER_INVOICE_RATE": "off"}))
    assert (free.invoices_a_minute, free.invoices_a_day) == (None, None)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://localhost:80"),
        ("::", "http://localhost:80"),
        ("::1", "http://[::1]:80"),
        ("meter.example", "http://meter.example:80"),
    ],
)
def test_where_invoices_are_by_default(host: str, address: str) -> None:
    assert Settings(host=host, port=80).public_url == address


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INVOICE_GRACE", "-1"),
        ("INVOICE_GRACE", "259201"),
        ("INVOICE_GRACE", "soon"),
        ("INVOICE_RATE", "0/minute"),
        ("INVOICE_RATE", "5/hour"),
        ("INVOICE_RATE", "5/day,6/day"),
        ("INVOICE_RATE", "5"),
        ("BASE_URL", "billing.example"),
        ("BASE_URL", "ftp://billing.example"),
        ("BASE_URL", "https://billing.example/?a=b"),
    ],
)
def test_settings_that_cannot_be(name: str, text: str) -> None:
    with pytest.raises(SettingInvalid, match=f"TRIPMETER_{name}"):
        read_settings({f"TRIPMETER_{name}": text})
