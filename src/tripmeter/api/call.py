"""One request on its way through the door, and what a route says of itself."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from tripmeter.model.access import Access, Permission, Resource
from tripmeter.model.errors import ParametersExclusive, ResourceMissing
from tripmeter.model.member import SignedIn
from tripmeter.model.portal import Brand
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Page, Slice
from tripmeter.model.terms import STRIPES, Terms
from tripmeter.pipeline.jobs import Worker
from tripmeter.ports import Clock, Session, Store, Work
from tripmeter.ports.outgoing import Notifier
from tripmeter.rules.rate_limit import Policy
from tripmeter.wire.objects import no_members
from tripmeter.wire.params import Expand, Integer, Object, Param, String

if TYPE_CHECKING:
    from tripmeter.api.desk import Desk

MIB: Final = 1024 * 1024
BODY_LIMIT: Final = MIB
"""Bytes that a request body may have, bulk requests aside."""


LogLevel = Literal["off", "errors", "all"]
"""Which requests are logged; errors are answers of 400 and above."""


class Services(NamedTuple):
    """What routes work with; `app.py` fills it in."""

    store: Store
    writer: Worker
    clock: Clock
    allow_private: bool
    """Whether webhooks may go to private addresses."""
    metrics: Callable[[], bytes]
    rate_limit: Policy = "off"
    request_log: LogLevel = "errors"
    terms: Terms = STRIPES
    """How the engine bills."""
    desk: "Desk | None" = None
    """What the dashboard has; None in processes that do not answer it."""
    notifier: Notifier | None = None
    """What reaches services beyond our own few, if its library is installed."""
    brand: Brand = Brand()
    """How the pages of customers look."""


class Reply(NamedTuple):
    """What a route answers with: a status and an encoded body."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    pieces: AsyncIterator[bytes] | None = None
    """What goes on in place of the body, for routes that stream."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated request whose parameters are read."""

    services: Services
    caller: Caller
    params: dict[str, Any]
    path: dict[str, str]
    version: Literal[1, 2]
    hold: Callable[[int], None]
    """Counts bytes that the request takes beside its body, such as what is unpacked from it.

    Raises Overloaded.
    """
    body: bytes = b""
    content_type: str | None = None
    content_encoding: str | None = None
    signed_in: SignedIn | None = None
    """The member who asks, where it is no key that does."""
    address: str = ""
    """The network address that the request comes from."""
    last_event_id: str | None = None
    """The last event of a stream that the client has heard of."""
    still_authentic: Callable[[], bool] = bool
    """Whether the key or session would still be let in; for answers that go on."""
    earlier_session: bytes | None = None
    """The digest of the session that the browser has already, where it asks for a new one."""

    @property
    def scope(self) -> Scope:
        """Whose data it is about."""
        return self.caller.scope

    @property
    def now_ms(self) -> int:
        """The time at which something is read; a change has that of its `Work`."""
        return self.services.clock.now_ms()

    @property
    def desk(self) -> "Desk":
        """What the dashboard has."""
        assert self.services.desk is not None, "this process does not answer the dashboard"
        return self.services.desk

    @property
    def member(self) -> SignedIn:
        """Who asks, on routes for members alone."""
        assert self.signed_in is not None, "the route is not for members alone"
        return self.signed_in

    @property
    def id(self) -> str:
        """The id in the path."""
        return self.path["id"]

    @property
    def page(self) -> Page:
        """Which part of a list was asked for. Raises ParametersExclusive for both cursors."""
        if "starting_after" in self.params and "ending_before" in self.params:
            raise ParametersExclusive(("starting_after", "ending_before"))
        return Page(
            self.params.get("limit", 10),
            self.params.get("starting_after"),
            self.params.get("ending_before"),
        )

    @property
    def own_params(self) -> dict[str, Any]:
        """The parameters without those of the transport."""
        return {name: value for name, value in self.params.items() if name not in TRANSPORT}


TRANSPORT: Final = frozenset({"expand", "include"})

Read = Callable[[Session, Call], Any]
"""Renders what is asked for, from committed state."""

Change = Callable[[Work, Call], Any]
"""Changes something inside the writer's transaction, and renders the result."""

Handle = Callable[[Call], Awaitable[Reply]]
"""Answers in a way of its own: the usage paths."""

Usual = Callable[[bytes], dict[str, Any] | None]
"""Reads the parameters of the usual body at speed; None leaves a body to `params`."""

Auth = Literal["key", "stream_token", "session", "member", "nobody"]
"""What a route asks for: a key, or a member's session in one account and mode in its place; a token
of the meter event stream; a session and no key; a session, whatever the account; nothing."""

RESOURCES: Final = {
    "access": Resource.ACCESS,
    "account": Resource.ACCOUNT,
    "accounts": Resource.ACCOUNT,
    "action_runs": Resource.ALERTS,
    "active_entitlements": Resource.ENTITLEMENTS,
    "alert_targets": Resource.WEBHOOK_ENDPOINTS,
    "alerts": Resource.ALERTS,
    "billing_portal": Resource.BILLING_PORTAL,
    "coupons": Resource.COUPONS,
    "credit_balance_summary": Resource.CREDITS,
    "credit_balance_transactions": Resource.CREDITS,
    "credit_grants": Resource.CREDITS,
    "customers": Resource.CUSTOMERS,
    "dashboard": Resource.DASHBOARD,
    "delivery_attempts": Resource.WEBHOOK_ENDPOINTS,
    "event_destinations": Resource.WEBHOOK_ENDPOINTS,
    "events": Resource.EVENTS,
    "features": Resource.ENTITLEMENTS,
    "invoice_payments": Resource.INVOICES,
    "invoiceitems": Resource.INVOICES,
    "invoices": Resource.INVOICES,
    "limit_changes": Resource.ACCESS,
    "mail_templates": Resource.ALERTS,
    "meter_event_adjustments": Resource.METER_EVENTS,
    "meter_event_session": Resource.METER_EVENTS,
    "meter_event_stream": Resource.METER_EVENTS,
    "meter_events": Resource.METER_EVENTS,
    "meters": Resource.METERS,
    "prices": Resource.PRICES,
    "products": Resource.PRODUCTS,
    "promotion_codes": Resource.COUPONS,
    "subscription_items": Resource.SUBSCRIPTIONS,
    "subscriptions": Resource.SUBSCRIPTIONS,
    "tax_rates": Resource.TAX_RATES,
    "test_clocks": Resource.TEST_CLOCKS,
    "usage_limits": Resource.ACCESS,
    "webhook_endpoints": Resource.WEBHOOK_ENDPOINTS,
}
"""Which resource a word in a path stands for; the last such word of a path decides."""


@dataclass(frozen=True)
class Route:
    """A path of the API: exactly one of `read`, `change` and `handle` answers it."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    returns: Any
    """The shape of the answer, for OpenAPI."""
    params: Object = field(default_factory=lambda: Object({}))
    usual: Usual | None = None
    read: Read | None = None
    change: Change | None = None
    handle: Handle | None = None
    is_list: bool = False
    auth: Auth = "key"
    body_limit: int = BODY_LIMIT
    raw_body: bool = False
    """The route decodes the body itself; its parameters travel in the query string."""
    events: Callable[[dict[str, Any]], int] | None = None
    """How many events a request carries, where that is for rate limits to know."""
    is_usage: bool = False
    """`handle` asks the writer for nothing but usage and cancellations: any process can answer."""
    for_viewers: bool = False
    """Members who may only read may ask for it, though it is no GET."""
    streams: bool = False
    """The answer goes on for as long as somebody listens."""

    @cached_property
    def version(self) -> Literal[1, 2]:
        """Which generation of the API the path belongs to."""
        return 2 if self.path.startswith("/v2/") else 1

    @cached_property
    def permission(self) -> Permission:
        """What a restricted key needs for it."""
        words = self.path.split("/")
        resource = next(RESOURCES[word] for word in reversed(words) if word in RESOURCES)
        return Permission(resource, Access.READ if self.method == "GET" else Access.WRITE)


def fields(**params: Param) -> Object:
    """The parameters of a v1 request, `expand` included."""
    return Object({**params, "expand": Expand()})


def listing(**params: Param) -> Object:
    """The parameters of a v1 list, with its cursors."""
    return fields(
        **params,
        limit=Integer(minimum=1, maximum=100, description="Objects per page, 1 to 100."),
        starting_after=String(description="The id after which the page begins."),
        ending_before=String(description="The id before which the page ends."),
    )


def long_listing(**params: Param) -> Object:
    """As `listing`, with pages of up to 1000 objects, where these are small."""
    limit = Integer(minimum=1, maximum=1000, description="Objects per page, 1 to 1000.")
    return Object({**listing(**params).fields, "limit": limit})


def list_object(url: str, slice_: Slice[Any], render: Callable[[Any], Any]) -> dict[str, Any]:
    """A v1 list, newest first."""
    return {
        "object": "list",
        "url": url,
        "has_more": slice_.has_more,
        "data": [render(kept.value) for kept in slice_.items],
    }


def empty_list(url: str, page: Page, noun: str) -> dict[str, Any]:
    """A v1 list of what there never is here. Raises ResourceMissing for a cursor into it."""
    for param in ("starting_after", "ending_before"):
        if (cursor := getattr(page, param)) is not None:
            raise ResourceMissing(noun, cursor, param)
    return no_members(url)


def filters_of(params: dict[str, Any], *names: str) -> dict[str, Any]:
    """The filters of a list that were given, `created` among them."""
    given = {name: params[name] for name in names if name in params}
    return {**given, **bounds_ms(params.get("created"))}


def bounds_ms(given: dict[str, int] | None) -> dict[str, int]:
    """A `created` range in seconds as the store's filters in milliseconds."""
    edges = {}
    for name, seconds in (given or {}).items():
        past_end = name in ("gt", "lte")
        edges[f"created_{name}"] = seconds * 1000 + (999 if past_end else 0)
    return edges
