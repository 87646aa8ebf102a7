"""Features, the products that carry them, and entitlements with the official SDK."""

from typing import Any

import pytest
import stripe

from sdk.catalogue import product
from support import samples
from support.beside import scope_of, write_beside
from support.server import Server

Feature = stripe.entitlements.Feature


@pytest.fixture
def feature(client: stripe.StripeClient, event_name: str) -> Feature:
    """A feature with a lookup key of its own."""
    return client.v1.entitlements.features.create({"name": "Priority", "lookup_key": event_name})


def test_a_feature_is_made_renamed_and_archived(
    client: stripe.StripeClient, feature: Feature
) -> None:
    features = client.v1.entitlements.features
    assert feature.active is True
    assert feature.id.startswith("feat_test_")
    assert features.retrieve(feature.id) == feature
    changed = features.update(feature.id, {"name": "First", "metadata": {"a": "1"}})
    assert (changed.name, changed.lookup_key) == ("First", feature.lookup_key)
    assert features.update(feature.id, {"active": False}).active is False
    assert features.update(feature.id, {"active": True, "metadata": ""}).active is True


def test_archived_features_are_listed_only_if_they_are_asked_for(
    client: stripe.StripeClient, feature: Feature
) -> None:
    features = client.v1.entitlements.features
    key = feature.lookup_key
    assert [one.id for one in features.list({"lookup_key": key}).data] == [feature.id]
    features.update(feature.id, {"active": False})
    assert features.list({"lookup_key": key}).data == []
    assert features.list({"lookup_key": key, "archived": False}).data == []
    archived = features.list({"lookup_key": key, "archived": True})
    assert [one.id for one in archived.data] == [feature.id]


def test_a_product_carries_features_until_they_are_detached(
    client: stripe.StripeClient, feature: Feature, server: Server
) -> None:
    id_ = product(server, f"prod_{feature.lookup_key}")
    features = client.v1.products.features
    attached = features.create(id_, {"entitlement_feature": feature.id})
    assert attached.entitlement_feature == feature
    assert features.retrieve(id_, attached.id) == attached
    other = client.v1.entitlements.features.create(
        {"name": "Other", "lookup_key": f"{feature.lookup_key} other"}
    )
    second = features.create(id_, {"entitlement_feature": other.id})
    page = features.list(id_, {"limit": 1})
    assert [one.id for one in page.auto_paging_iter()] == [second.id, attached.id]
    gone: Any = features.delete(id_, attached.id)
    assert (gone.id, gone.deleted) == (attached.id, True)
    assert [one.id for one in features.list(id_).data] == [second.id]
    again = features.create(id_, {"entitlement_feature": feature.id})
    assert again.id != attached.id


def test_entitlements_are_read_by_customer_and_by_id(
    client: stripe.StripeClient, feature: Feature, customer: stripe.Customer, server: Server
) -> None:
    own: dict[str, Any] = {"feature": feature.id, "lookup_key": feature.lookup_key}
    made = samples.entitlement(
        f"ent_{feature.lookup_key}", scope_of(server), customer=customer.id, **own
    )
    write_beside(server, lambda session: session.entitlements.insert(made))
    active = client.v1.entitlements.active_entitlements
    (one,) = active.list({"customer": customer.id}).data
    assert (one.id, one.feature, one.lookup_key) == (made.id, feature.id, feature.lookup_key)
    assert active.retrieve(one.id) == one
    expanded: Any = active.retrieve(one.id, {"expand": ["feature"]})
    assert expanded.feature == feature
    nobody = client.v1.customers.create({})
    assert active.list({"customer": nobody.id}).data == []


def test_restricted_keys(
    connect: Any, server: Server, feature: Feature, client: stripe.StripeClient
) -> None:
    reading = connect(server.create_key(allow=["entitlements:read"]).secret)
    assert reading.v1.entitlements.features.retrieve(feature.id) == feature
    with pytest.raises(stripe.PermissionError, match="entitlements:write"):
        reading.v1.products.features.create("prod_no", {"entitlement_feature": feature.id})
