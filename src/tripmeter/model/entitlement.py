"""What a subscription entitles to: features, and the products that carry them."""

import msgspec


class Feature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a customer may or may not use."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    name: str
    lookup_key: str
    active: bool = True
    metadata: dict[str, str] = {}


class ProductFeature(msgspec.Struct, frozen=True, kw_only=True):
    """That a product carries a feature."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    product: str
    feature: str


class Entitlement(msgspec.Struct, frozen=True, kw_only=True):
    """That a customer may use a feature now."""

    id: str
    account: str
    livemode: bool
    created_ms: int
    customer: str
    feature: str
    lookup_key: str
