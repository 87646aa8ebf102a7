"""Discounts: coupons given to customers, subscriptions, items and invoices, and taken away.

A discount is part of what it was given to, which its caller stores. Here is decided whether it may
be given, and counted that it was.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import structs

from tripmeter.control.announcing import announce
from tripmeter.control.coupons import existing_coupon, replace_coupon
from tripmeter.control.customers import existing
from tripmeter.control.promotion_codes import replace_code, retire_codes_of
from tripmeter.model.catalogue import Coupon, Discount, GivenDiscount, PromotionCode
from tripmeter.model.errors import ParameterInvalid, ParametersExclusive, ResourceMissing
from tripmeter.model.ids import new_id
from tripmeter.model.invoice import InvoiceStatus
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work
from tripmeter.rules.coupons import why_not_valid
from tripmeter.rules.discounts import Recipient, end_of, why_code_refused
from tripmeter.wire.catalogue import deleted_discount_object, discount_object
from tripmeter.wire.objects import customer_object

_SOURCES: Final = ("coupon", "promotion_code", "discount")


class _Redemption(NamedTuple):
    """What one entry of `discounts` asks for, found and checked."""

    coupon: Kept[Coupon]
    code: Kept[PromotionCode] | None


def give_discounts(
    work: Work,
    caller: Caller,
    given: Sequence[Mapping[str, str]],
    recipient: Recipient,
    *,
    held: Sequence[Discount] = (),
    param: str = "discounts",
) -> tuple[Discount, ...]:
    """The discounts that the entries of a `discounts` parameter ask for, redemptions counted.

    An entry names a coupon, a promotion code, or one of the discounts `held` already, which is
    given on as it is. Raises ResourceMissing, ParameterInvalid or StateConflict
    (`coupon_expired`) naming the entry. Tell of what changed with `announce_discounts`.
    """
    made: list[Discount] = []
    for index, entry in enumerate(given):
        where = f"{param}[{index}]"
        source = _source(entry, where)
        if source == "discount":
            discount = _held(held, entry[source], where)
        else:
            redemption = _redeemable(work, caller, source, entry[source], where, recipient)
            discount = _redeem(work, caller, redemption, recipient)
        if any(one.coupon == discount.coupon for one in made):
            message = f"The coupon {discount.coupon} is given more than once. Name it once."
            raise ParameterInvalid(f"{where}[{source}]", message)
        made.append(discount)
    return tuple(made)


def announce_discounts(
    work: Work, caller: Caller, before: Sequence[Discount], after: Sequence[Discount]
) -> None:
    """Tell which discounts came and went; one in place of one other is an update (Stripe)."""
    old, new = {one.id for one in before}, {one.id for one in after}
    gone = [one for one in before if one.id not in new]
    come = [one for one in after if one.id not in old]
    if len(gone) == len(come) == 1:
        _announce(
            work, caller, "updated", discount_object(come[0]), before=discount_object(gone[0])
        )
        return
    for one in gone:
        _announce(work, caller, "deleted", deleted_discount_object(one))
    for one in come:
        _announce(work, caller, "created", discount_object(one))


def take_customer_discount(work: Work, caller: Caller, id: str) -> Discount:
    """Take a customer's discount away. Raises ResourceMissing for a customer without one."""
    kept = existing(work, caller, id)
    discount = kept.value.discount
    if discount is None:
        raise ResourceMissing("active discount for customer", id)
    after = structs.replace(kept.value, discount=None)
    work.session.customers.replace(kept.no, after)
    announce_discounts(work, caller, (discount,), ())
    announce(
        work,
        caller,
        "customer.updated",
        customer_object(after),
        "/v1/customers",
        before=customer_object(kept.value),
    )
    return discount


def _announce(work: Work, caller: Caller, what: str, rendered: Any, *, before: Any = None) -> None:
    url = f"/v1/customers/{rendered['customer']}/discount"
    announce(work, caller, f"customer.discount.{what}", rendered, "", before=before, object_url=url)


def _source(entry: Mapping[str, str], where: str) -> str:
    """Which of its three ways an entry takes."""
    named = [name for name in _SOURCES if name in entry]
    if len(named) > 1:
        raise ParametersExclusive(tuple(f"{where}[{name}]" for name in named))
    if not named:
        raise ParameterInvalid(where, "Name a coupon, a promotion_code or a discount.")
    return named[0]


def _held(discounts: Sequence[Discount], id: str, where: str) -> Discount:
    for one in discounts:
        if one.id == id:
            return one
    raise ResourceMissing("discount", id, f"{where}[discount]")


def _redeemable(
    work: Work, caller: Caller, source: str, id: str, where: str, recipient: Recipient
) -> _Redemption:
    param = f"{where}[{source}]"
    code = None
    if source == "promotion_code":
        code = work.session.promotion_codes.get(caller.scope, id, param)
        if why := why_code_refused(code.value, _informed(work, caller, code.value, recipient)):
            raise ParameterInvalid(param, f"The promotion code {id} {why}")
        coupon = work.session.coupons.get(caller.scope, code.value.coupon, param)
    else:
        coupon = existing_coupon(work, caller, id, param)
    now_s = recipient.at_s
    if not coupon.value.valid_at(now_s):
        raise why_not_valid(coupon.value, now_s, param)
    own = coupon.value.currency
    if recipient.currency is not None and own not in (None, recipient.currency):
        message = f"The coupon {coupon.value.id} takes off {own}, not {recipient.currency}."
        raise ParameterInvalid(param, f"{message} Use one of that currency, or of percent_off.")
    return _Redemption(coupon, code)


def _informed(work: Work, caller: Caller, code: PromotionCode, recipient: Recipient) -> Recipient:
    """A recipient of whom it is known whether they have paid before, where a code asks for it."""
    if not code.first_time_transaction or recipient.customer is None:
        return recipient
    paid = work.session.invoices.every(
        caller.scope, customer=recipient.customer, status=InvoiceStatus.PAID.value
    )
    return recipient._replace(paid_before=any(kept.value.amount_paid for kept in paid))


def _redeem(work: Work, caller: Caller, redemption: _Redemption, recipient: Recipient) -> Discount:
    """Count a redemption, of the code as well; what is used up by it retires."""
    kept, code = redemption
    coupon = structs.replace(kept.value, times_redeemed=kept.value.times_redeemed + 1)
    replace_coupon(work, caller, kept, coupon)
    if code is not None:
        used = structs.replace(code.value, times_redeemed=code.value.times_redeemed + 1)
        used = structs.replace(used, active=used.active and not used.exhausted)
        replace_code(work, caller, code, used)
    if coupon.exhausted:
        retire_codes_of(work, caller, coupon)
    discount = Discount(
        id=new_id("di", work.now_ms),
        coupon=coupon.id,
        start=recipient.at_s,
        end=end_of(coupon, recipient.at_s),
        promotion_code=code.value.id if code is not None else None,
        customer=recipient.customer,
        subscription=recipient.subscription,
        subscription_item=recipient.subscription_item,
        invoice=recipient.invoice,
        invoice_item=recipient.invoice_item,
    )
    scope = caller.scope
    work.session.discounts.insert(
        GivenDiscount(
            id=discount.id,
            account=scope.account,
            livemode=scope.livemode,
            created_ms=work.now_ms,
            discount=discount,
        )
    )
    return discount
