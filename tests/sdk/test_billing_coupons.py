"""Coupons, promotion codes and customers' discounts, through the official SDK for Python."""

import time
from typing import Any

import pytest
import stripe

DAY = 86_400


@pytest.fixture
def coupon(client: stripe.StripeClient) -> stripe.Coupon:
    """A quarter off, once."""
    return client.v1.coupons.create({"percent_off": 25.5, "name": "A quarter"})


def create_code(client: stripe.StripeClient, coupon: stripe.Coupon, **more: Any) -> Any:
    """A promotion code for the coupon."""
    params: Any = {"promotion": {"type": "coupon", "coupon": coupon.id}, **more}
    return client.v1.promotion_codes.create(params)


def types_about(client: stripe.StripeClient, id_: str) -> list[str]:
    """Types of the events about an object, oldest first."""
    found = client.v1.events.list({"limit": 100}).data
    return [event.type for event in reversed(found) if event.data.object.to_dict().get("id") == id_]


# --- coupons ------------------------------------------------------------------------------------


def test_a_coupon_has_stripes_defaults(client: stripe.StripeClient, coupon: stripe.Coupon) -> None:
    assert (coupon.percent_off, coupon.amount_off, coupon.currency) == (25.5, None, None)
    assert (coupon.duration, coupon.valid, coupon.times_redeemed) == ("once", True, 0)
    assert "applies_to" not in coupon
    assert client.v1.coupons.retrieve(coupon.id) == coupon


def test_a_coupon_takes_an_amount_off_some_products(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Tokens"})
    made = client.v1.coupons.create(
        {
            "id": f"OFF-{product.id}",
            "amount_off": 500,
            "currency": "USD",
            "duration": "repeating",
            "duration_in_months": 3,
            "max_redemptions": 2,
            "redeem_by": int(time.time()) + DAY,
            "applies_to": {"products": [product.id]},
            "expand": ["applies_to", "currency_options"],
        }
    )
    assert (made.amount_off, made.currency, made.duration_in_months) == (500, "usd", 3)
    assert made.applies_to is not None and made.applies_to.products == [product.id]
    assert made.currency_options is not None
    assert made.currency_options["usd"].amount_off == 500


def test_a_coupon_is_renamed_and_deleted_and_tells_of_it(
    client: stripe.StripeClient, coupon: stripe.Coupon
) -> None:
    code = create_code(client, coupon)
    changed = client.v1.coupons.update(coupon.id, {"name": "Less", "metadata": {"a": "b"}})
    assert (changed.name, changed.percent_off) == ("Less", 25.5)
    assert client.v1.coupons.delete(coupon.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        client.v1.coupons.retrieve(coupon.id)
    assert coupon.id not in [one.id for one in client.v1.coupons.list({"limit": 100}).data]
    expected = ["coupon.created", "coupon.updated", "coupon.deleted"]
    assert types_about(client, coupon.id) == expected
    retired: Any = client.v1.promotion_codes.retrieve(code.id, {"expand": ["promotion.coupon"]})
    assert (retired.active, retired.promotion.coupon.valid) == (False, False)
    assert types_about(client, code.id) == ["promotion_code.created", "promotion_code.updated"]


# --- promotion codes ----------------------------------------------------------------------------


def test_a_code_is_made_up_where_none_is_given(
    client: stripe.StripeClient, coupon: stripe.Coupon
) -> None:
    code = create_code(client, coupon)
    assert code.code.isalnum() and len(code.code) == 8
    assert (code.active, code.promotion.coupon) == (True, coupon.id)
    assert code.restrictions.first_time_transaction is False
    assert client.v1.promotion_codes.retrieve(code.id) == code


def test_a_code_has_the_end_of_its_coupon(client: stripe.StripeClient) -> None:
    end = int(time.time()) + DAY
    coupon = client.v1.coupons.create({"percent_off": 5, "redeem_by": end, "max_redemptions": 3})
    assert create_code(client, coupon).expires_at == end
    assert create_code(client, coupon, expires_at=end - 5).expires_at == end - 5


def test_a_word_means_one_active_code_whatever_its_case(
    client: stripe.StripeClient, coupon: stripe.Coupon, customer: stripe.Customer
) -> None:
    word = f"Summer-{coupon.id}"
    code = create_code(client, coupon, code=word)
    with pytest.raises(stripe.InvalidRequestError, match="already exists") as refused:
        create_code(client, coupon, code=word.swapcase())
    assert (refused.value.param, refused.value.code) == ("code", "resource_already_exists")
    client.v1.promotion_codes.update(code.id, {"active": False})
    second = create_code(client, coupon, code=word.upper(), customer=customer.id)
    with pytest.raises(stripe.InvalidRequestError, match="already exists") as refused:
        client.v1.promotion_codes.update(code.id, {"active": True})
    assert refused.value.param == "active"
    found = client.v1.promotion_codes.list({"code": word.lower()}).data
    assert [one.id for one in found] == [second.id, code.id]


def test_codes_are_listed_by_what_they_are(
    client: stripe.StripeClient, coupon: stripe.Coupon, customer: stripe.Customer
) -> None:
    minimum = {"minimum_amount": 500, "minimum_amount_currency": "USD"}
    for_all = create_code(client, coupon, restrictions=minimum, active=False)
    for_one = create_code(client, coupon, customer=customer.id, max_redemptions=1)

    def found(**filters: Any) -> list[str]:
        params: Any = {"coupon": coupon.id, **filters}
        return [one.id for one in client.v1.promotion_codes.list(params).data]

    assert found() == [for_one.id, for_all.id]
    assert found(customer=customer.id) == found(active=True) == [for_one.id]
    assert found(active=False) == [for_all.id]
    assert found(created={"lt": for_all.created}) == []
    expand: Any = {"expand": ["restrictions.currency_options", "promotion.coupon"]}
    shown: Any = client.v1.promotion_codes.retrieve(for_all.id, expand)
    assert shown.restrictions.currency_options["usd"].minimum_amount == 500
    assert shown.promotion.coupon.name == "A quarter"


def test_a_code_changes_its_metadata(client: stripe.StripeClient, coupon: stripe.Coupon) -> None:
    code = create_code(client, coupon, metadata={"a": "b"})
    changed = client.v1.promotion_codes.update(code.id, {"metadata": {"a": "", "c": "d"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"c": "d"}


# --- discounts ----------------------------------------------------------------------------------


def test_a_customer_without_a_discount_has_none_to_delete(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    shown = client.v1.customers.retrieve(customer.id, {"expand": ["discount.source.coupon"]})
    assert shown.discount is None
    with pytest.raises(stripe.InvalidRequestError, match="No such active discount") as refused:
        client.v1.customers.delete_discount(customer.id)
    assert refused.value.code == "resource_missing"
