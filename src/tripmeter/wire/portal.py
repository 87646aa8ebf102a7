"""Portal sessions as Stripe's objects, and their shape."""

from typing import Final, Literal, TypedDict

from tripmeter.model.portal import PortalSession
from tripmeter.wire.times import unix

CONFIGURATION: Final = "bpc_default"
"""There is one way that the page looks, set by who runs the engine."""


class PortalSessionObject(TypedDict):
    """That a customer's page is open for an hour."""

    id: str
    object: Literal["billing_portal.session"]
    after_expiration: None
    configuration: str
    created: int
    customer: str
    customer_account: None
    flow: None
    livemode: bool
    locale: str | None
    on_behalf_of: None
    return_url: str | None
    url: str


def portal_session_object(session: PortalSession, url: str, now_ms: int) -> PortalSessionObject:
    """A session with the address of its page."""
    return {
        "id": session.id,
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": CONFIGURATION,
        "created": unix(now_ms),
        "customer": session.customer,
        "customer_account": None,
        "flow": None,
        "livemode": session.scope.livemode,
        "locale": session.locale,
        "on_behalf_of": None,
        "return_url": session.return_url,
        "url": url,
    }
