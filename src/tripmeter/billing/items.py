"""Items of subscriptions as they are asked for: read, checked, and made into facts."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import structs

from tripmeter.billing.contract import Contract, Item
from tripmeter.control.announcing import merge_metadata
from tripmeter.control.discounts import give_discounts
from tripmeter.control.prices import insert_price
from tripmeter.control.products import existing_product
from tripmeter.model.catalogue import Price
from tripmeter.model.errors import (
    ParameterInvalid,
    ParametersExclusive,
    ResourceMissing,
    StateConflict,
)
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.subscription import Subscription, SubscriptionItem
from tripmeter.ports import Session, Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.prices import named
from tripmeter.rules.pricing import quantities_amount
from tripmeter.rules.subscriptions import Wanted, check_items

Given = Mapping[str, Any]
"""The parameters of one item."""


class ItemChange(NamedTuple):
    """What becomes of one item: added (no `before`), changed, or deleted (no `after`)."""

    before: Item | None
    after: Item | None
    clear_usage: bool = False
    """Whether usage that was not billed is forgotten."""

    @property
    def is_replaced(self) -> bool:
        """Whether what the item sold so far ends: it is deleted, or has another price."""
        if self.before is None:
            return False
        return self.after is None or self.after.price.id != self.before.price.id

    @property
    def amounts_differ(self) -> bool:
        """Whether a quantity is billed differently from now on."""
        old, new = self.before, self.after
        if old is None or new is None:
            return True
        return self.is_replaced or old.item.quantity != new.item.quantity


# --- what is asked for -------------------------------------------------------------------------


def wanted_item(
    work: Work, caller: Caller, given: Given, param: str, now: Item | None = None
) -> Wanted:
    """An item as it is asked for; `now` is what it is so far.

    Raises ResourceMissing, ParameterInvalid, ParametersExclusive.
    """
    price, is_chosen = _price(work, caller, given, param, now)
    if is_chosen:
        _check_meter(work.session, caller.scope, price, param)
    is_metered = price.meter is not None
    quantity = given.get("quantity", now.item.quantity if now and not is_metered else None)
    usage_gte = now.item.usage_gte if now and is_metered else None
    if "billing_thresholds" in given:
        usage_gte = (given["billing_thresholds"] or {}).get("usage_gte")
    return Wanted(param, price, quantity, usage_gte, is_chosen)


def _price(
    work: Work, caller: Caller, given: Given, param: str, now: Item | None
) -> tuple[Price, bool]:
    """The price of an item, and whether it was chosen by its id."""
    if "price" in given and "price_data" in given:
        raise ParametersExclusive((named(param, "price"), named(param, "price_data")))
    if "price_data" in given:
        return inline_price(work, caller, given["price_data"], named(param, "price_data")), False
    if "price" in given:
        if now is not None and now.price.id == given["price"]:
            return now.price, False
        found = work.session.prices.get(caller.scope, given["price"], named(param, "price"))
        return found.value, True
    if now is None:
        raise ParameterInvalid(
            named(param, "price"), "An item needs a price: make one first, and give its id."
        )
    return now.price, False


def inline_price(work: Work, caller: Caller, data: Given, param: str) -> Price:
    """A price that is made for one purpose, and is inactive: nothing else is to use it."""
    product = existing_product(work, caller, data["product"], f"{param}[product]").value
    return insert_price(work, caller, {**data, "active": False}, product.id, param)


def _check_meter(session: Session, scope: Scope, price: Price, param: str) -> None:
    if price.meter is not None and not session.meters.get(scope, price.meter).value.active:
        raise ParameterInvalid(
            named(param, "price"),
            f"The price {price.id} bills the usage of the meter {price.meter}, which is inactive. "
            "Reactivate the meter, or use a price of an active one.",
        )


# --- items made of it --------------------------------------------------------------------------


def new_item(
    work: Work,
    caller: Caller,
    subscription: Subscription,
    wanted: Wanted,
    given: Given,
    now_ms: int,
) -> SubscriptionItem:
    """An item of a subscription, in no period yet."""
    blank = SubscriptionItem(
        id=new_id("si", now_ms),
        account=subscription.account,
        livemode=subscription.livemode,
        created_ms=now_ms,
        subscription=subscription.id,
        customer=subscription.customer,
        price=wanted.price.id,
        period_start_ms=subscription.period_start_ms,
        period_end_ms=subscription.period_end_ms,
    )
    return _with_terms(work, caller, subscription, blank, wanted, given, now_ms)


def _with_terms(
    work: Work,
    caller: Caller,
    subscription: Subscription,
    item: SubscriptionItem,
    wanted: Wanted,
    given: Given,
    now_ms: int,
) -> SubscriptionItem:
    """An item on the terms that are asked for; what is not mentioned stays."""
    is_metered = wanted.price.meter is not None
    tax_rates, discounts = item.tax_rates, item.discounts
    if "tax_rates" in given:
        param = named(wanted.param, "tax_rates")
        tax_rates = checked_tax_rates(work.session, caller.scope, given["tax_rates"], param)
    if "discounts" in given:
        discounts = give_discounts(
            work,
            caller,
            given["discounts"] or (),
            Recipient(
                now_ms // 1000, subscription.customer, subscription.id, item.id,
                currency=subscription.currency,
                amount=quantities_amount([(wanted.price, wanted.quantity)]),
            ),
            held=item.discounts,
            param=named(wanted.param, "discounts"),
        )  # fmt: skip
    return structs.replace(
        item,
        price=wanted.price.id,
        meter=wanted.price.meter,
        quantity=None if is_metered else 1 if wanted.quantity is None else wanted.quantity,
        usage_gte=wanted.usage_gte,
        tax_rates=tax_rates,
        discounts=discounts,
        metadata=merge_metadata(item.metadata, given.get("metadata")),
    )


def checked_tax_rates(
    session: Session, scope: Scope, ids: Sequence[str] | None, param: str
) -> tuple[str, ...]:
    """Tax rates that exist and are active. Raises ResourceMissing, ParameterInvalid."""
    for id_ in ids or ():
        if not session.tax_rates.get(scope, id_, param).value.active:
            raise ParameterInvalid(param, f"The tax rate {id_} is inactive. Use an active one.")
    return tuple(ids or ())


# --- changes -----------------------------------------------------------------------------------


def item_changes(
    work: Work,
    caller: Caller,
    agreed: Contract,
    given: Sequence[tuple[str, Given]],
    now_ms: int,
) -> list[ItemChange]:
    """What becomes of a subscription's items, those that are not mentioned left out.

    Each entry comes with the parameter that it stands under. Raises what refuses an item, and
    StateConflict where none would be left. Nothing is stored yet.
    """
    known = {one.item.id: one for one in agreed.items}
    targets = [_target(known, one, param) for param, one in given]
    _check_named_once(given)
    kept = [one for one in agreed.items if one not in targets]
    wanted: list[Wanted] = [
        Wanted("items", one.price, one.item.quantity, one.item.usage_gte, is_chosen=False)
        for one in kept
    ]
    asked: list[Wanted | None] = []
    for (param, one), target in zip(given, targets, strict=True):
        is_deleted = bool(one.get("deleted"))
        asked.append(None if is_deleted else wanted_item(work, caller, one, param, target))
    wanted += [one for one in asked if one is not None]
    if not wanted:
        raise StateConflict(
            "A subscription must have at least one item. Cancel the subscription instead.",
            given[0][0] or None,
        )
    check_items(wanted)
    return [
        _change(work, caller, agreed.subscription, one, target, want, now_ms)
        for (_, one), target, want in zip(given, targets, asked, strict=True)
    ]


def _target(known: Mapping[str, Item], given: Given, param: str) -> Item | None:
    """The item that an entry is about; None for one that is added."""
    id_ = given.get("id")
    if id_ is None:
        if given.get("deleted") or given.get("clear_usage"):
            raise ParameterInvalid(named(param, "id"), "Say which item: give its id.")
        return None
    if id_ not in known:
        raise ResourceMissing("subscription_item", id_, named(param, "id"))
    target = known[id_]
    is_going = bool(given.get("deleted")) or given.get("price", target.price.id) != target.price.id
    if given.get("clear_usage") and not (is_going or "price_data" in given):
        raise ParameterInvalid(
            named(param, "clear_usage"),
            "clear_usage goes with deleted=true, or with another price. To correct usage, cancel "
            "its events, or report a negative quantity.",
        )
    return target


def _check_named_once(given: Sequence[tuple[str, Given]]) -> None:
    seen: set[str] = set()
    for param, one in given:
        id_ = one.get("id")
        if id_ is None:
            continue
        if id_ in seen:
            raise ParameterInvalid(
                named(param, "id"), f"The item {id_} is given more than once. Name it once."
            )
        seen.add(id_)


def _change(
    work: Work,
    caller: Caller,
    subscription: Subscription,
    given: Given,
    target: Item | None,
    wanted: Wanted | None,
    now_ms: int,
) -> ItemChange:
    clear = bool(given.get("clear_usage"))
    if wanted is None:
        return ItemChange(target, None, clear)
    name = work.session.products.get(caller.scope, wanted.price.product).value.name
    if target is None:
        item = new_item(work, caller, subscription, wanted, given, now_ms)
        return ItemChange(None, Item(0, item, wanted.price, name))
    item = _with_terms(work, caller, subscription, target.item, wanted, given, now_ms)
    return ItemChange(target, Item(target.no, item, wanted.price, name), clear)
