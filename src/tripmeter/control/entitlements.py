"""Features, the products that carry them, and what customers may use by their subscriptions."""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.model.entitlement import Entitlement, Feature, ProductFeature
from tripmeter.model.errors import ParameterInvalid, ResourceMissing, StateConflict
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.stored import Kept, Page
from tripmeter.model.subscription import Status
from tripmeter.model.usage_limit import StateKind
from tripmeter.ports import Session, Work
from tripmeter.wire.entitlements import entitlement_summary_object

ENTITLING: Final = frozenset({Status.ACTIVE, Status.TRIALING, Status.PAST_DUE})
"""The statuses of subscriptions that entitle to what their products carry."""

_SUMMARY_UPDATED: Final = "entitlements.active_entitlement_summary.updated"


# --- features ----------------------------------------------------------------------------------


def create_feature(work: Work, caller: Caller, params: dict[str, Any]) -> Feature:
    """Make a feature. Its lookup key is its own, and stays."""
    scope, key = caller.scope, params["lookup_key"]
    taken = work.session.features.page(scope, Page(1), lookup_key=key).items
    if taken:
        other = taken[0].value
        state = "" if other.active else " and is archived; update it with active=true to use it"
        message = f"A feature with the lookup key '{key}' exists already: it is {other.id}{state}."
        raise ParameterInvalid("lookup_key", message, "resource_already_exists")
    feature = Feature(
        id=new_id("feat", work.now_ms, livemode=scope.livemode),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        name=params["name"],
        lookup_key=key,
        metadata=merge_metadata({}, params.get("metadata")),
    )
    work.session.features.insert(feature)
    return feature


def update_feature(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Feature:
    """Rename a feature, archive it or bring it back. Whoever may use it goes on to (Stripe)."""
    kept = work.session.features.get(caller.scope, id)
    before = kept.value
    after = structs.replace(
        before,
        name=params.get("name", before.name),
        active=params.get("active", before.active),
        metadata=merge_metadata(before.metadata, params.get("metadata")),
    )
    work.session.features.replace(kept.no, after)
    return after


# --- features of products ----------------------------------------------------------------------


def attach_feature(
    work: Work, caller: Caller, product: str, feature: str
) -> tuple[ProductFeature, Feature]:
    """Have a product carry a feature.

    Customers who are subscribed already get it when their next period begins (Stripe).
    """
    scope = caller.scope
    _check_product(work.session, scope, product)
    wanted = work.session.features.get(scope, feature, "entitlement_feature").value
    if not wanted.active:
        raise StateConflict(
            f"The feature {feature} is archived. Update it with active=true, then attach it.",
            "entitlement_feature",
        )
    filters = {"product": product, "feature": feature}
    if taken := work.session.product_features.page(scope, Page(1), **filters).items:
        message = f"The product {product} has the feature {feature} already: {taken[0].value.id}."
        raise ParameterInvalid("entitlement_feature", message, "resource_already_exists")
    attached = ProductFeature(
        id=new_id("prodft", work.now_ms, livemode=scope.livemode),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        product=product,
        feature=feature,
    )
    work.session.product_features.insert(attached)
    return attached, wanted


def detach_feature(work: Work, caller: Caller, product: str, id: str) -> ProductFeature:
    """Have a product carry a feature no longer; for subscribers, from their next period on."""
    kept = product_feature(work.session, caller.scope, product, id)
    work.session.product_features.remove(kept.no)
    return kept.value


def product_feature(session: Session, scope: Scope, product: str, id: str) -> Kept[ProductFeature]:
    """A feature of this very product. Raises ResourceMissing."""
    _check_product(session, scope, product)
    kept = session.product_features.get(scope, id)
    if kept.value.product != product:
        raise ResourceMissing("product feature", id)
    return kept


def _check_product(session: Session, scope: Scope, product: str) -> None:
    if session.products.get(scope, product, "product").value.deleted:
        raise ResourceMissing("product", product, "product")


# --- entitlements ------------------------------------------------------------------------------


def refresh_entitlements(
    work: Work, scope: Scope, customer: str, caller: Caller | None = None
) -> None:
    """Bring a customer's entitlements in line with its subscriptions; announces what changed.

    Called whenever a subscription begins, changes, begins a period or ends. Where the set of
    features stays as it was, nothing is written or said.
    """
    records = work.session.entitlements
    before = list(records.every(scope, customer=customer))
    wanted = _features_of(work, scope, customer)
    held = {kept.value.feature for kept in before}
    if held == wanted:
        return
    for no, entitlement in before:
        if entitlement.feature not in wanted:
            records.remove(no)
    for feature in sorted(wanted - held):
        records.insert(_entitlement(work, scope, customer, feature))
    after = [kept.value for kept in records.every(scope, customer=customer)]
    announce(
        work,
        caller or Caller(scope),
        _SUMMARY_UPDATED,
        entitlement_summary_object(scope, customer, after),
        "",
        before=entitlement_summary_object(scope, customer, [kept.value for kept in before]),
    )


def _features_of(work: Work, scope: Scope, customer: str) -> set[str]:
    """The features of all products that the customer's subscriptions entitle to.

    Those whose usage is billed by a meter that the customer has no access to are left out.
    """
    session = work.session
    blocked = _blocked_meters(work, scope, customer)
    products = _products_of(session, scope, customer, blocked)
    return {
        attached.value.feature
        for product in products
        for attached in session.product_features.every(scope, product=product)
    }


def _blocked_meters(work: Work, scope: Scope, customer: str) -> frozenset[str]:
    """Meters that the customer may not go on with, as far as it was told; "" for all of them."""
    ends = (StateKind.REVOKED, StateKind.LIMIT)
    return frozenset(one.meter for one in work.access_states(scope, customer) if one.kind in ends)


def _products_of(
    session: Session, scope: Scope, customer: str, blocked: frozenset[str]
) -> set[str]:
    subscriptions = session.subscriptions.every(scope, customer=customer)
    entitling = {kept.value.id for kept in subscriptions if kept.value.status in ENTITLING}
    items = [
        kept.value
        for kept in session.subscription_items.every(scope, customer=customer)
        if kept.value.subscription in entitling
    ]
    product_of = {
        price: session.prices.get(scope, price).value.product
        for price in {item.price for item in items}
    }
    ended = {product_of[item.price] for item in items if item.meter in blocked or "" in blocked}
    return {*product_of.values()} - ended


def _entitlement(work: Work, scope: Scope, customer: str, feature: str) -> Entitlement:
    return Entitlement(
        id=new_id("ent", work.now_ms, livemode=scope.livemode),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        customer=customer,
        feature=feature,
        lookup_key=work.session.features.get(scope, feature).value.lookup_key,
    )
