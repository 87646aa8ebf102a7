"""`/v1/subscriptions`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, bounds_ms, fields, listing
from tripmeter.billing import changes, creation, pausing
from tripmeter.billing.contract import Contract, contract
from tripmeter.billing.discounting import take_subscription_discount
from tripmeter.billing.rendering import rendered_subscription
from tripmeter.ports import Session, Work
from tripmeter.wire import subscription_params as params
from tripmeter.wire.catalogue import DiscountObject, deleted_discount_object
from tripmeter.wire.shapes_subscriptions import SubscriptionObject

_PATH: Final = "/v1/subscriptions"
_ONE: Final = f"{_PATH}/{{id}}"


def create(work: Work, call: Call) -> Any:
    """Make a subscription."""
    return _shown(work.session, creation.create_subscription(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Change a subscription."""
    changed = changes.update_subscription(work, call.caller, call.id, call.own_params)
    return _shown(work.session, changed)


def resume(work: Work, call: Call) -> Any:
    """Have a paused subscription go on."""
    return _shown(work.session, pausing.resume(work, call.caller, call.id, call.own_params))


def delete_discount(work: Work, call: Call) -> Any:
    """Take a subscription's discounts away."""
    return deleted_discount_object(take_subscription_discount(work, call.caller, call.id))


def cancel(work: Work, call: Call) -> Any:
    """End a subscription now."""
    return _shown(
        work.session, creation.cancel_subscription(work, call.caller, call.id, call.own_params)
    )


def retrieve(session: Session, call: Call) -> Any:
    """One subscription, canceled or not."""
    return _shown(session, contract(session, call.scope, call.id))


def list_(session: Session, call: Call) -> Any:
    """Subscriptions, newest first; canceled ones only if asked for."""
    given = call.params
    names = ("customer", "collection_method", "price")
    filters: dict[str, Any] = {name: given[name] for name in names if name in given}
    if "test_clock" in given:
        filters["clock"] = given["test_clock"]
    filters |= _by_status(given.get("status")) | bounds_ms(given.get("created"))
    found = session.subscriptions.page(call.scope, call.page, **filters)
    return {
        "object": "list",
        "url": _PATH,
        "has_more": found.has_more,
        "data": [
            _shown(session, contract(session, call.scope, kept.value.id)) for kept in found.items
        ],
    }


def _by_status(status: str | None) -> dict[str, Any]:
    match status:
        case None:
            return {"hide_canceled": True}
        case "all":
            return {}
        case "ended":
            return {"ended": True}
        case _:
            return {"status": status}


def _shown(session: Session, agreed: Contract) -> Any:
    return rendered_subscription(session, agreed)


ROUTES: Final = (
    Route(
        "POST",
        _PATH,
        "Create a subscription",
        SubscriptionObject,
        fields(**params.CREATE),
        change=create,
    ),
    Route(
        "GET",
        _PATH,
        "List subscriptions",
        SubscriptionObject,
        listing(**params.LIST),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve a subscription", SubscriptionObject, fields(), read=retrieve),
    Route(
        "POST",
        _ONE,
        "Update a subscription",
        SubscriptionObject,
        fields(**params.UPDATE),
        change=update,
    ),
    Route(
        "POST",
        f"{_ONE}/resume",
        "Resume a paused subscription",
        SubscriptionObject,
        fields(**params.RESUME),
        change=resume,
    ),
    Route(
        "DELETE",
        f"{_ONE}/discount",
        "Delete a subscription's discount",
        DiscountObject,
        fields(**params.DELETE_DISCOUNT),
        change=delete_discount,
    ),
    Route(
        "DELETE",
        _ONE,
        "Cancel a subscription",
        SubscriptionObject,
        fields(**params.CANCEL),
        change=cancel,
    ),
)
