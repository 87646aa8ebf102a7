"""`add_invoice_items`: what is sold once, together with a subscription."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tripmeter.billing.items import checked_tax_rates, inline_price
from tripmeter.billing.pending import pend
from tripmeter.control.announcing import merge_metadata
from tripmeter.control.discounts import give_discounts
from tripmeter.model.catalogue import Price
from tripmeter.model.errors import ParameterInvalid, ParameterMissing, ParametersExclusive
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import InvoiceItem
from tripmeter.model.scope import Caller
from tripmeter.model.subscription import Subscription
from tripmeter.ports import Work
from tripmeter.rules.discounts import Recipient
from tripmeter.rules.periods import Period
from tripmeter.rules.pricing import amount

Given = Mapping[str, Any]


def add_invoice_items(
    work: Work, caller: Caller, subscription: Subscription, given: Sequence[Given], now_ms: int
) -> None:
    """Have what is sold once wait for the next invoice of a subscription.

    Raises ParameterInvalid and its kin, naming the entry; ResourceMissing.
    """
    for index, one in enumerate(given):
        param = f"add_invoice_items[{index}]"
        price = _price(work, caller, subscription, one, param)
        pend(work, caller, _item(work, caller, subscription, one, price, param, now_ms))


def _price(
    work: Work, caller: Caller, subscription: Subscription, given: Given, param: str
) -> Price:
    if "price" in given and "price_data" in given:
        raise ParametersExclusive((f"{param}[price]", f"{param}[price_data]"))
    if "price_data" in given:
        price = inline_price(work, caller, given["price_data"], f"{param}[price_data]")
    elif "price" in given:
        price = work.session.prices.get(caller.scope, given["price"], f"{param}[price]").value
        if not price.active:
            raise ParameterInvalid(
                f"{param}[price]", f"The price {price.id} is inactive. Use an active one."
            )
    else:
        raise ParameterMissing(f"{param}[price]")
    if price.recurring is not None:
        raise ParameterInvalid(
            f"{param}[price]", f"The price {price.id} recurs. Put it into items instead."
        )
    if price.currency != subscription.currency:
        raise ParameterInvalid(
            f"{param}[price]",
            f"The price {price.id} is in {price.currency}, and the subscription in "
            f"{subscription.currency}. Use a price of that currency.",
        )
    return price


def _item(
    work: Work,
    caller: Caller,
    subscription: Subscription,
    given: Given,
    price: Price,
    param: str,
    now_ms: int,
) -> InvoiceItem:
    id_, quantity = new_id("ii", now_ms), Decimal(given.get("quantity", 1))
    period = _period(given.get("period"), subscription, param, now_ms)
    recipient = Recipient(
        now_ms // 1000, subscription.customer, subscription.id, invoice_item=id_,
        currency=subscription.currency, amount=amount(price, quantity),
    )  # fmt: skip
    return InvoiceItem(
        id=id_,
        account=subscription.account,
        livemode=subscription.livemode,
        created_ms=now_ms,
        customer=subscription.customer,
        currency=subscription.currency,
        amount=amount(price, quantity),
        quantity=quantity,
        unit_amount=price.unit_amount,
        price=price.id,
        product=price.product,
        description=work.session.products.get(caller.scope, price.product).value.name,
        period_start_ms=period.start_ms,
        period_end_ms=period.end_ms,
        subscription=subscription.id,
        discountable=given.get("discountable", True),
        discounts=give_discounts(
            work, caller, given.get("discounts") or (), recipient, param=f"{param}[discounts]"
        ),
        tax_rates=checked_tax_rates(
            work.session, caller.scope, given.get("tax_rates"), f"{param}[tax_rates]"
        )
        or subscription.default_tax_rates,
        metadata=merge_metadata({}, given.get("metadata")),
    )


def _period(given: Given | None, subscription: Subscription, param: str, now_ms: int) -> Period:
    """The time that it is for: now, unless more is said (Stripe)."""
    if given is None:
        return Period(now_ms, now_ms)
    starts = {"now": now_ms, "max_item_period_start": subscription.period_start_ms}
    start_ms = starts.get(given["start"]["type"])
    if start_ms is None:
        start_ms = _timestamp(given["start"], f"{param}[period][start][timestamp]")
    end_ms = subscription.period_end_ms
    if given["end"]["type"] == "timestamp":
        end_ms = _timestamp(given["end"], f"{param}[period][end][timestamp]")
    if end_ms < start_ms:
        raise ParameterInvalid(f"{param}[period][end]", "A period cannot end before it has begun.")
    return Period(start_ms, end_ms)


def _timestamp(given: Given, param: str) -> int:
    if "timestamp" not in given:
        raise ParameterMissing(param)
    return int(given["timestamp"]) * 1000
