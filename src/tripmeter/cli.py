"""The command line: serve, migrate, keys, members, import, doctor."""

import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

from cyclopts import App, Parameter

from tripmeter import __version__
from tripmeter.importer.order import Order

app = App(
    name="tripmeter",
    version=__version__,
    help="Watches metered usage and acts on the very event that crosses a line, in Stripe's API.",
)
keys_app = App(name="keys", help="Create, list and revoke API keys, beside a running engine.")
app.command(keys_app)
members_app = App(name="members", help="Who may sign in to the dashboard, beside a running engine.")
app.command(members_app)

Data = Annotated[Path | None, Parameter(help="Folder of the embedded store.  [default: ./data]")]
Database = Annotated[
    str | None,
    Parameter(
        help="Database URL: sqlite:///usage.db, or postgresql://user:password@host/name. A "
        "password is better kept in TRIPMETER_DATABASE or PGPASSWORD, where others do not see it."
    ),
]


@dataclass(frozen=True)
class LimitOptions:
    """What goes beyond a limit is refused with 503 or 408, and told when to come again."""

    max_connections: int | None = None
    """Open connections.  [default: 20000]"""
    max_requests: int | None = None
    """Requests under way at once.  [default: 2000]"""
    max_body_mb: int | None = None
    """MiB that request bodies may take, as sent and as unpacked.  [default: 256]"""
    max_wait_ms: int | None = None
    """Milliseconds that a change may expect to wait for the writer.  [default: 2000]"""
    max_queued_events: int | None = None
    """Meter events that may wait for the writer.  [default: 250000]"""
    read_timeout_s: int | None = None
    """Seconds for a head, for a body beyond what 16 KiB a second allow, and to take an answer.
    [default: 30]"""
    idle_timeout_s: int | None = None
    """Seconds that a connection may be idle between two requests.  [default: 75]"""


NO_OPTIONS: Final = LimitOptions()


def main() -> None:
    """Entry point of the `tripmeter` command."""
    from tripmeter.failpoints import FailpointUnknown
    from tripmeter.model.errors import Refusal
    from tripmeter.ports import StoreUnusable
    from tripmeter.settings import SettingInvalid

    try:
        app()
    except (FailpointUnknown, SettingInvalid, StoreUnusable) as error:
        _fail(str(error))
    except Refusal as refusal:
        _fail(_message(refusal))


@app.command
def serve(
    *,
    host: Annotated[
        str | None, Parameter(help="Address to listen on.  [default: 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on.  [default: 4010]")] = None,
    data: Data = None,
    database: Database = None,
    rate_limit: Annotated[
        str | None,
        Parameter(
            help="Requests a second that one API key may send: a number, stripe (as Stripe "
            "documents its limits) or off.  [default: off]"
        ),
    ] = None,
    processes: Annotated[
        int | None,
        Parameter(
            help="Processes to use: from 2 on, all but one answer HTTP and one writes. As many as "
            "there are cores for them.  [default: 1]"
        ),
    ] = None,
    demo: Annotated[
        bool, Parameter(help="Fill the account with demo data and live usage.")
    ] = False,
    limits: Annotated[LimitOptions, Parameter(name="*", group="Limits")] = NO_OPTIONS,
) -> None:
    """Run the engine until SIGTERM or Ctrl-C, then finish what is under way and exit with 0.

    TRIPMETER_API_KEY=sk_test_… makes sure that this key exists; without it, one is made at the
    first start and shown once. TRIPMETER_ALLOW_PRIVATE_WEBHOOKS=1 lets webhooks go to localhost.
    TRIPMETER_BASE_URL=https://… is where invoices are found, TRIPMETER_SELLER who they are from.
    """
    from rich.console import Console

    from tripmeter.app import Engine
    from tripmeter.logs import set_up_logging
    from tripmeter.ports import AlreadyRunning

    settings = _settings(
        host=host,
        port=port,
        data=data,
        database=database,
        rate_limit=rate_limit,
        processes=processes,
        **asdict(limits),
    )
    if demo:
        settings = _demo_settings(settings)
    set_up_logging(settings.log)
    try:
        with Console(stderr=True).status("Opening the store"):
            engine = Engine(settings)
            engine.prepare()
    except AlreadyRunning as error:
        _fail(f"Another engine has this store open (lock {error}). Stop it, or use another store.")
    except OSError as error:
        _fail(f"{error}. Choose a folder that can be written with --data DIR.")
    _serve(engine, demo=demo)


TURN_S: Final = 0.000_5
"""How long one thread keeps Python's lock while another waits for it. The writer and the event loop
need it in turn; with Python's own 5 ms a crossing took twice as long to reach its webhook, and
nothing was gained for it."""


def _serve(engine: Any, *, demo: bool) -> None:
    settings = engine.settings
    server = engine.server(_with_demo(engine) if demo else engine.app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises them again once it has drained
    _announce(engine)
    _collect_rarely()
    sys.setswitchinterval(TURN_S)
    with suppress(SystemExit):  # uvicorn leaves with a code of its own if it cannot listen
        server.run()
    if not server.started:
        _fail(
            f"Cannot listen on {settings.host}:{settings.port}: the port is taken, or the address "
            "is not one of this machine. Choose others with --port and --host."
        )


@app.command(show=False)
def door(*descriptors: int) -> None:
    """One of the further processes of `serve --processes`, which starts it. Not for people."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the engine drains it, before itself
    from tripmeter.app import door_server

    with suppress(EOFError):
        server = door_server(descriptors)
        _collect_rarely()
        sys.setswitchinterval(TURN_S)
        server.run()


def _collect_rarely() -> None:
    """Requests leave no cycles: what is here stays, and most of the rest is freed by itself."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _demo_settings(settings: Any) -> Any:
    """The demo has a key of its own, and its webhooks go to this machine."""
    from dataclasses import replace

    from tripmeter.demo import DEMO_KEY

    return replace(settings, api_key=DEMO_KEY, allow_private_webhooks=True)


def _with_demo(engine: Any) -> Any:
    from tripmeter.demo import with_demo

    return with_demo(engine)


def _announce(engine: Any) -> None:
    settings = engine.settings
    print(f"tripmeter {__version__} on http://{settings.host}:{settings.port}")
    print(f"  store    {settings.store_name}")
    if settings.processes > 1:
        listen = "1 listens" if settings.processes == 2 else f"{settings.processes - 1} listen"
        print(f"  process  {settings.processes}: {listen}, 1 writes")
    if engine.new_key is not None:
        print(f"  API key  {engine.new_key}  (shown this once)")
    if engine.set_up_token is not None:
        print(f"  set up   {_link(settings, engine.set_up_token)}  (until it is used)")
    sys.stdout.flush()


@app.command
def migrate(*, data: Data = None, database: Database = None) -> None:
    """Bring the store's schema up to date. `serve` does this by itself."""
    from tripmeter.app import open_store

    store = open_store(_settings(data=data, database=database))
    for name in store.migrate() or ["nothing to do: the schema is up to date"]:
        print(name)
    store.close()


AccountName = Annotated[
    str | None,
    Parameter(help="Name of another account than the first; made with its first key."),
]


@keys_app.command(name="create")
def keys_create(
    name: str = "cli",
    *,
    live: Annotated[bool, Parameter(help="A key for live mode instead of test mode.")] = False,
    restricted: Annotated[
        bool, Parameter(help="A key that may do only what --allow names.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        Parameter(
            help="A permission of a restricted key, RESOURCE:read or RESOURCE:write; can be given "
            "again and again.",
            negative="",
        ),
    ] = None,
    account: AccountName = None,
    data: Data = None,
    database: Database = None,
) -> None:
    """Create an API key and show it, this once.

    A restricted key, for a job or a machine that needs little, may do nothing but what is allowed:

        tripmeter keys create edge --restricted --allow meter_events:write

    To write includes to read. The resources: access, with limits and reservations · account ·
    alerts, with their firings, explanations, actions and mail templates · billing_portal, which
    opens customers' pages · coupons, with promotion codes and discounts · credits · customers,
    with their balance · dashboard, what it shows of everything together · entitlements · events,
    of those objects alone that the key may read · invoices, with their items and payments ·
    meter_events, reporting and cancelling usage · meters, with what customers used · prices ·
    products · subscriptions · tax_rates · test_clocks · webhook_endpoints, with event destinations
    and deliveries, and with targets of alerts; it sends endpoints only what the key may read.
    """
    from tripmeter.control import access

    if restricted is not bool(allow):
        _fail(
            "--restricted and --allow belong together: a restricted key may do what --allow names, "
            "such as --allow meters:read."
        )
    permissions = access.read_permissions(allow) if allow else None
    with _store(data, database, existing=False) as (store, now_ms), store.transaction():
        session = store.writer()
        if account is not None:
            access.named_account(session, account, now_ms)
        scope = _scope(_account_id(session, account, now_ms), live)
        key, secret = access.create_key(session, scope, name, now_ms, permissions)
    print(f"{key.id}  {secret}")


@keys_app.command(name="list")
def keys_list(*, account: AccountName = None, data: Data = None, database: Database = None) -> None:
    """List the API keys of an account; secrets are not kept and cannot be shown."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))  # all that matters fits into 80 columns
    for header, width in (("id", 26), ("key", 16), ("name", None), ("may", None), ("status", 7)):
        table.add_column(header, width=width, overflow="fold")
    with _store(data, database) as (store, now_ms), store.transaction():
        session = store.writer()
        account_id = _account_id(session, account, now_ms)
        for live in (True, False):
            for _, key in session.keys.every(_scope(account_id, live)):
                status = "active" if key.revoked_ms is None else "revoked"
                table.add_row(key.id, key.hint, key.name, key.may, status)
    Console().print(table)


@keys_app.command(name="revoke")
def keys_revoke(
    id: str, *, account: AccountName = None, data: Data = None, database: Database = None
) -> None:
    """Revoke the API key with this id, at once and for good."""
    from tripmeter.control import access
    from tripmeter.model.errors import ResourceMissing

    with _store(data, database) as (store, now_ms), store.transaction():
        session = store.writer()
        account_id = _account_id(session, account, now_ms)
        for live in (True, False):
            scope = _scope(account_id, live)
            if session.keys.find(scope, id) is not None:
                access.revoke_key(session, scope, id, now_ms)
                print(f"revoked {id}")
                return
        raise ResourceMissing("api_key", id)


@members_app.command(name="list")
def members_list(*, data: Data = None, database: Database = None) -> None:
    """List the members of the dashboard."""
    from rich.console import Console
    from rich.table import Table

    from tripmeter.control.members import all_members

    table = Table("id", "e-mail", "name", "role", "status", box=None, padding=(0, 1, 0, 0))
    with _store(data, database) as (store, _), store.reader() as session:
        for _, member in all_members(session):
            status = "active" if member.password is not None else "invited"
            table.add_row(member.id, member.email, member.name, member.role.value, status)
    Console().print(table)


@members_app.command(name="reset")
def members_reset(email: str, *, data: Data = None, database: Database = None) -> None:
    """Show, this once, a link by which a member chooses another password within 7 days.

    It begins with TRIPMETER_BASE_URL. Their sessions end when it is used.
    """
    from tripmeter.control.members import offer_new_password

    settings = _settings(data=data, database=database)
    with _store(data, database) as (store, now_ms), store.transaction():
        token = offer_new_password(store.writer(), email, now_ms)
    print(_link(settings, token))


def _link(settings: Any, token: str) -> str:
    from tripmeter.api.resources.dashboard import link_of

    return link_of(settings.public_url, token)


def _account_id(session: Any, name: str | None, now_ms: int) -> str:
    from tripmeter.control import access

    if name is None:
        return access.default_account(session, now_ms).id
    return access.account_called(session, name).id


@app.command
def doctor(*, data: Data = None, database: Database = None) -> None:
    """Recompute totals, hours and firings from the usage log, and report every difference.

    The ledgers of credit grants are added up, too.

    Works beside a running engine. Exits with 0 only if there is no difference at all.
    """
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from tripmeter.pipeline.audit import audit

    with (
        _store(data, database) as (store, _),
        store.reader() as session,
        Progress(transient=True) as progress,
    ):
        task = progress.add_task("reading the usage log", total=session.usage.last_position())
        report = audit(session, lambda position: progress.update(task, completed=position))
    print(
        f"{report.events:,} events, {report.cancellations:,} cancellations, "
        f"{report.tallies:,} stored totals, {report.firings:,} firings, "
        f"{report.invoices:,} invoices, {report.grants:,} credit grants: "
        f"{len(report.differences)} differences"
    )
    if report.differences:
        table = Table("what", "where", "stored", "recomputed")
        for difference in report.differences[:100]:
            table.add_row(*difference)
        Console().print(table)
        raise SystemExit(1)


@app.command(name="import")
def import_(order: Annotated[Order, Parameter(name="*")]) -> int:
    """Bring historical usage in from a CSV or NDJSON file, each row once.

    An import that was interrupted goes on where it stopped when the same command is given again;
    one that is finished sends nothing. What tells imports apart is the content of the file, so a
    file that has grown is a new one, and all of its rows count. In NDJSON, a column is a key, or a
    path such as usage.tokens.

    Exit status: 0 all rows are in, 3 some were refused, 1 it could not be carried out, 130 Ctrl-C.
    """
    from tripmeter.importer.command import import_file

    return import_file(order)


def _scope(account: str, live: bool) -> Any:
    from tripmeter.model.scope import Scope

    return Scope(account, live)


def _store(data: Path | None, database: str | None, *, existing: bool = True) -> Any:
    from tripmeter.app import opened_store

    return opened_store(_settings(data=data, database=database), existing=existing)


def _settings(**given: Any) -> Any:
    """The settings; from now on this process dies where TRIPMETER_FAILPOINT says."""
    from tripmeter import failpoints
    from tripmeter.settings import read_settings

    settings = read_settings(**given)
    failpoints.arm(settings.failpoint)
    if settings.failpoint is not None:
        print(f"tripmeter: dies at failpoint {settings.failpoint}", file=sys.stderr)
    return settings


def _message(refusal: Any) -> str:
    from tripmeter.wire.errors import render

    return str(render(refusal, version=1)[1]["error"]["message"])


def _fail(message: str) -> NoReturn:
    print(f"tripmeter: {message}", file=sys.stderr)
    raise SystemExit(1)
