"""`/m/{token}`: where a reader of mails about usage ends them, by a page or with one click.

No key is asked for: the token is signed, and names one address. A POST of a mail program
(RFC 8058) ends them at once; a GET only asks.
"""

import asyncio
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tripmeter.api.call import Services
from tripmeter.control.access import account_name
from tripmeter.model.action import Unsubscribed
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Work
from tripmeter.wire.invoice_words import Language, language_of
from tripmeter.wire.mail_link import SECRET, Reader, read_token
from tripmeter.wire.mail_page import Standing, mail_page, policy, wrong_link_page

_LONGEST_BODY: Final = 4_096
"""Bytes of a form; one of ours has a dozen."""


def mail_preference_routes(services: Services) -> list[Route]:
    """`/m/{token}`, for GET, HEAD and POST."""
    desk = _Desk(services)
    return [Route("/m/{token}", desk.answer, methods=["GET", "POST"])]


class _Desk:
    """Takes wishes of readers in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> Response:
        """Ask, or do what the reader wishes."""
        language = _language(request)
        reader = await asyncio.to_thread(self._reader, request.path_params["token"])
        if reader is None:
            return _response(wrong_link_page(language), 404)
        standing: Standing = "asked"
        if request.method == "POST":
            standing = "stayed" if await _wishes_to_stay(request) else "left"
            await self._take(reader, standing)
        seller = await asyncio.to_thread(self._seller, reader)
        return _response(mail_page(reader.address, standing, seller, language))

    def _reader(self, token: str) -> Reader | None:
        with self._services.store.reader() as session:
            secret = session.setting(SECRET)
        return None if secret is None else read_token(token, secret)

    async def _take(self, reader: Reader, standing: Standing) -> None:
        def change(work: Work) -> None:
            if standing == "stayed":
                work.session.subscribe(reader.scope, reader.address)
                return
            scope = reader.scope
            wish = Unsubscribed(
                account=scope.account,
                livemode=scope.livemode,
                address=reader.address,
                created_ms=work.now_ms,
            )
            work.session.unsubscribe(wish)

        await self._services.writer.ask(CommandJob(change))

    def _seller(self, reader: Reader) -> str:
        if self._services.terms.seller:
            return self._services.terms.seller
        with self._services.store.reader() as session:
            return account_name(session, reader.scope)


async def _wishes_to_stay(request: Request) -> bool:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_BODY:
            return False
    return parse_qs(body.decode("utf-8", "replace")).get("wish") == ["stay"]


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang")
    if asked in ("en", "de"):
        return "de" if asked == "de" else "en"
    accepted = request.headers.get("accept-language", "")
    return language_of([one.strip() for one in accepted.split(",")])


def _response(page: str, status: int = 200) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy(),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }
    return Response(page, status, headers, media_type="text/html; charset=utf-8")
