"""Customers' pages: usage, and what customers may change of it, for whoever has the signed address.

A page is a GET, a change a POST of one of its forms, which answers with the page again. Changes are
the moves of `control`, in the writer's transaction, as those of the API are.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tripmeter.api.call import Services
from tripmeter.control import portal, usage_limits
from tripmeter.model.errors import ParameterInvalid, Refusal, ResourceMissing
from tripmeter.model.portal import MeterFacts, PortalFacts, PortalSession
from tripmeter.model.quantity import of_decimal
from tripmeter.model.scope import Caller
from tripmeter.model.usage_limit import LimitKind, NoticeAddress
from tripmeter.pipeline.jobs import CommandJob, QueryJob
from tripmeter.pipeline.portal_facts import portal_facts
from tripmeter.ports import Work
from tripmeter.wire.invoice_words import Language, date_text, language_of
from tripmeter.wire.portal_page import (
    Place,
    Trouble,
    confirm_page,
    confirmed_page,
    expired_page,
    message_page,
    policy,
    portal_page,
)
from tripmeter.wire.portal_token import form_token, opened
from tripmeter.wire.portal_words import accepted, typed_number

BODY_LIMIT: Final = 16 * 1024

MAILS_AN_HOUR: Final = 5
"""E-mails that a customer's page may have sent to addresses that are not confirmed."""

HOUR_MS: Final = 3_600_000

log = structlog.get_logger()


def portal_routes(services: Services) -> list[Route]:
    """`/p/{token}` and `/p/logo`."""
    desk = _Desk(services)
    return [
        Route("/p/logo", desk.logo, methods=["GET"]),
        Route("/p/{token}", desk.page, methods=["GET"]),
        Route("/p/{token}", desk.change, methods=["POST"]),
    ]


class _Visit(NamedTuple):
    """One request of somebody whose address is good."""

    session: PortalSession
    place: Place
    form: Mapping[str, str]

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return Caller(self.session.scope)

    @property
    def typed(self) -> str:
        """What was typed into the field of the form."""
        return self.form.get("value", "").strip()


class _Desk:
    """Shows pages and takes their forms."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secret: str | None = None
        self._mailed: dict[tuple[str, str], deque[int]] = {}

    async def logo(self, _: Request) -> Response:
        """The logo of the brand."""
        brand = self._services.brand
        if brand.logo is None:
            return Response(status_code=404)
        headers = {"Cache-Control": "public, max-age=3600", **_safe("default-src 'none'")}
        return Response(brand.logo, 200, headers, media_type=brand.logo_type)

    async def page(self, request: Request) -> Response:
        """The page; of a link in an e-mail, the question whether its address is right."""
        found = await self._visit(request, {})
        if isinstance(found, Response):
            return found
        if found.session.address is not None:
            address = await self._address(found.session)
            if address is None:
                return self._html(expired_page(found.place), found.place, 410)
            return self._html(confirm_page(address.email, found.place), found.place)
        return await self._shown(found, request.query_params.get("done"), None)

    async def change(self, request: Request) -> Response:
        """Do what a form asks, and show the page again."""
        form = await _form_of(request)
        found = await self._visit(request, form or {})
        if isinstance(found, Response):
            return found
        if form is None or form.get("form") != found.place.form_token:
            page = message_page(found.place.words.problem, found.place.words.stale, found.place)
            return self._html(page, found.place, 403)
        if found.session.address is not None:
            return await self._confirm(found)
        action = _ACTIONS.get(form.get("action", ""))
        if action is None:
            return await self._shown(found, None, Trouble("", found.place.words.stale), 400)
        try:
            done = await action(self, found)
        except ResourceMissing:
            return await self._shown(found, None, Trouble("", found.place.words.gone), 404)
        except _Asked as asked:
            return await self._shown(found, None, asked.trouble, asked.status)
        query = "&".join(filter(None, [found.place.query.removeprefix("?"), f"done={done}"]))
        return RedirectResponse(f"{found.place.token}?{query}", 303, _safe("default-src 'none'"))

    # who asks

    async def _visit(self, request: Request, form: Mapping[str, str]) -> _Visit | Response:
        token = request.path_params["token"]
        secret = await self._known_secret()
        session = None if secret is None else opened(secret, token)
        place = self._place(request, token, secret or "", session)
        now_ms = self._services.clock.now_ms()
        if session is None:
            return self._html(expired_page(place), place, 404)
        if session.expires_ms <= now_ms:
            return self._html(expired_page(place), place, 410)
        return _Visit(session, place, form)

    async def _known_secret(self) -> str | None:
        if self._secret is None:
            self._secret = await asyncio.to_thread(self._read_secret)
        return self._secret

    def _read_secret(self) -> str | None:
        with self._services.store.reader() as session:
            return portal.portal_secret(session)

    def _place(
        self, request: Request, token: str, secret: str, session: PortalSession | None
    ) -> Place:
        asked = request.query_params.get("lang")
        locale = None if session is None or session.locale == "auto" else session.locale
        wanted = [asked, locale, *accepted(request.headers.get("accept-language"))]
        language: Language = language_of([one for one in wanted if one])
        return Place(
            token=token,
            form_token=form_token(secret, token),
            language=language,
            brand=self._services.brand,
            return_url=None if session is None else session.return_url,
            query=f"?lang={language}" if asked in ("en", "de") else "",
        )

    # what is shown

    async def _facts(self, visit: _Visit) -> PortalFacts | None:
        session = visit.session

        def query(state: Any, _: Any, now_ms: int) -> PortalFacts | None:
            return portal_facts(state, session.scope, session.customer, now_ms)

        found: PortalFacts | None = await self._services.writer.ask(QueryJob(query))
        return found

    async def _shown(
        self, visit: _Visit, done: str | None, trouble: Trouble | None, status: int = 200
    ) -> Response:
        try:
            facts = await self._facts(visit)
        except Refusal as refusal:
            log.warning("portal_page_refused", reason=str(refusal))
            page = message_page(visit.place.words.problem, "…", visit.place)
            return self._html(page, visit.place, 503)
        if facts is None:
            return self._html(expired_page(visit.place), visit.place, 410)
        page = await asyncio.to_thread(portal_page, facts, visit.place, done, trouble)
        return self._html(page, visit.place, status)

    def _html(self, page: str, place: Place, status: int = 200) -> Response:
        headers = {"Content-Language": place.language, **_safe(policy(place.brand))}
        return Response(page, status, headers, media_type="text/html; charset=utf-8")

    # what is changed

    async def _ask(self, change: Callable[[Work], Any]) -> Any:
        return await self._services.writer.ask(CommandJob(change))

    async def _meter(self, visit: _Visit) -> tuple[PortalFacts, MeterFacts]:
        facts = await self._facts(visit)
        for one in () if facts is None else facts.meters:
            if one.meter.id == visit.form.get("meter") and facts is not None:
                return facts, one
        raise ResourceMissing("meter", visit.form.get("meter", ""))

    async def set_limit(self, visit: _Visit) -> str:
        """Set the customer's own hard limit, or change it."""
        _, one = await self._meter(visit)
        field, words, place = f"limit:{one.meter.id}", visit.place.words, visit.place
        level = _level(visit, field)
        scaled = of_decimal(level)
        if one.most is not None and scaled > one.most:
            shown = place.number(one.most)
            raise _Asked(Trouble(field, words.too_high.format(shown), visit.typed))
        is_below = scaled <= one.used
        if is_below and visit.form.get("sure") != "yes":
            until = ""
            if one.end_ms is not None:
                until = f" ({words.resets.format(date_text(one.end_ms, place.language))})"
            text = words.confirm_below.format(
                used=place.number(one.used),
                limit=place.number(scaled),
                meter=one.meter.display_name,
                until=until,
            )
            raise _Asked(Trouble(field, text, visit.typed, is_question=True))
        own = next(iter(one.own(LimitKind.HARD)), None)
        session = visit.session

        def change(work: Work) -> Any:
            if own is not None:
                return usage_limits.update_limit(work, visit.caller, own.id, level, session.id)
            params = _limit_params(visit, one, LimitKind.HARD, level)
            return usage_limits.create_limit(work, visit.caller, params, session.id)

        await self._try(change, field, visit)
        return "limit_stopped" if is_below else "limit"

    async def add_warning(self, visit: _Visit) -> str:
        """Have the customer warned."""
        _, one = await self._meter(visit)
        field, words = f"warning:{one.meter.id}", visit.place.words
        level = _level(visit, field)
        own = one.own(LimitKind.WARNING)
        if any(known.limit == level for known in own):
            raise _Asked(Trouble(field, words.same_warning, visit.typed))
        if len(own) >= usage_limits.WARNINGS:
            raise _Asked(Trouble(field, words.too_many, visit.typed))
        params = _limit_params(visit, one, LimitKind.WARNING, level)
        session = visit.session.id
        await self._try(
            lambda work: usage_limits.create_limit(work, visit.caller, params, session),
            field,
            visit,
        )
        return "warning_reached" if of_decimal(level) <= one.used else "warning"

    async def remove_limit(self, visit: _Visit) -> str:
        """Remove a limit, or a warning, that the customer set."""
        id_, session = visit.form.get("id", ""), visit.session

        def change(work: Work) -> Any:
            kept = work.session.usage_limits.get(session.scope, id_).value
            if kept.customer != session.customer or kept.set_by != "customer":
                raise ResourceMissing("usage limit", id_)
            return usage_limits.delete_limit(work, visit.caller, id_, session.id)

        gone = await self._ask(change)
        return "warning_removed" if gone.kind is LimitKind.WARNING else "limit_removed"

    async def add_address(self, visit: _Visit) -> str:
        """Note an e-mail address, and send it a link."""
        session, words, email = visit.session, visit.place.words, visit.typed
        if not self._may_mail(session):
            raise _Asked(Trouble("email", words.too_many, email))
        try:
            await self._ask(
                lambda work: portal.add_address(
                    work, visit.caller, session.customer, email, visit.place.language
                )
            )
        except ParameterInvalid as invalid:
            is_odd = invalid.code == "email_invalid"
            said = words.email_error if is_odd else words.too_many
            raise _Asked(Trouble("email", said, email)) from None
        return "address"

    async def remove_address(self, visit: _Visit) -> str:
        """Forget an e-mail address."""
        session, id_ = visit.session, visit.form.get("id", "")
        await self._ask(
            lambda work: portal.remove_address(work, visit.caller, session.customer, id_)
        )
        return "address_removed"

    async def _try(self, change: Callable[[Work], Any], field: str, visit: _Visit) -> None:
        """Make a change whose field was checked; what has changed since is told at it."""
        try:
            await self._ask(change)
        except ParameterInvalid as invalid:
            message = visit.place.words.number_error
            if invalid.code == "limit_too_high":
                _, one = await self._meter(visit)
                shown = "" if one.most is None else visit.place.number(one.most)
                message = visit.place.words.too_high.format(shown)
            raise _Asked(Trouble(field, message, visit.typed)) from None

    # e-mail

    def _may_mail(self, session: PortalSession) -> bool:
        now_ms = self._services.clock.now_ms()
        sent = self._mailed.setdefault((session.scope.account, session.customer), deque())
        while sent and abs(now_ms - sent[0]) >= HOUR_MS:
            sent.popleft()
        if len(sent) >= MAILS_AN_HOUR:
            return False
        sent.append(now_ms)
        return True

    async def _address(self, session: PortalSession) -> NoticeAddress | None:
        def read() -> NoticeAddress | None:
            with self._services.store.reader() as reading:
                found = reading.notice_addresses.find(session.scope, session.address or "")
                return None if found is None else found.value

        return await asyncio.to_thread(read)

    async def _confirm(self, visit: _Visit) -> Response:
        try:
            confirmed = await self._ask(lambda work: portal.confirm_address(work, visit.session))
        except ResourceMissing:
            return self._html(expired_page(visit.place), visit.place, 410)
        return self._html(confirmed_page(confirmed.email, visit.place), visit.place)


class _Asked(Exception):
    """Something is to be told at a field, or to be asked."""

    def __init__(self, trouble: Trouble, status: int = 400) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble
        self.status = 200 if trouble.is_question else status


def _level(visit: _Visit, field: str) -> Decimal:
    """The number that was typed, if it can be a limit."""
    words = visit.place.words
    level = typed_number(visit.typed, visit.place.language)
    if level is not None and level <= 0:
        raise _Asked(Trouble(field, words.positive_error, visit.typed))
    try:
        if level is not None:
            usage_limits.check_quantity(level, "limit")
            return level
    except ParameterInvalid:
        pass  # it has too many digits
    raise _Asked(Trouble(field, words.number_error, visit.typed))


def _limit_params(
    visit: _Visit, one: MeterFacts, kind: LimitKind, level: Decimal
) -> dict[str, Any]:
    return {
        "customer": visit.session.customer,
        "meter": one.meter.id,
        "limit": level,
        "period": one.period,
        "kind": kind,
        "set_by": "customer",
    }


_ACTIONS: Final[Mapping[str, Callable[[_Desk, _Visit], Any]]] = {
    "limit": _Desk.set_limit,
    "remove_limit": _Desk.remove_limit,
    "warning": _Desk.add_warning,
    "remove_warning": _Desk.remove_limit,
    "address": _Desk.add_address,
    "remove_address": _Desk.remove_address,
}


async def _form_of(request: Request) -> dict[str, str] | None:
    """The fields of a form; None for what is none, or too long."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                return None
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50)
    except (ClientDisconnect, UnicodeDecodeError, ValueError):
        return None
    return {name: value.replace("\0", "") for name, value in pairs}


def _safe(content_policy: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": content_policy,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }
