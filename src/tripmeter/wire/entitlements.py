"""Features and entitlements as Stripe's objects, and their shapes."""

from collections.abc import Sequence
from typing import Any, Final, Literal, TypedDict

from tripmeter.model.entitlement import Entitlement, Feature, ProductFeature
from tripmeter.model.scope import Scope

_LISTED: Final = 100
"""Entitlements that a summary shows; the list of the API has them all."""


class FeatureObject(TypedDict):
    """Something that a customer may or may not use."""

    id: str
    object: Literal["entitlements.feature"]
    active: bool
    livemode: bool
    lookup_key: str
    metadata: dict[str, str]
    name: str


class ProductFeatureObject(TypedDict):
    """A feature that a product carries."""

    id: str
    object: Literal["product_feature"]
    entitlement_feature: FeatureObject
    livemode: bool


class ActiveEntitlementObject(TypedDict):
    """That a customer may use a feature now."""

    id: str
    object: Literal["entitlements.active_entitlement"]
    feature: str
    livemode: bool
    lookup_key: str


class ActiveEntitlementSummaryObject(TypedDict):
    """All that a customer may use now."""

    object: Literal["entitlements.active_entitlement_summary"]
    customer: str
    entitlements: dict[str, Any]
    livemode: bool


def feature_object(feature: Feature) -> FeatureObject:
    """A feature."""
    return {
        "id": feature.id,
        "object": "entitlements.feature",
        "active": feature.active,
        "livemode": feature.livemode,
        "lookup_key": feature.lookup_key,
        "metadata": feature.metadata,
        "name": feature.name,
    }


def product_feature_object(attached: ProductFeature, feature: Feature) -> ProductFeatureObject:
    """A feature of a product; the feature is always there as a whole."""
    return {
        "id": attached.id,
        "object": "product_feature",
        "entitlement_feature": feature_object(feature),
        "livemode": attached.livemode,
    }


def entitlement_object(entitlement: Entitlement) -> ActiveEntitlementObject:
    """An active entitlement."""
    return {
        "id": entitlement.id,
        "object": "entitlements.active_entitlement",
        "feature": entitlement.feature,
        "livemode": entitlement.livemode,
        "lookup_key": entitlement.lookup_key,
    }


def entitlement_summary_object(
    scope: Scope, customer: str, entitlements: Sequence[Entitlement]
) -> ActiveEntitlementSummaryObject:
    """What a customer may use, the newest first; of many entitlements the first hundred."""
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": {
            "object": "list",
            "data": [entitlement_object(one) for one in entitlements[:_LISTED]],
            "has_more": len(entitlements) > _LISTED,
            "url": "/v1/entitlements/active_entitlements",
        },
        "livemode": scope.livemode,
    }
