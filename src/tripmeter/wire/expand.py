"""`expand`: replaces ids in a rendered object by the objects themselves."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from tripmeter.model.errors import ParameterInvalid

EXPANDABLE: Final[dict[str, dict[tuple[str, ...], str]]] = {
    "billing.alert": {
        ("usage_threshold", "meter"): "meter",
        ("usage_threshold", "filters", "customer"): "customer",
        ("credit_balance_threshold", "filters", "customer"): "customer",
    },
    "customer": {
        ("discount", "customer"): "customer",
        ("discount", "promotion_code"): "promotion_code",
        ("discount", "source", "coupon"): "coupon",
    },
    "discount": {
        ("customer",): "customer",
        ("promotion_code",): "promotion_code",
        ("source", "coupon"): "coupon",
    },
    "billing.credit_balance_summary": {("customer",): "customer"},
    "billing.credit_balance_transaction": {("credit_grant",): "credit_grant"},
    "billing.credit_grant": {("customer",): "customer"},
    "customer_balance_transaction": {("customer",): "customer"},
    "entitlements.active_entitlement": {("feature",): "feature"},
    "product": {("default_price",): "price"},
    "promotion_code": {
        ("customer",): "customer",
        ("promotion", "coupon"): "coupon",
    },
    "invoice": {
        ("customer",): "customer",
        ("discounts",): "discount",
        ("parent", "subscription_details", "subscription"): "subscription",
        ("test_clock",): "test_clock",
        ("total_discount_amounts", "discount"): "discount",
        ("total_pretax_credit_amounts", "credit_balance_transaction"): "credit_transaction",
        ("total_pretax_credit_amounts", "discount"): "discount",
    },
    "invoice_payment": {("invoice",): "invoice"},
    "invoiceitem": {
        ("customer",): "customer",
        ("discounts",): "discount",
        ("invoice",): "invoice",
        ("pricing", "price_details", "price"): "price",
        ("test_clock",): "test_clock",
    },
    "line_item": {
        ("discount_amounts", "discount"): "discount",
        ("discounts",): "discount",
        ("pretax_credit_amounts", "credit_balance_transaction"): "credit_transaction",
        ("pretax_credit_amounts", "discount"): "discount",
        ("pricing", "price_details", "price"): "price",
        ("subscription",): "subscription",
    },
    "plan": {("product",): "product"},
    "price": {("product",): "product"},
    "subscription": {
        ("customer",): "customer",
        ("discounts",): "discount",
        ("latest_invoice",): "invoice",
        ("test_clock",): "test_clock",
    },
    "subscription_item": {("discounts",): "discount"},
}
"""For each object type, the paths that hold an id, and the kind of object it names.

A path may go on into an object that is shown whole, such as `items.data.price.product`.
"""

NEVER_SET: Final[dict[str, frozenset[str]]] = {
    "customer": frozenset({"default_source"}),
    "invoice": frozenset(
        "account_tax_ids application confirmation_secret default_payment_method default_source"
        " latest_revision on_behalf_of".split()
    ),
    "invoice_payment": frozenset({"payment"}),
    "subscription": frozenset(
        "application default_payment_method default_source on_behalf_of pending_setup_intent"
        " schedule".split()
    ),
}
"""What Stripe can expand and is always null here: asking for it changes nothing."""

INCLUDABLE: Final = frozenset(
    {
        ("coupon", "applies_to"),
        ("coupon", "currency_options"),
        ("customer", "sources"),
        ("invoice", "payments"),
        ("price", "currency_options"),
        ("price", "tiers"),
        ("promotion_code", "restrictions", "currency_options"),
    }
)
"""Members that are shown only where they are asked for: the object's type, and their path."""

Fetch = Callable[[str, str], Any]
"""Gives the rendered object of a kind with an id; of `price.tiers`, that member of a price."""


def expand(rendered: dict[str, Any], paths: Iterable[str], fetch: Fetch) -> dict[str, Any]:
    """Replace the ids that the paths name. On lists each path starts with `data`.

    Raises ParameterInvalid for a path that holds no expandable id.
    """
    for path in paths:
        _expand_path(rendered, tuple(path.split(".")), path, fetch)
    return rendered


def _expand_path(rendered: dict[str, Any], parts: tuple[str, ...], path: str, fetch: Fetch) -> None:
    kind_of = str(rendered.get("object"))
    if kind_of == "list":
        if parts[0] != "data" or len(parts) == 1:
            raise _not_expandable(path, "On lists, paths start with 'data.'.")
        for member in rendered["data"]:
            _expand_path(member, parts[1:], path, fetch)
        return
    if parts[0] in NEVER_SET.get(kind_of, ()):
        return
    included = _include(rendered, kind_of, parts, fetch)
    if included == len(parts):
        return
    for at in range(len(parts), 0, -1):
        kind = EXPANDABLE.get(kind_of, {}).get(parts[:at])
        if kind is not None:
            for holder in _holders(rendered, parts[: at - 1]):
                _expand_member(holder, parts[at - 1], kind, parts[at:], path, fetch)
            return
    _expand_inside(rendered, parts, path, fetch)


def _include(rendered: dict[str, Any], kind_of: str, parts: tuple[str, ...], fetch: Fetch) -> int:
    """Include the member that a path begins with; how many parts it takes, 0 for no such one."""
    for size in range(1, len(parts) + 1):
        if (kind_of, *parts[:size]) in INCLUDABLE:
            for holder in _holders(rendered, parts[: size - 1]):
                if holder.get(parts[size - 1]) is None:
                    kind = ".".join((kind_of, *parts[:size]))
                    holder[parts[size - 1]] = fetch(kind, rendered["id"])
            return size
    return 0


def _expand_inside(
    rendered: dict[str, Any], parts: tuple[str, ...], path: str, fetch: Fetch
) -> None:
    """Go on in a member that is an object of its own, or a list of such."""
    inner = rendered.get(parts[0])
    rest = parts[1:]
    if not rest or not isinstance(inner, dict) or "object" not in inner:
        raise _not_expandable(path, "It holds no id of an object that can be included.")
    _expand_path(inner, rest, path, fetch)


def _expand_member(
    holder: dict[str, Any],
    name: str,
    kind: str,
    rest: tuple[str, ...],
    path: str,
    fetch: Fetch,
) -> None:
    """Replace an id, or each id of a list, and go on in what has taken its place."""
    member = holder.get(name)
    if isinstance(member, str):
        holder[name] = fetch(kind, member)
    elif isinstance(member, list):
        holder[name] = [fetch(kind, one) if isinstance(one, str) else one for one in member]
    if rest:
        for inner in _holders(holder, (name,)):
            _expand_path(inner, rest, path, fetch)


def _holders(rendered: Any, parts: tuple[str, ...]) -> list[dict[str, Any]]:
    """The objects that a path leads to; lists are gone through member by member."""
    found = [rendered]
    for part in parts:
        inner = [one.get(part) for one in found if isinstance(one, dict)]
        found = [
            one for member in inner for one in (member if isinstance(member, list) else [member])
        ]
    return [one for one in found if isinstance(one, dict)]


def _not_expandable(path: str, why: str) -> ParameterInvalid:
    return ParameterInvalid("expand", f"This property cannot be expanded ({path}). {why}")
