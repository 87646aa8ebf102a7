"""`/v1/billing_portal/sessions`."""

from typing import Any, Final

from tripmeter.api.call import Call, Reply, Route, fields
from tripmeter.api.encoding import encode
from tripmeter.control.portal import open_portal
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Work
from tripmeter.wire.params import Enum, Refused, String
from tripmeter.wire.portal import PortalSessionObject, portal_session_object
from tripmeter.wire.portal_token import sealed

LOCALES: Final = (
    "auto bg cs da de el en en-AU en-CA en-GB en-IE en-IN en-NZ en-SG es es-419 et fi fil fr fr-CA"
    " hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
).split()
"""Stripe's. The page is in English or German; it takes what fits best."""


async def create(call: Call) -> Reply:
    """Open a customer's page. A retry opens another: no answer is stored that would hold its
    address."""

    def change(work: Work) -> Any:
        session, secret = open_portal(work, call.caller, call.own_params)
        base = call.services.terms.base_url or ""
        return portal_session_object(session, f"{base}/p/{sealed(secret, session)}", work.now_ms)

    return Reply(encode(await call.services.writer.ask(CommandJob(change))))


ROUTES: Final = (
    Route(
        "POST",
        "/v1/billing_portal/sessions",
        "Open a customer's page",
        PortalSessionObject,
        fields(
            customer=String(required=True),
            locale=Enum(*LOCALES, description="English or German, whichever is nearer."),
            return_url=String(description="Where the page's link back leads."),
            after_expiration=Refused("what is shown then is fixed. Leave it out."),
            configuration=Refused(
                "there is one way that the page looks, set with TRIPMETER_BRAND_NAME, _LOGO and"
                " _COLOR. Leave it out."
            ),
            customer_account=Refused("customers have no accounts of v2 here. Give customer."),
            flow_data=Refused("the page has no flows. Leave it out, and it opens as a whole."),
            on_behalf_of=Refused("there are no connected accounts. Leave it out."),
        ),
        handle=create,
    ),
)
