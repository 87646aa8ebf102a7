"""What several objects of billing show alike."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tripmeter.model.catalogue import Discount, TaxRate
from tripmeter.wire.catalogue import TaxRateObject, tax_rate_object

NO_AUTOMATIC_TAX: Final[dict[str, Any]] = {
    "disabled_reason": None,
    "enabled": False,
    "liability": None,
}

BY_US: Final[dict[str, Any]] = {"account": None, "type": "self"}
"""Who issues invoices: the account itself."""


def discount_ids(discounts: Iterable[Discount]) -> list[str]:
    """The discounts that still hold, as ids: one that an invoice has used up is gone (Stripe)."""
    return [discount.id for discount in discounts if not discount.used]


def rates_shown(ids: Iterable[str], tax_rates: Mapping[str, TaxRate]) -> list[TaxRateObject]:
    """Tax rates, which Stripe shows whole wherever they apply."""
    return [tax_rate_object(tax_rates[id]) for id in ids]


def members(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those members of what was given, null where they were not."""
    return {name: given.get(name) for name in names}


def in_order(whole: Mapping[str, Any]) -> Any:
    """An object that was made of parts, with its members in the order of all others."""
    first = {"id": whole["id"], "object": whole["object"]}
    return first | dict(sorted(whole.items()))
