"""Every setting, read once: from the command line, else the environment, else the defaults.

TRIPMETER_HOST                    address to listen on              127.0.0.1
TRIPMETER_PORT                    port to listen on                 4010
TRIPMETER_DATA                    folder of the embedded store      ./data
                                  and of what an engine keeps beside any store
TRIPMETER_DATABASE                sqlite:///FILE or postgresql://...
TRIPMETER_API_KEY                 this key exists for the default account
TRIPMETER_ALLOW_PRIVATE_WEBHOOKS  1: webhooks may go to private addresses
TRIPMETER_LOG                     text or json                      text
TRIPMETER_REQUEST_LOG             which requests are logged: off,   errors
                                  errors (4xx and 5xx) or all
TRIPMETER_RATE_LIMIT              off, stripe (what Stripe          off
                                  documents), or requests a second
                                  that one API key may send
TRIPMETER_PROCESSES               1: everything in one; more: all     1
                                  but one of them answer HTTP
TRIPMETER_FAILPOINT               die there: docs/failpoints.md

Billing:

TRIPMETER_INVOICE_GRACE           seconds for which the invoice of a  3600
                                  period stays a draft, and takes
                                  late usage; up to 72 hours
TRIPMETER_INVOICE_RATE            new invoices of a subscription, the 10/minute,20/day
                                  ends of its periods aside; beyond
                                  it thresholds wait, and requests
                                  are refused; or off
TRIPMETER_BASE_URL                where people find their invoices    http://HOST:PORT
TRIPMETER_SELLER                  who invoices are from               the account's name
TRIPMETER_BRAND_NAME              whose page customers see            the account's name
TRIPMETER_BRAND_LOGO              a file: png, svg, jpg, gif, webp
TRIPMETER_BRAND_COLOR             such as #2f5bd0; it has to be
                                  readable on white

Mail and messages of alerts:

TRIPMETER_SMTP_URL                smtp[s]://USER:PASSWORD@HOST:PORT   without one, mails are
                                  ?starttls=always|never|auto         files in DATA/mail
TRIPMETER_MAIL_FROM               who mails are from, with SMTP; such as
                                  Example <billing@example.com>
TRIPMETER_LANGUAGE                of messages whose readers have    en
                                  none of their own: en or de

Limits; what goes beyond one is refused with 503 or 408 and the time to come again. Connections,
requests and bodies are divided among the processes:

TRIPMETER_MAX_CONNECTIONS         open connections                  20000
TRIPMETER_MAX_REQUESTS            requests under way at once        2000
TRIPMETER_MAX_BODY_MB             request bodies in memory, in MiB  256
TRIPMETER_MAX_WAIT_MS             expected wait for the writer      2000
TRIPMETER_MAX_QUEUED_EVENTS       meter events that wait for it     250000
TRIPMETER_READ_TIMEOUT_S          for a head, a body beyond what    30
                                  16 KiB a second allow, or to take an answer
TRIPMETER_IDLE_TIMEOUT_S          between two requests              75
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

_TRUE = frozenset({"1", "true", "yes", "on"})
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")
_LIMITS = (
    "max_connections",
    "max_requests",
    "max_body_mb",
    "max_wait_ms",
    "max_queued_events",
    "read_timeout_s",
    "idle_timeout_s",
)
_RATE = re.compile(r"(?P<most>[1-9]\d{0,5})/(?P<unit>minute|day)", re.ASCII)

LONGEST_GRACE_S: Final = 72 * 3600
"""Seconds that an invoice may stay a draft by itself (Stripe)."""

_SECRET = re.compile(r":.*(?=@)|\?.*$")
"""What a database URL must not show: the password, and parameters, which may hold another."""


class SettingInvalid(ValueError):
    """A setting that cannot be used; the text says what would do."""


class SmtpServer(NamedTuple):
    """Where an SMTP server is, and how it is talked to."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    """From the first byte on."""
    starttls: bool | None
    """None: if the server offers it."""


@dataclass(frozen=True)
class Settings:
    """What an engine is built from."""

    host: str = "127.0.0.1"
    port: int = 4010
    data: Path = Path("data")
    database: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    allow_private_webhooks: bool = False
    log: str = "text"
    request_log: Literal["off", "errors", "all"] = "errors"
    rate_limit: Literal["off", "stripe"] | int = "off"
    failpoint: str | None = None
    invoice_grace: int = 3600
    invoice_rate: str = "10/minute,20/day"
    base_url: str | None = None
    seller: str = ""
    brand_name: str = ""
    brand_logo: Path | None = None
    brand_color: str | None = None
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    language: str = "en"
    processes: int = 1
    max_connections: int = 20_000
    max_requests: int = 2_000
    max_body_mb: int = 256
    max_wait_ms: int = 2_000
    max_queued_events: int = 250_000
    read_timeout_s: int = 30
    idle_timeout_s: int = 75

    @property
    def invoice_rates(self) -> dict[str, int]:
        """Invoices of a subscription in a `minute` and a `day`; one that is absent is no limit."""
        return _invoice_rate(self.invoice_rate)

    @property
    def public_url(self) -> str:
        """Where people find their invoices; without a slash at the end."""
        if self.base_url is not None:
            return self.base_url.rstrip("/")
        return f"http://{_reachable(self.host)}:{self.port}"

    @property
    def smtp(self) -> SmtpServer | None:
        """Where mails are handed over; None where they are written into a folder."""
        return None if self.smtp_url is None else _smtp_server(self.smtp_url)

    @property
    def mail_path(self) -> Path:
        """The folder of mails where there is no SMTP server."""
        return self.store_path.parent / "mail"

    @property
    def of_one_process(self) -> "Settings":
        """With the limits of what is held at a door divided by the number of processes."""
        doors = max(self.processes - 1, 1)  # the engine, if it is not alone, takes none itself
        return replace(
            self,
            max_connections=-(-self.max_connections // doors),
            max_requests=-(-self.max_requests // self.processes),
            max_body_mb=-(-self.max_body_mb // self.processes),
        )

    @property
    def identifiers_path(self) -> Path:
        """The folder of the identifier tier; it can be made again from the usage log."""
        return self.store_path.parent / "identifiers"

    @property
    def postgres_url(self) -> str | None:
        """The URL of the PostgreSQL database, which may hold a password; None for SQLite."""
        url = self.database
        return url if url is not None and url.startswith(_POSTGRES) else None

    @property
    def store_path(self) -> Path:
        """The file of the embedded store; beside another store, where it would be."""
        if self.database is not None and self.postgres_url is None:
            return Path(self.database.removeprefix(_SQLITE))
        return self.data / "tripmeter.db"

    @property
    def store_name(self) -> str:
        """Where the data are, without any password."""
        if self.postgres_url is None:
            return str(self.store_path)
        scheme, _, rest = self.postgres_url.partition("://")
        return f"{scheme}://{_SECRET.sub('', rest)}"


def read_settings(environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """The settings; `given` ones that are not None win. Raises SettingInvalid."""
    settings = Settings()
    for name in (known.name for known in fields(Settings)):
        text = environment.get(f"TRIPMETER_{name.upper()}")
        if text:
            settings = replace(settings, **{name: _read(name, text)})
    if isinstance(limit := given.get("rate_limit"), str):
        given["rate_limit"] = _rate_limit(limit)
    settings = replace(settings, **{k: v for k, v in given.items() if v is not None})
    return _checked(settings)


def _read(name: str, text: str) -> Any:
    if name in ("port", "processes", "invoice_grace", *_LIMITS):
        if not (text.isascii() and text.isdecimal()):
            raise SettingInvalid(f"TRIPMETER_{name.upper()} must be a number, not {text!r}.")
        return int(text)
    if name == "allow_private_webhooks":
        return text.lower() in _TRUE
    if name == "rate_limit":
        return _rate_limit(text)
    return Path(text) if name in ("data", "brand_logo") else text


def _rate_limit(text: str) -> str | int:
    if text in ("off", "stripe"):
        return text
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise SettingInvalid(
        "TRIPMETER_RATE_LIMIT, or --rate-limit, must be off, stripe or the requests that a key may "
        f"send in a second, such as 50; not {text!r}."
    )


def _invoice_rate(text: str) -> dict[str, int]:
    """`10/minute,20/day` by the length of time; nothing of `off`. Raises SettingInvalid."""
    if text == "off":
        return {}
    parts = [_RATE.fullmatch(part.strip()) for part in text.split(",")]
    rates = {part["unit"]: int(part["most"]) for part in parts if part is not None}
    if len(rates) != len(parts):
        raise SettingInvalid(
            "TRIPMETER_INVOICE_RATE must be off, or one or both of N/minute and N/day, such as "
            f"10/minute,20/day; not {text!r}."
        )
    return rates


def _reachable(host: str) -> str:
    """A host as it stands in an address: one that stands for all of them is this machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "localhost"
    return f"[{host}]" if address.version == 6 else host


_STARTTLS: Final = {"always": True, "never": False, "auto": None}
_SMTP_PORTS: Final = {"smtp": 587, "smtps": 465}


def _smtp_server(url: str) -> SmtpServer:
    """What an SMTP URL says. Raises SettingInvalid, which names no password."""
    try:
        parts = urlsplit(url)
        port = parts.port or _SMTP_PORTS[parts.scheme]
        query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        starttls = _STARTTLS[query.pop("starttls", ["auto"])[0]]
    except (ValueError, KeyError):
        query = {"?": []}
    if query or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise SettingInvalid(
            "TRIPMETER_SMTP_URL must be smtp://USER:PASSWORD@HOST:PORT or smtps://..., with"
            " ?starttls=always, never or auto if need be. Percent-encode what is special in the"
            " password."
        )
    is_tls = parts.scheme == "smtps"
    return SmtpServer(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=is_tls,
        starttls=False if is_tls else starttls,
    )


def _check_mail(settings: Settings) -> None:
    if settings.smtp_url is not None:
        _smtp_server(settings.smtp_url)
        if settings.mail_from is None:
            raise SettingInvalid(
                "TRIPMETER_SMTP_URL needs TRIPMETER_MAIL_FROM, who mails are from, such as"
                " Example <billing@example.com>."
            )
    address = parseaddr(settings.mail_from or "a@localhost")[1]
    if "@" not in address or not (settings.mail_from or "").isprintable():
        raise SettingInvalid(
            "TRIPMETER_MAIL_FROM must be an address such as billing@example.com, or a name with one"
            f" such as Example <billing@example.com>; not {settings.mail_from!r}."
        )
    if settings.language not in ("en", "de"):
        raise SettingInvalid(f"TRIPMETER_LANGUAGE must be en or de, not {settings.language!r}.")


def _check_billing(settings: Settings) -> None:
    if not 0 <= settings.invoice_grace <= LONGEST_GRACE_S:
        raise SettingInvalid(
            f"TRIPMETER_INVOICE_GRACE must be 0 to {LONGEST_GRACE_S} seconds, which are 72 hours."
        )
    _invoice_rate(settings.invoice_rate)
    if settings.base_url is None:
        return
    parts = urlsplit(settings.base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise SettingInvalid(
            "TRIPMETER_BASE_URL must be an address such as https://billing.example.com, without "
            f"? and #; not {settings.base_url!r}."
        )


def _checked(settings: Settings) -> Settings:
    _check_billing(settings)
    _check_mail(settings)
    if settings.database is not None and not settings.database.startswith((_SQLITE, *_POSTGRES)):
        raise SettingInvalid(
            f"The database URL must begin with {_SQLITE} or {_POSTGRES[0]}; without one, the data "
            "are in the folder --data DIR."
        )
    for name in ("processes", *_LIMITS):
        if getattr(settings, name) < 1:
            raise SettingInvalid(f"TRIPMETER_{name.upper()} must be at least 1.")
    if settings.processes > 1 and settings.rate_limit != "off":
        raise SettingInvalid(
            "A rate limit needs a single process, in which all requests of a key are counted: "
            "leave out --processes (TRIPMETER_PROCESSES) or --rate-limit (TRIPMETER_RATE_LIMIT)."
        )
    if settings.log not in ("text", "json"):
        raise SettingInvalid(f"TRIPMETER_LOG must be text or json, not {settings.log!r}.")
    if settings.request_log not in ("off", "errors", "all"):
        raise SettingInvalid(
            f"TRIPMETER_REQUEST_LOG must be off, errors or all, not {settings.request_log!r}."
        )
    return settings
