"""`/v1/entitlements`, and the features of `/v1/products/{id}/features`."""

from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, list_object, listing
from tripmeter.control import entitlements
from tripmeter.model.entitlement import ProductFeature
from tripmeter.ports import Session, Work
from tripmeter.wire.entitlements import (
    ActiveEntitlementObject,
    FeatureObject,
    ProductFeatureObject,
    entitlement_object,
    feature_object,
    product_feature_object,
)
from tripmeter.wire.objects import deleted_object
from tripmeter.wire.params import Boolean, Map, String
from tripmeter.wire.shapes import DeletedObject

_FEATURES: Final = "/v1/entitlements/features"
_FEATURE: Final = f"{_FEATURES}/{{id}}"
_OF_PRODUCT: Final = "/v1/products/{id}/features"
_ATTACHED: Final = f"{_OF_PRODUCT}/{{feature}}"
_ACTIVE: Final = "/v1/entitlements/active_entitlements"


def create(work: Work, call: Call) -> Any:
    """Make a feature."""
    return feature_object(entitlements.create_feature(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Rename a feature, archive it or bring it back."""
    return feature_object(entitlements.update_feature(work, call.caller, call.id, call.own_params))


def retrieve(session: Session, call: Call) -> Any:
    """One feature."""
    return feature_object(session.features.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Features, newest first; archived ones only if they are asked for (Stripe)."""
    found = session.features.page(
        call.scope,
        call.page,
        lookup_key=call.params.get("lookup_key"),
        active=not call.params.get("archived", False),
    )
    return list_object(_FEATURES, found, feature_object)


def attach(work: Work, call: Call) -> Any:
    """Have a product carry a feature."""
    feature = call.params["entitlement_feature"]
    return product_feature_object(*entitlements.attach_feature(work, call.caller, call.id, feature))


def detach(work: Work, call: Call) -> Any:
    """Have a product carry a feature no longer."""
    gone = entitlements.detach_feature(work, call.caller, call.id, call.path["feature"])
    return deleted_object(gone.id, "product_feature")


def retrieve_attached(session: Session, call: Call) -> Any:
    """One feature of a product."""
    kept = entitlements.product_feature(session, call.scope, call.id, call.path["feature"])
    return _attached(session, call, kept.value)


def list_attached(session: Session, call: Call) -> Any:
    """The features of a product, the last attached first."""
    session.products.get(call.scope, call.id, "product")
    found = session.product_features.page(call.scope, call.page, product=call.id)
    url = _OF_PRODUCT.replace("{id}", call.id)
    return list_object(url, found, lambda one: _attached(session, call, one))


def _attached(session: Session, call: Call, attached: ProductFeature) -> Any:
    feature = session.features.get(call.scope, attached.feature).value
    return product_feature_object(attached, feature)


def retrieve_active(session: Session, call: Call) -> Any:
    """One entitlement that a customer has now."""
    return entitlement_object(session.entitlements.get(call.scope, call.id).value)


def list_active(session: Session, call: Call) -> Any:
    """What a customer may use now."""
    customer = session.customers.get(call.scope, call.params["customer"], "customer").value
    found = session.entitlements.page(call.scope, call.page, customer=customer.id)
    return list_object(_ACTIVE, found, entitlement_object)


ROUTES: Final = (
    Route(
        "POST",
        _FEATURES,
        "Create a feature",
        FeatureObject,
        fields(
            lookup_key=String(required=True, max_length=80),
            metadata=Map(),
            name=String(required=True, max_length=80),
        ),
        change=create,
    ),
    Route(
        "GET",
        _FEATURES,
        "List features",
        FeatureObject,
        listing(
            archived=Boolean(description="Archived ones instead of those in use."),
            lookup_key=String(),
        ),
        read=list_,
        is_list=True,
    ),
    Route("GET", _FEATURE, "Retrieve a feature", FeatureObject, fields(), read=retrieve),
    Route(
        "POST",
        _FEATURE,
        "Update a feature",
        FeatureObject,
        fields(active=Boolean(), metadata=Map(), name=String(max_length=80)),
        change=update,
    ),
    Route(
        "POST",
        _OF_PRODUCT,
        "Attach a feature to a product",
        ProductFeatureObject,
        fields(entitlement_feature=String(required=True)),
        change=attach,
    ),
    Route(
        "GET",
        _OF_PRODUCT,
        "List the features of a product",
        ProductFeatureObject,
        listing(),
        read=list_attached,
        is_list=True,
    ),
    Route(
        "GET",
        _ATTACHED,
        "Retrieve a feature of a product",
        ProductFeatureObject,
        fields(),
        read=retrieve_attached,
    ),
    Route(
        "DELETE",
        _ATTACHED,
        "Detach a feature from a product",
        DeletedObject,
        fields(),
        change=detach,
    ),
    Route(
        "GET",
        _ACTIVE,
        "List what a customer may use",
        ActiveEntitlementObject,
        listing(customer=String(required=True)),
        read=list_active,
        is_list=True,
    ),
    Route(
        "GET",
        f"{_ACTIVE}/{{id}}",
        "Retrieve an entitlement",
        ActiveEntitlementObject,
        fields(),
        read=retrieve_active,
    ),
)
