"""`/v1/subscription_items`: the items of a subscription, one by one."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, listing
from tripmeter.billing import changes
from tripmeter.billing.contract import Contract, Item, contract
from tripmeter.billing.rendering import rendered_item
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.subscription import SubscriptionItem
from tripmeter.ports import Session, Work
from tripmeter.wire import subscription_params as params
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.shapes import DeletedObject
from tripmeter.wire.shapes_subscriptions import SubscriptionItemObject

_PATH: Final = "/v1/subscription_items"
_ONE: Final = f"{_PATH}/{{id}}"


def create(work: Work, call: Call) -> Any:
    """Add an item to a subscription."""
    given = call.own_params
    id_ = given.pop("subscription")
    before = contract(work.session, call.scope, id_, "subscription")
    after = changes.change(work, call.caller, id_, _terms(call), [("", given)])
    known = {one.item.id for one in before.items}
    added = next(one for one in after.items if one.item.id not in known)
    return rendered_item(work.session, added)


def update(work: Work, call: Call) -> Any:
    """Change an item."""
    item = _existing(work.session, call)
    given = {**call.own_params, "id": item.id}
    after = changes.change(work, call.caller, item.subscription, _terms(call), [("", given)])
    return rendered_item(work.session, _of(after, item.id))


def delete(work: Work, call: Call) -> Any:
    """Take an item off its subscription."""
    item = _existing(work.session, call)
    given = {**call.own_params, "id": item.id, "deleted": True}
    changes.change(work, call.caller, item.subscription, _terms(call), [("", given)])
    return deleted_object(item.id, "subscription_item")


def retrieve(session: Session, call: Call) -> Any:
    """One item."""
    item = _existing(session, call)
    return rendered_item(session, _of(contract(session, call.scope, item.subscription), item.id))


def list_(session: Session, call: Call) -> Any:
    """The items of a subscription, newest first."""
    id_ = call.params["subscription"]
    agreed = contract(session, call.scope, id_, "subscription")
    items = {one.item.id: one for one in agreed.items}
    found = session.subscription_items.page(call.scope, call.page, subscription=id_)
    return {
        "object": "list",
        "url": _PATH,
        "has_more": found.has_more,
        "data": [rendered_item(session, items[kept.value.id]) for kept in found.items],
    }


def _terms(call: Call) -> dict[str, Any]:
    """Of what was given, that which is about the subscription."""
    names = ("payment_behavior", "proration_behavior", "proration_date", "off_session")
    return {name: call.params[name] for name in names if name in call.params}


def _existing(session: Session, call: Call) -> SubscriptionItem:
    item = session.subscription_items.get(call.scope, call.id).value
    if item.deleted:
        raise ResourceMissing("subscription item", call.id)
    return item


def _of(agreed: Contract, id: str) -> Item:
    return next(one for one in agreed.items if one.item.id == id)


ROUTES: Final = (
    Route(
        "POST", _PATH, "Create a subscription item", SubscriptionItemObject,
        fields(**params.ITEM_CREATE), change=create,
    ),
    Route(
        "GET", _PATH, "List subscription items", SubscriptionItemObject,
        listing(**params.ITEM_LIST), read=list_, is_list=True,
    ),
    Route(
        "GET", _ONE, "Retrieve a subscription item", SubscriptionItemObject, fields(),
        read=retrieve,
    ),
    Route(
        "POST", _ONE, "Update a subscription item", SubscriptionItemObject,
        fields(**params.ITEM_UPDATE), change=update,
    ),
    Route(
        "DELETE", _ONE, "Delete a subscription item", DeletedObject,
        fields(**params.ITEM_DELETE), change=delete,
    ),
)  # fmt: skip
