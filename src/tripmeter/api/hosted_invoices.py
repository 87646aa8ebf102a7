"""Invoices for people: a page and a PDF, at an address that only who was given it knows.

No key is asked for. The token in the address is 190 random bits of the invoice itself, stored with
it: there is no secret of the whole engine whose loss would open every invoice, nothing has to be
verified before the store is asked, and whose invoice it is the address does not say.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tripmeter.api.call import Services
from tripmeter.billing.hosted import Hosted, hosted_invoice
from tripmeter.wire.invoice_page import busy_page, invoice_page, missing_page, policy
from tripmeter.wire.invoice_pdf import invoice_pdf
from tripmeter.wire.invoice_words import WORDS, Language, language_of

LONGEST_TOKEN: Final = 64

AT_ONCE: Final = 32
"""Pages and PDFs that are being made, or wait for it; whoever comes beyond that is put off."""

_HTML: Final = "text/html; charset=utf-8"


class _Made(NamedTuple):
    """What is sent."""

    body: bytes
    media_type: str = _HTML
    status: int = 200
    headers: Mapping[str, str] = {}


def hosted_invoice_routes(services: Services) -> list[Route]:
    """`/i/{token}` and `/i/{token}/pdf`, for GET and HEAD."""
    desk = _Desk(services)
    return [
        Route("/i/{token}", desk.page, methods=["GET"]),
        Route("/i/{token}/pdf", desk.pdf, methods=["GET"]),
    ]


class _Desk:
    """Hands invoices out. It has one thread: a PDF takes a while, and API reads do not wait."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._thread = ThreadPoolExecutor(1, "invoices")
        self._waiting = 0

    async def page(self, request: Request) -> Response:
        """An invoice as a page."""
        return await self._hand_out(request, is_pdf=False)

    async def pdf(self, request: Request) -> Response:
        """An invoice as a PDF."""
        return await self._hand_out(request, is_pdf=True)

    async def _hand_out(self, request: Request, *, is_pdf: bool) -> Response:
        token = request.path_params["token"]
        asked = request.query_params.get("lang")
        wanted = _language(asked)
        if self._waiting >= AT_ONCE:
            page = busy_page(wanted or "en").encode()
            return _response(_Made(page, status=503, headers={"Retry-After": "1"}))
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self._thread, self._made, token, wanted, is_pdf)
        finally:
            self._waiting -= 1
        return _response(made)

    def _made(self, token: str, wanted: Language | None, is_pdf: bool) -> _Made:
        with self._services.store.reader() as session:
            found = None
            if len(token) <= LONGEST_TOKEN:
                found = hosted_invoice(session, token, self._services.terms.seller)
        if found is None:
            return _Made(missing_page(wanted or "en").encode(), status=404)
        language = wanted or language_of(found.locales)
        if is_pdf:
            return _pdf(found, language)
        query = f"?lang={wanted}" if wanted else ""
        return _page(found, language, f"{token}/pdf{query}")


def _page(found: Hosted, language: Language, pdf_url: str) -> _Made:
    page = invoice_page(
        found.invoice, found.seller, language=language, known=found.known, pdf_url=pdf_url
    )
    return _Made(page.encode(), headers={"Content-Language": language})


def _pdf(found: Hosted, language: Language) -> _Made:
    made = invoice_pdf(found.invoice, found.seller, language=language, known=found.known)
    name = found.invoice.number or found.invoice.id
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "Content-Language": language,
    }
    return _Made(made, "application/pdf", headers=headers)


def _language(asked: str | None) -> Language | None:
    """What `?lang=` asks for; None where it names no language of ours."""
    return next((one for one in WORDS if one == asked), None)


def _response(made: _Made) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        **made.headers,
    }
    return Response(made.body, made.status, headers, media_type=made.media_type)
