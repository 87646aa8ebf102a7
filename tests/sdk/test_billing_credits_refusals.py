"""Bad input of every kind for credits, balance and entitlements: what is said, and nothing written.

Each row asks for something through the official SDK. `{name}` in a value stands for the id of
something that the table's world has.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import apsw
import pytest
import stripe

from sdk.catalogue import metered_price, product
from support import samples
from support.beside import scope_of, write_beside
from support.server import Server, running_server

GRANTS = "/v1/billing/credit_grants"
SUMMARY = "/v1/billing/credit_balance_summary"
TRANSACTIONS = "/v1/billing/credit_balance_transactions"
BALANCE = "/v1/customers/{customer}/balance_transactions"
FEATURES = "/v1/entitlements/features"
OF_PRODUCT = "/v1/products/{product}/features"
ACTIVE = "/v1/entitlements/active_entitlements"

METERED = {"scope": {"price_type": "metered"}}
MONEY = {"type": "monetary", "monetary": {"currency": "usd", "value": 100}}
GRANT = {"customer": "{customer}", "amount": MONEY, "applicability_config": METERED}
ALL: dict[str, Any] = {
    "type": "applicability_scope",
    "applicability_scope": {"price_type": "metered"},
}


class Asked(NamedTuple):
    """A request, and how it is refused."""

    what: str
    method: str
    path: str
    params: dict[str, Any]
    param: str | None
    message: str
    """A part of it, as a regular expression."""
    status: int = 400


def grant(
    what: str, changes: dict[str, Any], param: str | None, message: str, status: int = 400
) -> Asked:
    """A grant that is not made; None takes a parameter away."""
    params = {name: value for name, value in {**GRANT, **changes}.items() if value is not None}
    return Asked(f"grant: {what}", "post", GRANTS, params, param, message, status)


def money(**changes: Any) -> dict[str, Any]:
    return {"amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 1, **changes}}}


def scoped(**scope: Any) -> dict[str, Any]:
    return {"applicability_config": {"scope": scope}}


def prices(*ids: str) -> list[dict[str, str]]:
    return [{"id": id_} for id_ in ids]


SCOPE = "applicability_config[scope]"
FIRST = f"{SCOPE}[prices][0][id]"

REFUSED = [
    # creating a grant
    grant("for nobody", {"customer": None}, "customer", "Missing required param: customer"),
    grant("for who is not there", {"customer": "cus_no"}, "customer", "No such customer", 404),
    grant("for who is deleted", {"customer": "{gone}"}, "customer", "No such customer", 404),
    grant("of another account", {"customer": "{live}"}, "customer", "No such customer", 404),
    grant("for an account", {"customer_account": "acct_1"}, "customer_account", "unknown param"),
    grant("of nothing", {"amount": None}, "amount", "Missing"),
    grant("without money", {"amount": {"type": "monetary"}}, "amount[monetary]", "Missing"),
    grant(
        "in units",
        {"amount": {"type": "custom_pricing_unit", "custom_pricing_unit": {"id": "x"}}},
        "amount[custom_pricing_unit]",
        "unknown param",
    ),
    grant("of zero", money(value=0), "amount[monetary][value]", "greater than or equal to 1"),
    grant("below zero", money(value=-5), "amount[monetary][value]", "greater than or equal to 1"),
    grant("of a fraction", money(value="1.5"), "amount[monetary][value]", "Invalid integer: 1.5"),
    grant("of too much", money(value=10**14), "amount[monetary][value]", "99999999999999"),
    grant("beyond 64 bits", money(value=10**30), "amount[monetary][value]", "Invalid integer"),
    grant("in no currency", money(currency=""), "amount[monetary][currency]", "empty string"),
    grant(
        "in a currency of nobody",
        money(currency="xyz"),
        "amount[monetary][currency]",
        "Invalid currency: xyz.*such as usd",
    ),
    grant(
        "in a long currency",
        money(currency="dollars"),
        "amount[monetary][currency]",
        "3 characters",
    ),
    grant("for nothing", {"applicability_config": None}, "applicability_config", "Missing"),
    grant("for an empty scope", scoped(prices=""), f"{SCOPE}[prices]", "empty string"),
    grant("for other prices", scoped(price_type="licensed"), f"{SCOPE}[price_type]", "metered"),
    grant(
        "for all and some",
        scoped(price_type="metered", prices=prices("{metered}")),
        f"{SCOPE}[price_type]",
        "only specify one",
    ),
    grant(
        "for billable items",
        scoped(billable_items=prices("bi_1")),
        f"{SCOPE}[billable_items]",
        "not supported.*price_type or prices",
    ),
    grant(
        "for a price that is not", scoped(prices=prices("price_no")), FIRST, "No such price", 404
    ),
    grant(
        "for a price without a meter",
        scoped(prices=prices("{licensed}")),
        FIRST,
        "is not metered.*name metered prices",
    ),
    grant(
        "for a price in another currency",
        scoped(prices=prices("{metered}", "{euros}")),
        f"{SCOPE}[prices][1][id]",
        "is in eur.*in the currency of the grant",
    ),
    grant(
        "for too many prices",
        scoped(prices=prices(*["{metered}"] * 21)),
        f"{SCOPE}[prices]",
        "at most 20",
    ),
    grant("of a third category", {"category": "free"}, "category", "paid or promotional"),
    grant("too early in line", {"priority": -1}, "priority", "greater than or equal to 0"),
    grant("too late in line", {"priority": 101}, "priority", "less than or equal to 100"),
    grant("that is over", {"expires_at": 1_000}, "expires_at", "in the future"),
    grant(
        "that ends before it begins",
        {"effective_at": 4_000_000_000, "expires_at": 4_000_000_000},
        "expires_at",
        "later than effective_at",
    ),
    grant("at no time", {"effective_at": "soon"}, "effective_at", "whole seconds"),
    grant("in milliseconds", {"expires_at": 4_000_000_000_000}, "expires_at", "whole seconds"),
    grant("with a long name", {"name": "x" * 101}, "name", "100 characters"),
    grant("with long metadata", {"metadata": {"k": "x" * 501}}, "metadata[k]", "500 characters"),
    grant("with a shoe size", {"shoe_size": 46}, "shoe_size", "unknown param"),
    # changing a grant
    Asked("rename", "post", f"{GRANTS}/{{grant}}", {"name": "x"}, "name", "unknown param"),
    Asked("more", "post", f"{GRANTS}/{{grant}}", {"amount": MONEY}, "amount", "unknown param"),
    Asked("past", "post", f"{GRANTS}/{{grant}}", {"expires_at": 5}, "expires_at", "in the future"),
    Asked(
        "before it begins",
        "post",
        f"{GRANTS}/{{pending}}",
        {"expires_at": 3_900_000_000},
        "expires_at",
        "later than effective_at",
    ),
    Asked("no grant", "post", f"{GRANTS}/credgr_no", {}, "id", "No such credit grant", 404),
    Asked(
        "revive", "post", f"{GRANTS}/{{voided}}", {"expires_at": ""}, None, "is voided.*new grant"
    ),
    Asked(
        "prolong", "post", f"{GRANTS}/{{ended}}", {"expires_at": ""}, None, "has expired.*new grant"
    ),
    Asked("void twice", "post", f"{GRANTS}/{{voided}}/void", {}, None, "is voided"),
    Asked("void late", "post", f"{GRANTS}/{{ended}}/void", {}, None, "has expired"),
    Asked("expire twice", "post", f"{GRANTS}/{{ended}}/expire", {}, None, "has expired"),
    Asked("expire what is void", "post", f"{GRANTS}/{{voided}}/expire", {}, None, "is voided"),
    Asked("void with more", "post", f"{GRANTS}/{{grant}}/void", {"x": 1}, "x", "unknown param"),
    # reading credits
    Asked("grants of nobody", "get", GRANTS, {"customer": "cus_no"}, "customer", "No such", 404),
    Asked("cursor", "get", GRANTS, {"starting_after": "no"}, "starting_after", "No such", 404),
    Asked("too many", "get", GRANTS, {"limit": 101}, "limit", "100"),
    Asked("no such entry", "get", f"{TRANSACTIONS}/no", {}, "id", "balance transaction", 404),
    Asked("no ledger", "get", TRANSACTIONS, {"credit_grant": "no"}, "credit_grant", "No such", 404),
    Asked("no filter", "get", SUMMARY, {"customer": "{customer}"}, "filter", "Missing"),
    Asked("of whom", "get", SUMMARY, {"filter": ALL}, "customer", "Missing required"),
    Asked(
        "of nobody",
        "get",
        SUMMARY,
        {"customer": "cus_no", "filter": ALL},
        "customer",
        "No such customer",
        404,
    ),
    Asked(
        "an empty filter",
        "get",
        SUMMARY,
        {"filter": {"type": "credit_grant"}},
        "filter[credit_grant]",
        "Missing",
    ),
    Asked(
        "two filters",
        "get",
        SUMMARY,
        {"customer": "{customer}", "filter": {**ALL, "credit_grant": "{grant}"}},
        "filter[credit_grant]",
        r"filter\[type\]=applicability_scope.*change the type",
    ),
    Asked(
        "a filter of a third kind",
        "get",
        SUMMARY,
        {"filter": {"type": "rate_card"}},
        "filter[type]",
        "applicability_scope or credit_grant",
    ),
    Asked(
        "somebody else's grant",
        "get",
        SUMMARY,
        {"customer": "{other}", "filter": {"type": "credit_grant", "credit_grant": "{grant}"}},
        "filter[credit_grant]",
        "No such credit grant of this customer",
        404,
    ),
    # the balance
    Asked("no amount", "post", BALANCE, {"currency": "usd"}, "amount", "Missing"),
    Asked("no currency", "post", BALANCE, {"amount": 1}, "currency", "Missing"),
    Asked("zero", "post", BALANCE, {"amount": 0, "currency": "usd"}, "amount", "below or above 0"),
    Asked("words", "post", BALANCE, {"amount": "ten", "currency": "usd"}, "amount", "integer: ten"),
    Asked("too much", "post", BALANCE, {"amount": -(10**14), "currency": "usd"}, "amount", "9999"),
    Asked(
        "coin", "post", BALANCE, {"amount": 1, "currency": "btc"}, "currency", "Invalid currency"
    ),
    Asked(
        "another currency",
        "post",
        BALANCE,
        {"amount": 1, "currency": "eur"},
        "currency",
        r"balance of -5\.00 USD.*Use the currency usd",
    ),
    Asked(
        "over the limit by a sum",
        "post",
        BALANCE,
        {"amount": -99_999_999_999_999, "currency": "usd"},
        "amount",
        "change it by less",
    ),
    Asked(
        "a long description",
        "post",
        BALANCE,
        {"amount": 1, "currency": "usd", "description": "x" * 351},
        "description",
        "350 characters",
    ),
    Asked(
        "of nobody",
        "post",
        "/v1/customers/cus_no/balance_transactions",
        {"amount": 1, "currency": "usd"},
        "customer",
        "No such customer",
        404,
    ),
    Asked(
        "of who is gone",
        "post",
        "/v1/customers/{gone}/balance_transactions",
        {"amount": 1, "currency": "usd"},
        "customer",
        "No such customer",
        404,
    ),
    Asked("undo", "post", f"{BALANCE}/{{adjusted}}", {"amount": 1}, "amount", "unknown param"),
    Asked("none", "get", f"{BALANCE}/cbtxn_no", {}, "transaction", "balance transaction", 404),
    Asked(
        "somebody else's",
        "get",
        "/v1/customers/{other}/balance_transactions/{adjusted}",
        {},
        "transaction",
        "No such customer balance transaction",
        404,
    ),
    Asked("begin", "post", "/v1/customers", {"balance": "much"}, "balance", "Invalid integer"),
    Asked("far", "post", "/v1/customers/{customer}", {"balance": 10**14}, "balance", "9999"),
    # features
    Asked("no key", "post", FEATURES, {"name": "x"}, "lookup_key", "Missing"),
    Asked("no name", "post", FEATURES, {"lookup_key": "x"}, "name", "Missing"),
    Asked(
        "a long key", "post", FEATURES, {"name": "x", "lookup_key": "x" * 81}, "lookup_key", "80 ch"
    ),
    Asked(
        "a key that is taken",
        "post",
        FEATURES,
        {"name": "x", "lookup_key": "priority"},
        "lookup_key",
        "exists already: it is feat_",
    ),
    Asked(
        "a key of one that is archived",
        "post",
        FEATURES,
        {"name": "x", "lookup_key": "retired"},
        "lookup_key",
        "is archived; update it with active=true",
    ),
    Asked(
        "another key",
        "post",
        f"{FEATURES}/{{feature}}",
        {"lookup_key": "x"},
        "lookup_key",
        "unknown param",
    ),
    Asked("neither", "post", f"{FEATURES}/{{feature}}", {"active": "so"}, "active", "boolean: so"),
    Asked("no feature", "post", f"{FEATURES}/feat_no", {}, "id", "No such feature", 404),
    Asked("attach what", "post", OF_PRODUCT, {}, "entitlement_feature", "Missing"),
    Asked(
        "attach none",
        "post",
        OF_PRODUCT,
        {"entitlement_feature": "feat_no"},
        "entitlement_feature",
        "No such feature",
        404,
    ),
    Asked(
        "attach what is archived",
        "post",
        OF_PRODUCT,
        {"entitlement_feature": "{retired}"},
        "entitlement_feature",
        "is archived.*active=true",
    ),
    Asked(
        "attach twice",
        "post",
        OF_PRODUCT,
        {"entitlement_feature": "{feature}"},
        "entitlement_feature",
        "already: prodft_",
    ),
    Asked(
        "attach to nothing",
        "post",
        "/v1/products/prod_no/features",
        {"entitlement_feature": "{feature}"},
        "product",
        "No such product",
        404,
    ),
    Asked("detach nothing", "delete", f"{OF_PRODUCT}/no", {}, "id", "No such product feature", 404),
    Asked(
        "detach from another",
        "delete",
        "/v1/products/{second}/features/{attached}",
        {},
        "id",
        "No such product feature",
        404,
    ),
    Asked("whose entitlements", "get", ACTIVE, {}, "customer", "Missing"),
    Asked("nobody's", "get", ACTIVE, {"customer": "cus_no"}, "customer", "No such customer", 404),
    Asked("no entitlement", "get", f"{ACTIVE}/ent_no", {}, "id", "active entitlement", 404),
]


class World(NamedTuple):
    """A server of its own, a client, and the ids of what there is by name."""

    server: Server
    client: stripe.StripeClient
    ids: dict[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Something of everything that is asked for."""
    with running_server(tmp_path_factory.mktemp("refusals")) as server:
        http: Any = stripe.RequestsClient()
        client = stripe.StripeClient(
            server.api_key, base_addresses={"api": server.url}, http_client=http
        )
        yield World(server, client, populated(server, client))
        http.close()


def populated(server: Server, client: stripe.StripeClient) -> dict[str, str]:
    """Customers, prices, grants, an adjustment and features: the ids by name."""
    customers = client.v1.customers
    ids = {name: customers.create({}).id for name in ("customer", "other", "gone")}
    customers.delete(ids["gone"])
    live = samples.customer("cus_live", scope_of(server)._replace(livemode=True))
    write_beside(server, lambda session: session.customers.insert(live))
    ids["live"] = "cus_live"
    ids["metered"] = metered_price(server, "price_metered")
    ids["euros"] = metered_price(server, "price_euros", currency="eur")
    ids["licensed"] = metered_price(server, "price_licensed", recurring=None)
    ids["product"], ids["second"] = (product(server, name) for name in ("prod_1", "prod_2"))
    return ids | _grants(client, ids) | _features(client, ids)


def _grants(client: stripe.StripeClient, ids: dict[str, str]) -> dict[str, str]:
    grants = client.v1.billing.credit_grants
    create: Callable[..., Any] = grants.create
    given = filled(GRANT, ids)
    made = {name: create(given).id for name in ("grant", "voided", "ended")}
    made["pending"] = create({**given, "effective_at": 4_000_000_000}).id
    grants.void_grant(made["voided"])
    grants.expire(made["ended"])
    adjusted = client.v1.customers.balance_transactions.create(
        ids["customer"], {"amount": -500, "currency": "usd"}
    )
    return {**made, "adjusted": adjusted.id}


def _features(client: stripe.StripeClient, ids: dict[str, str]) -> dict[str, str]:
    features = client.v1.entitlements.features
    feature = features.create({"name": "Priority", "lookup_key": "priority"})
    retired = features.create({"name": "Retired", "lookup_key": "retired"})
    features.update(retired.id, {"active": False})
    attached = client.v1.products.features.create(
        ids["product"], {"entitlement_feature": feature.id}
    )
    return {"feature": feature.id, "retired": retired.id, "attached": attached.id}


def filled(value: Any, ids: dict[str, str]) -> Any:
    """A value with ids in the place of names."""
    if isinstance(value, str):
        return value.format(**ids) if "{" in value else value
    if isinstance(value, dict):
        return {key: filled(one, ids) for key, one in value.items()}
    return [filled(one, ids) for one in value] if isinstance(value, list) else value


def written(server: Server) -> dict[str, Any]:
    """All rows of the tables that these requests could write to."""
    tables = (
        "customers credit_grants credit_transactions balance_transactions features"
        " product_features entitlements events agenda"
    )
    with closing(apsw.Connection(str(server.data / "tripmeter.db"))) as beside:
        return {name: list(beside.execute(f"SELECT * FROM {name}")) for name in tables.split()}


@pytest.mark.parametrize("asked", REFUSED, ids=lambda asked: asked.what)
def test_is_refused_with_what_to_do_and_nothing_is_written(asked: Asked, world: World) -> None:
    server, client, ids = world
    before = written(server)
    with pytest.raises(stripe.InvalidRequestError, match=f"(?s){asked.message}") as refused:
        client.raw_request(asked.method, asked.path.format(**ids), **filled(asked.params, ids))
    error = refused.value
    assert (error.http_status, error.param) == (asked.status, asked.param)
    assert error.error is not None
    assert error.error.type == "invalid_request_error"
    assert written(server) == before
