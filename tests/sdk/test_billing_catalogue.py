"""Products, prices and tax rates, through the official SDK for Python."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import stripe

from support.server import Server

Connect = Callable[..., stripe.StripeClient]


@pytest.fixture
def product(client: stripe.StripeClient) -> stripe.Product:
    """A product without prices."""
    return client.v1.products.create({"name": "Tokens"})


def create_price(client: stripe.StripeClient, product: stripe.Product, **more: Any) -> Any:
    """A price of 10 dollars, unless `more` says otherwise."""
    amount = {} if {"unit_amount_decimal", "tiers"} & more.keys() else {"unit_amount": 1000}
    params: Any = {"currency": "usd", "product": product.id, **amount, **more}
    return client.v1.prices.create(params)


def events_about(client: stripe.StripeClient, id_: str) -> list[Any]:
    """Types of the events about an object with what they changed, oldest first."""
    found = client.v1.events.list({"limit": 100}).data
    return [
        (event.type, event.data.to_dict().get("previous_attributes"))
        for event in reversed(found)
        if event.data.object.to_dict().get("id") == id_
    ]


# --- products -----------------------------------------------------------------------------------


def test_a_product_has_stripes_defaults(
    client: stripe.StripeClient, product: stripe.Product
) -> None:
    assert product.id.startswith("prod_")
    assert (product.active, product.type, product.default_price) == (True, "service", None)
    assert (product.images, product.marketing_features, product.shippable) == ([], [], None)
    assert client.v1.products.retrieve(product.id) == product


def test_a_product_keeps_all_that_is_said_of_it(client: stripe.StripeClient) -> None:
    size: Any = {"height": 1.5, "length": "20", "weight": 0.25, "width": 3}
    said: Any = {
        "name": "Box",
        "id": "box-of-tokens",
        "active": False,
        "description": "Tokens, in a box.",
        "images": ["https://example.com/box.png"],
        "marketing_features": [{"name": "Sturdy"}],
        "metadata": {"2024": "yes"},
        "package_dimensions": size,
        "shippable": True,
        "statement_descriptor": "TOKENS BOX",
        "tax_code": "txcd_99999999",
        "tax_details": {"tax_code": "txcd_99999999"},
        "type": "good",
        "unit_label": "box",
        "url": "https://example.com/box",
    }
    made: Any = client.v1.products.create(said).to_dict()
    assert made["package_dimensions"] == {"height": 1.5, "length": 20, "weight": 0.25, "width": 3}
    kept = {name: value for name, value in said.items() if name != "package_dimensions"}
    assert {name: made[name] for name in kept} == kept
    cleared = client.v1.products.update("box-of-tokens", {"package_dimensions": "", "url": ""})
    assert (cleared.package_dimensions, cleared.url, cleared.unit_label) == (None, None, "box")
    assert client.v1.products.delete("box-of-tokens").deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such product: 'box-of-tokens'"):
        client.v1.products.retrieve("box-of-tokens")


def test_a_product_is_made_with_its_default_price(client: stripe.StripeClient) -> None:
    data: Any = {
        "currency": "EUR",
        "unit_amount_decimal": "12.5",
        "recurring": {"interval": "month"},
    }
    made: Any = client.v1.products.create(
        {"name": "Pro", "default_price_data": data, "expand": ["default_price"]}
    )
    price = made.default_price
    assert (price.product, price.currency, price.type) == (made.id, "eur", "recurring")
    assert (price.unit_amount, price.unit_amount_decimal) == (None, Decimal("12.5"))
    assert [type_ for type_, _ in events_about(client, price.id)] == ["price.created"]


def test_products_tell_what_happened_to_them(
    client: stripe.StripeClient, product: stripe.Product
) -> None:
    client.v1.products.update(product.id, {"name": "Words", "metadata": {"a": "b"}})
    client.v1.products.delete(product.id)
    created, updated, deleted = events_about(client, product.id)
    assert (created[0], updated[0], deleted[0]) == (
        "product.created",
        "product.updated",
        "product.deleted",
    )
    before = updated[1]
    assert (before["name"], before["metadata"]["a"]) == ("Tokens", None)


def test_thin_events_tell_of_products_too(
    client: stripe.StripeClient, product: stripe.Product
) -> None:
    told: Any
    (told,) = client.v2.core.events.list({"object_id": product.id}).data
    assert told.type == "v1.product.created"
    related = told.related_object
    assert (related.type, related.url) == ("product", f"/v1/products/{product.id}")


def test_products_are_listed_by_what_they_are(client: stripe.StripeClient) -> None:
    create = client.v1.products.create
    url = "https://example.com/only-these"
    dull = create({"name": "a", "url": url, "active": False})
    sent = create({"name": "b", "url": url, "shippable": True})
    gone = create({"name": "c", "url": url})
    client.v1.products.delete(gone.id)

    def found(**filters: Any) -> list[str]:
        params: Any = {"url": url, **filters}
        return [one.id for one in client.v1.products.list(params).data]

    assert found() == [sent.id, dull.id]
    assert found(active=True) == found(shippable=True) == [sent.id]
    assert found(created={"gt": sent.created}) == []
    wanted = client.v1.products.list({"ids": [dull.id, "prod_no", gone.id, sent.id]})
    assert [one.id for one in wanted.data] == [sent.id, dull.id]


# --- prices -------------------------------------------------------------------------------------


def test_a_price_has_stripes_defaults(client: stripe.StripeClient, product: stripe.Product) -> None:
    price = create_price(client, product)
    assert (price.type, price.billing_scheme, price.recurring) == ("one_time", "per_unit", None)
    assert (price.unit_amount, price.unit_amount_decimal) == (1000, Decimal(1000))
    assert (price.tax_behavior, price.active) == ("unspecified", True)
    assert "tiers" not in price and "currency_options" not in price
    assert client.v1.prices.retrieve(price.id) == price


@pytest.mark.parametrize(
    ("given", "whole"),
    [("0.000000000001", None), ("1000.00", 1000), ("99999999999999", 99999999999999), ("0", 0)],
)
def test_amounts_are_exact_to_twelve_places(
    client: stripe.StripeClient, product: stripe.Product, given: str, whole: int | None
) -> None:
    price = create_price(client, product, unit_amount_decimal=given)
    assert (price.unit_amount, price.unit_amount_decimal) == (whole, Decimal(given))


@pytest.mark.parametrize("mode", ["graduated", "volume"])
def test_tiers_are_shown_to_who_asks(
    client: stripe.StripeClient, product: stripe.Product, mode: str
) -> None:
    tiers = [
        {"up_to": 1000, "flat_amount": 500, "unit_amount_decimal": "0.5"},
        {"up_to": "inf", "flat_amount_decimal": "0.25", "unit_amount": 2},
    ]
    made = create_price(client, product, billing_scheme="tiered", tiers_mode=mode, tiers=tiers)
    assert (made.tiers_mode, made.unit_amount, made.unit_amount_decimal) == (mode, None, None)
    assert "tiers" not in made
    price: Any = client.v1.prices.retrieve(made.id, {"expand": ["tiers", "currency_options"]})
    first, last = price.tiers
    assert (first.up_to, first.flat_amount, first.unit_amount) == (1000, 500, None)
    assert first.unit_amount_decimal == Decimal("0.5")
    assert (last.up_to, last.flat_amount, last.unit_amount) == (None, None, 2)
    assert last.flat_amount_decimal == Decimal("0.25")
    assert price.currency_options["usd"].tiers[0].flat_amount == 500
    listed: Any = client.v1.prices.list({"product": product.id, "expand": ["data.tiers"]})
    assert listed.data[0].tiers == price.tiers


def test_usage_is_sold_in_packages(
    client: stripe.StripeClient, product: stripe.Product, meter: stripe.billing.Meter
) -> None:
    recurring = {
        "interval": "month",
        "interval_count": 3,
        "usage_type": "metered",
        "meter": meter.id,
    }
    package = {"divide_by": 1000, "round": "up"}
    price = create_price(client, product, recurring=recurring, transform_quantity=package)
    assert price.recurring.to_dict() == {**recurring, "trial_period_days": None}
    assert price.transform_quantity.to_dict() == package
    client.v1.billing.meters.deactivate(meter.id)
    assert client.v1.prices.retrieve(price.id).active is True
    with pytest.raises(stripe.InvalidRequestError, match="inactive") as refused:
        create_price(client, product, recurring=recurring)
    assert refused.value.param == "recurring[meter]"


def test_a_price_is_made_with_its_product(client: stripe.StripeClient) -> None:
    price: Any = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 5,
            "product_data": {"name": "New", "unit_label": "token"},
            "expand": ["product"],
        }
    )
    assert (price.product.name, price.product.unit_label) == ("New", "token")


def test_a_lookup_key_moves_only_when_it_is_told_to(
    client: stripe.StripeClient, product: stripe.Product
) -> None:
    key = f"key of {product.id}"
    old = create_price(client, product, lookup_key=key)
    with pytest.raises(stripe.InvalidRequestError, match="transfer_lookup_key=true"):
        create_price(client, product, lookup_key=key)
    new = create_price(client, product, lookup_key=key, transfer_lookup_key=True)
    assert client.v1.prices.retrieve(old.id).lookup_key is None
    assert ("price.updated", {"lookup_key": key}) in events_about(client, old.id)
    assert [one.id for one in client.v1.prices.list({"lookup_keys": [key]}).data] == [new.id]
    back = client.v1.prices.update(old.id, {"lookup_key": key, "transfer_lookup_key": True})
    assert back.lookup_key == key
    assert client.v1.prices.update(old.id, {"lookup_key": ""}).lookup_key is None


def test_a_price_changes_in_what_decides_no_amount(
    client: stripe.StripeClient, product: stripe.Product
) -> None:
    price = create_price(client, product, nickname="standard")
    changed = client.v1.prices.update(
        price.id,
        {
            "active": False,
            "nickname": "",
            "tax_behavior": "exclusive",
            "metadata": {"a": "b"},
        },
    )
    assert (changed.active, changed.nickname, changed.tax_behavior) == (False, None, "exclusive")
    assert client.v1.prices.update(price.id, {"tax_behavior": "exclusive"}) == changed
    with pytest.raises(stripe.InvalidRequestError, match="cannot change any more") as refused:
        client.v1.prices.update(price.id, {"tax_behavior": "inclusive"})
    assert refused.value.param == "tax_behavior"


def test_the_default_price_of_a_product_is_one_of_its_own_and_stays_active(
    client: stripe.StripeClient, product: stripe.Product
) -> None:
    other = client.v1.products.create({"name": "Other"})
    price, foreign = create_price(client, product), create_price(client, other)
    archived = create_price(client, product, active=False)
    update = client.v1.products.update
    for wrong in (foreign.id, archived.id, "price_no"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            update(product.id, {"default_price": wrong})
        assert refused.value.param == "default_price"
    assert update(product.id, {"default_price": price.id}).default_price == price.id
    with pytest.raises(stripe.InvalidRequestError, match="default price") as refused:
        client.v1.prices.update(price.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="because it has prices"):
        client.v1.products.delete(product.id)
    update(product.id, {"default_price": ""})
    assert client.v1.prices.update(price.id, {"active": False}).active is False


def test_prices_are_listed_by_what_they_are(
    client: stripe.StripeClient, product: stripe.Product, meter: stripe.billing.Meter
) -> None:
    metered = {"interval": "day", "usage_type": "metered", "meter": meter.id}
    once = create_price(client, product, currency="eur")
    yearly = create_price(client, product, recurring={"interval": "year"}, active=False)
    by_use = create_price(client, product, recurring=metered, lookup_key=f"l {product.id}")

    def found(**filters: Any) -> list[str]:
        params: Any = {"product": product.id, **filters}
        return [one.id for one in client.v1.prices.list(params).data]

    assert found() == [by_use.id, yearly.id, once.id]
    assert found(currency="EUR") == found(type="one_time") == [once.id]
    assert found(active=False) == found(recurring={"interval": "year"}) == [yearly.id]
    assert found(recurring={"usage_type": "metered", "meter": meter.id}) == [by_use.id]
    keys = {"lookup_keys": [f"l {product.id}", "no such key"]}
    assert found(**keys) == found(**keys, ending_before=yearly.id) == [by_use.id]
    assert found(**keys, starting_after=by_use.id) == found(**keys, active=False) == []


# --- tax rates ----------------------------------------------------------------------------------


def test_a_tax_rate_is_made_changed_and_archived(client: stripe.StripeClient) -> None:
    made = client.v1.tax_rates.create(
        {
            "display_name": "VAT",
            "percentage": 8.8750,
            "inclusive": False,
            "country": "DE",
            "tax_type": "vat",
            "description": "VAT Germany",
        }
    )
    assert (made.percentage, made.inclusive, made.country) == (8.875, False, "DE")
    assert client.v1.tax_rates.retrieve(made.id) == made
    changed = client.v1.tax_rates.update(
        made.id, {"active": False, "display_name": "USt", "description": ""}
    )
    assert (changed.active, changed.display_name, changed.description) == (False, "USt", None)
    assert changed.country == "DE"
    listed = client.v1.tax_rates.list({"active": False, "inclusive": False, "limit": 1})
    assert [one.id for one in listed.data] == [made.id]
    created, updated = events_about(client, made.id)
    assert (created[0], updated[0]) == ("tax_rate.created", "tax_rate.updated")
    assert updated[1]["display_name"] == "VAT"


# --- who may ------------------------------------------------------------------------------------


def test_each_resource_has_a_permission_of_its_own(
    client: stripe.StripeClient, connect: Connect, server: Server, product: stripe.Product
) -> None:
    price = create_price(client, product)
    only_prices = connect(server.create_key(allow=["prices:write"]).secret)
    assert only_prices.v1.prices.retrieve(price.id, {"expand": ["tiers"]}).id == price.id
    refused: list[Callable[[], Any]] = [
        lambda: only_prices.v1.prices.retrieve(price.id, {"expand": ["product"]}),
        only_prices.v1.products.list,
        only_prices.v1.coupons.list,
        only_prices.v1.promotion_codes.list,
        only_prices.v1.tax_rates.list,
    ]
    for ask in refused:
        with pytest.raises(stripe.PermissionError):
            ask()
