"""The dashboard's page: which file answers, how it is kept, and what it may do."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from support.door import open_door
from tripmeter.api.site import site_routes

PAGE = b"<!doctype html><title>Tripmeter</title>"
SCRIPT = b"console.log(1)" * 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_bytes(PAGE)
    (site / "assets" / "index-a1b2.js").write_bytes(SCRIPT)
    (site / "assets" / "index-a1b2.js.gz").write_bytes(gzip.compress(SCRIPT))
    (site / "assets" / "index-a1b2.js.br").write_bytes(b"br")
    (site / "secret.key").write_bytes(b"of an unknown kind")
    (tmp_path / "outside.html").write_bytes(b"outside")
    return site


@pytest.fixture
async def http(folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(Starlette(routes=site_routes(folder)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://engine") as client:
        yield client


@pytest.mark.parametrize("path", ["", "index.html", "alerts", "alerts/alrt_1", "set-up", "x.y.z"])
async def test_every_place_in_the_page_is_the_page(http: httpx2.AsyncClient, path: str) -> None:
    answer = await http.get(f"/dashboard/{path}")
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["secret.key", "../outside.html", "%2e%2e/outside.html", "..%2foutside.html", "a\0b"]
)
async def test_nothing_else_of_the_disk_is_answered(http: httpx2.AsyncClient, path: str) -> None:
    answer = await http.get(f"/dashboard/{path.replace(chr(0), '%00')}")
    assert answer.status_code == 404 or answer.content == PAGE


async def test_what_has_its_digest_in_its_name_is_kept_for_good(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/dashboard/assets/index-a1b2.js", headers={"Accept-Encoding": ""})
    assert answer.content == SCRIPT
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await http.get("/dashboard/assets/gone.js")).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
async def test_a_packed_file_is_sent_to_who_takes_it(
    http: httpx2.AsyncClient, accepted: str, encoding: str | None
) -> None:
    headers = {"Accept-Encoding": accepted}
    async with http.stream("GET", "/dashboard/assets/index-a1b2.js", headers=headers) as answer:
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["vary"] == "Accept-Encoding"
        body = b"".join([piece async for piece in answer.aiter_raw()])
    assert body == {"br": b"br", "gzip": gzip.compress(SCRIPT)}.get(encoding or "", SCRIPT)


async def test_who_has_the_page_already_is_told_so(http: httpx2.AsyncClient, folder: Path) -> None:
    etag = (await http.get("/dashboard/")).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = await http.get("/dashboard/", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    (folder / "index.html").write_bytes(b"built anew")
    answer = await http.get("/dashboard/", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (200, b"built anew")


@pytest.mark.parametrize("path", ["", "assets/index-a1b2.js", "assets/gone.js"])
async def test_the_page_loads_from_here_alone_and_is_framed_by_nobody(
    http: httpx2.AsyncClient, path: str
) -> None:
    headers = (await http.get(f"/dashboard/{path}")).headers
    policy = headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'self'"
    assert {"object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


async def test_without_a_slash_one_is_led_to_it(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/dashboard")
    assert (answer.status_code, answer.headers["location"]) == (308, "/dashboard/")


async def test_what_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    transport = httpx2.ASGITransport(Starlette(routes=site_routes(tmp_path / "none")))
    async with httpx2.AsyncClient(transport=transport, base_url="http://engine") as client:
        answer = await client.get("/dashboard/alerts")
    assert answer.status_code == 503
    assert "make dashboard" in answer.text


async def test_an_engine_answers_it_to_everybody(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        answer = await door.browser().get("/dashboard/")
    assert answer.status_code in (200, 503)
    assert answer.headers["content-type"].startswith("text/html")
