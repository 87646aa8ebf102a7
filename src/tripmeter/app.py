"""Builds an engine from settings: picks store, identifiers, poster and clock, and wires them.

Knows every room; no room knows it.
"""

import asyncio
import fcntl
import itertools
import os
import resource
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
import uvicorn
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from tripmeter import __version__
from tripmeter.api.call import MIB, Services
from tripmeter.api.connection import ConnectionLimits, Lobby
from tripmeter.api.desk import Desk
from tripmeter.api.door import Door
from tripmeter.api.exchange import Responder
from tripmeter.api.hosted_invoices import hosted_invoice_routes
from tripmeter.api.mail_preferences import mail_preference_routes
from tripmeter.api.operations import operation_routes
from tripmeter.api.portal import portal_routes
from tripmeter.api.site import site_routes
from tripmeter.api.table import ROUTES, USAGE_ROUTES
from tripmeter.clock import SystemClock
from tripmeter.control import access, members
from tripmeter.fleet.channel import read_first
from tripmeter.fleet.counts import Summed
from tripmeter.fleet.keeper import Fleet, inherited
from tripmeter.fleet.relay import Relay
from tripmeter.fleet.remote import RemoteWriter
from tripmeter.fleet.serving import DoorServer, EngineServer, FleetServer, configured
from tripmeter.logs import set_up_logging
from tripmeter.model.errors import Refusal
from tripmeter.model.portal import Brand
from tripmeter.model.scope import Scope
from tripmeter.model.terms import Terms
from tripmeter.notify.mail import FolderMailer, SmtpAddress, SmtpMailer
from tripmeter.notify.others import AppriseNotifier
from tripmeter.notify.webhook import WebhookPoster
from tripmeter.pipeline.deliver import Deliverer
from tripmeter.pipeline.dispatch import Dispatcher, House
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.pipeline.metrics import OUTBOX_DEPTH, REGISTRY
from tripmeter.pipeline.publish import Parcel
from tripmeter.pipeline.pulse import save
from tripmeter.pipeline.roll import bill, roll
from tripmeter.pipeline.send import Sender
from tripmeter.pipeline.writer import QueueLimits, Writer
from tripmeter.ports import AlreadyRunning, Clock, Poster, Store, StoreUnusable
from tripmeter.ports.outgoing import Mailer, Notifier
from tripmeter.ports.payments import RECORDED, Payments
from tripmeter.rules.admission import Limits
from tripmeter.settings import SettingInvalid, Settings
from tripmeter.store.identifiers import TieredIdentifiers
from tripmeter.store.sqlite import SqliteStore
from tripmeter.wire.colors import LEAST_CONTRAST, PAPER, contrast, is_color, on_dark
from tripmeter.wire.invoice_words import Language
from tripmeter.wire.mail_link import SECRET, new_link_secret

ROLL_EVERY_S: Final = 1

SAVE_EVERY: Final = 10
"""Each time that so many seconds have passed, counts for those who look on are stored."""

OTHER_FILES: Final = 256
"""Files kept for all that is no connection: the store, identifiers, webhooks, refusals."""

log = structlog.get_logger()


class Engine:
    """A whole engine: `start`, serve `app`, `stop`."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        poster: Poster | None = None,
        payments: Payments = RECORDED,
        mailer: Mailer | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.store: Store = open_store(settings)
        identifiers = TieredIdentifiers(settings.identifiers_path)
        queue = QueueLimits(pieces=settings.max_queued_events)
        self.writer = Writer(
            self.store,
            self.clock,
            identifiers,
            self._wake,
            limits=queue,
            terms=terms_of(settings),
            payments=payments,
        )
        self.pulse = self.writer.pulse
        self.poster = poster or WebhookPoster(allow_private=settings.allow_private_webhooks)
        self.deliverer = Deliverer(self.store, self.writer, self.poster, self.clock, self.pulse)
        self.desk = Desk(self.store, self.clock, self.pulse)
        notifier = open_notifier(settings)
        dispatcher = Dispatcher(
            house_of(settings), self.clock, self.poster, mailer or open_mailer(settings), notifier
        )
        self.sender = Sender(
            self.store, self.writer, self.clock, dispatcher, seller=settings.seller
        )
        self.writer.wake_sender = self.sender.wake
        self._services = Services(
            store=self.store,
            writer=self.writer,
            clock=self.clock,
            allow_private=settings.allow_private_webhooks,
            metrics=self._metrics,
            rate_limit=settings.rate_limit,
            request_log=settings.request_log,
            terms=terms_of(settings),
            desk=self.desk,
            notifier=notifier,
            brand=brand_of(settings),
        )
        self._door = Door(self._services, ROUTES, admission_limits(settings.of_one_process))
        self.new_key: str | None = None
        """The API key made at the first start; shown once."""
        self.set_up_token: str | None = None
        """What makes the first member, as long as there is none; another one at each start."""
        self._rolling: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fleet: Fleet | None = None
        """Door processes, if there are any; the server starts and drains them."""
        self._lock: TextIO | None = None

    @property
    def app(self) -> Starlette:
        """The HTTP application; its lifespan starts and stops the engine."""
        own = operation_routes(self._services, __version__)
        pages = [
            *hosted_invoice_routes(self._services),
            *mail_preference_routes(self._services),
            *portal_routes(self._services),
            *site_routes(),
        ]
        app = self._door.app([*own, *pages])
        app.router.lifespan_context = self._lifespan
        return app

    def server(self, application: ASGIApp) -> uvicorn.Server:
        """The HTTP server for `app`, or for what was made of it."""
        settings = self.settings
        lobby = open_lobby(self._door.fixed, settings, counted=settings.processes == 1)
        made = configured(application, lobby, settings.host, settings.port, lifespan=True)
        if settings.processes == 1:
            return EngineServer(made, self.desk.live.end)
        self._fleet = Fleet(self.writer, settings.of_one_process)
        return FleetServer(made, self.desk.live.end, self._fleet, settings.processes - 1)

    def prepare(self) -> None:
        """Lock folder and store, migrate, see to account, key and set-up, read the state.

        Raises AlreadyRunning, StoreUnavailable, or a Refusal about TRIPMETER_API_KEY.
        """
        self._lock = lock_folder(self.settings.store_path)
        self.store.claim()
        for name in self.store.migrate():
            log.info("migrated", migration=name)
        self.new_key = ensure_access(self.store, self.settings.api_key, self.clock.now_ms())
        self.set_up_token = offer_set_up(self.store)
        ensure_link_secret(self.store)
        self.writer.start()

    async def start(self) -> None:
        """Begin to deliver, and to do what time brings."""
        await self.poster.open()
        await self.deliverer.start()
        await self.sender.start()
        self._loop = asyncio.get_running_loop()
        self._rolling = asyncio.create_task(self._roll())

    async def stop(self) -> None:
        """Finish what is under way, flush, close."""
        if self._rolling is not None:
            self._rolling.cancel()
            await asyncio.gather(self._rolling, return_exceptions=True)
        await self.sender.stop()
        await self.deliverer.stop()
        with suppress(Refusal):
            await self._save_pulse()
        await asyncio.to_thread(self.writer.stop)
        await self.poster.close()
        self.store.close()
        if self._lock is not None:
            self._lock.close()

    @asynccontextmanager
    async def _lifespan(self, _: Any) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    def _metrics(self) -> bytes:
        with self.store.reader() as session:
            OUTBOX_DEPTH.set(session.outbox.depth())
        if self._fleet is None or self._loop is None:
            return generate_latest(REGISTRY)
        asked = asyncio.run_coroutine_threadsafe(self._fleet.samples(), self._loop)
        return generate_latest(Summed(REGISTRY, asked.result()))

    def _wake(self, endpoints: set[int], parcels: Sequence[Parcel]) -> None:
        self.deliverer.wake(endpoints, parcels)

    async def _save_pulse(self) -> None:
        """Store what was counted for those who look on, if there is anything."""
        rows = self.pulse.unsaved()
        if rows:
            await self.writer.ask(CommandJob(lambda work: save(work, rows)))
            self.pulse.saved(rows)

    async def _roll(self) -> None:
        for turn in itertools.count(1):
            await asyncio.sleep(ROLL_EVERY_S)
            try:
                await self.writer.ask(CommandJob(roll))
                while await self.writer.ask(CommandJob(bill)):
                    pass
                if turn % SAVE_EVERY == 0:
                    await self._save_pulse()
            except Refusal as refusal:
                log.warning("roll_postponed", reason=str(refusal))
            except Exception:
                log.exception("roll_failed")  # time passes all the same: try again


def door_server(descriptors: Sequence[int]) -> DoorServer:
    """The HTTP server of a door process, which an engine has started with these sockets.

    It reads the store and never writes it. Raises EOFError if the engine has ended already.
    """
    sockets = inherited(descriptors)
    settings: Settings = read_first(sockets.link)
    set_up_logging(settings.log)
    writer = RemoteWriter()
    services = Services(
        store=open_store(settings),
        writer=writer,
        clock=SystemClock(),
        allow_private=settings.allow_private_webhooks,
        metrics=bytes,
        request_log=settings.request_log,
    )
    door = Door(services, USAGE_ROUTES, admission_limits(settings))
    lobby = open_lobby(door.fixed, settings)
    relay = Relay(sockets.hatch)
    made = configured(relay, lobby, settings.host, settings.port, lifespan=False)
    return DoorServer(made, sockets, writer)


def open_lobby(
    fixed: Mapping[str, Responder], settings: Settings, *, counted: bool = True
) -> Lobby:
    """What makes a connection of every client of an HTTP server."""
    connections = min(settings.max_connections, raise_file_limit())
    if connections < settings.max_connections:
        log.warning(
            "fewer_connections",
            possible=connections,
            remedy="raise the hard limit of open files (ulimit -Hn)",
        )
    limits = ConnectionLimits(connections, settings.read_timeout_s, settings.idle_timeout_s)
    return Lobby(fixed, limits, counted=counted)


def terms_of(settings: Settings) -> Terms:
    """How an engine bills."""
    rates = settings.invoice_rates
    return Terms(
        grace_ms=settings.invoice_grace * 1000,
        invoices_a_minute=rates.get("minute"),
        invoices_a_day=rates.get("day"),
        base_url=settings.public_url,
        seller=settings.seller,
    )


def house_of(settings: Settings) -> House:
    """What messages of alerts say of the operator."""
    language: Language = "de" if settings.language == "de" else "en"
    return House(settings.public_url, language, settings.brand_name)


def open_mailer(settings: Settings) -> Mailer:
    """What hands mails over, as the settings say."""
    sender = settings.mail_from or "Tripmeter <tripmeter@localhost>"
    smtp = settings.smtp
    if smtp is None:
        return FolderMailer(settings.mail_path, sender)
    return SmtpMailer(SmtpAddress(*smtp), sender)


def open_notifier(settings: Settings) -> Notifier | None:
    """What reaches services beyond our own few, if its library is installed."""
    if find_spec("apprise") is None:
        return None
    return AppriseNotifier(allow_private=settings.allow_private_webhooks)


LOGO_TYPES: Final = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


def brand_of(settings: Settings) -> Brand:
    """How the pages of customers look. Raises SettingInvalid."""
    brand = Brand(name=settings.brand_name)
    color, logo = settings.brand_color, settings.brand_logo
    if color is not None:
        if not is_color(color):
            message = f"TRIPMETER_BRAND_COLOR must be a colour such as #2f5bd0, not {color!r}."
            raise SettingInvalid(message)
        found = contrast(color, PAPER)
        if found < LEAST_CONTRAST:
            raise SettingInvalid(
                f"TRIPMETER_BRAND_COLOR {color} is hard to read on light grey: its contrast is"
                f" {found:.1f}, and {LEAST_CONTRAST} is the least. Take a darker one."
            )
        brand = brand._replace(color=color, color_on_dark=on_dark(color))
    if logo is not None:
        brand = brand._replace(logo=_logo(logo), logo_type=LOGO_TYPES[logo.suffix.lower()])
    return brand


def _logo(path: Path) -> bytes:
    if path.suffix.lower() not in LOGO_TYPES:
        kinds = ", ".join(sorted(LOGO_TYPES))
        raise SettingInvalid(f"TRIPMETER_BRAND_LOGO must be a file of one of these kinds: {kinds}.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"TRIPMETER_BRAND_LOGO cannot be read: {error}") from error
    if len(content) > MIB:
        raise SettingInvalid("TRIPMETER_BRAND_LOGO must have at most 1 MiB.")
    return content


def admission_limits(settings: Settings) -> Limits:
    """What may be under way at the door at once."""
    return Limits(settings.max_requests, settings.max_body_mb * MIB, settings.max_wait_ms)


def raise_file_limit() -> int:
    """Have as many open files as may be; how many connections that leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # some systems give less than they declare
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(soft - OTHER_FILES, 1)


def open_store(settings: Settings) -> Store:
    """The store that the settings name. Raises StoreUnusable, StoreUnavailable or OSError."""
    if settings.postgres_url is None:
        return SqliteStore(settings.store_path)
    try:
        from tripmeter.store.postgres import PostgresStore  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StoreUnusable(
            "PostgreSQL needs a driver that is not installed: pip install tripmeter[postgres]"
        ) from error
    return PostgresStore(settings.postgres_url)


@contextmanager
def opened_store(settings: Settings, *, existing: bool = False) -> Iterator[tuple[Store, int]]:
    """A migrated store and the time, for a command beside a running engine.

    Raises SettingInvalid if it has to be an `existing` one and is not there.
    """
    if existing and settings.postgres_url is None and not settings.store_path.exists():
        raise SettingInvalid(
            f"There is no store at {settings.store_path}. Name its folder with --data DIR."
        )
    store = open_store(settings)
    try:
        store.migrate()
        yield store, SystemClock().now_ms()
    finally:
        store.close()


def ensure_access(store: Store, api_key: str | None, now_ms: int) -> str | None:
    """See to it that an account and a usable key exist; the key's secret if one was made."""
    with store.transaction():
        session = store.writer()
        account = access.default_account(session, now_ms)
        if api_key is not None:
            access.ensure_key(session, account, api_key, now_ms)
            return None
        test_scope = Scope(account.id, False)
        if session.keys.page(test_scope, access.FIRST).items:
            return None
        return access.create_key(session, test_scope, "first start", now_ms)[1]


def offer_set_up(store: Store) -> str | None:
    """What makes the first member of the dashboard; None once there is one."""
    with store.transaction():
        return members.offer_set_up(store.writer())


def ensure_link_secret(store: Store) -> None:
    """See to it that there is a secret to sign the links in mails with."""
    with store.transaction():
        session = store.writer()
        if session.setting(SECRET) is None:
            session.set_setting(SECRET, new_link_secret())


def lock_folder(store_path: Path) -> TextIO:
    """Hold the store for this process alone. Raises AlreadyRunning."""
    path = store_path.with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise AlreadyRunning(str(path)) from error
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle
