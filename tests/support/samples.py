"""One object of each kind, for tests that need just any."""

from decimal import Decimal
from typing import Any

from msgspec import structs

from tripmeter.model.access import Account, ApiKey, StreamSession
from tripmeter.model.action import (
    ActionRun,
    ActionType,
    AlertAction,
    AlertTarget,
    MailContent,
    MailTemplate,
    Occasion,
    QuietHours,
    Recipient,
    RunAttempt,
    RunState,
    TargetKind,
)
from tripmeter.model.alert import Alert, AlertStatus, CountFrom, Firing
from tripmeter.model.catalogue import (
    Coupon,
    Interval,
    Price,
    Product,
    PromotionCode,
    Recurring,
    TaxRate,
    Tier,
)
from tripmeter.model.credit import CreditGrant, CreditKind, CreditTransaction
from tripmeter.model.customer import Customer
from tripmeter.model.entitlement import Entitlement, Feature, ProductFeature
from tripmeter.model.event import DeliveryAttempt, Endpoint, EndpointKind, Event, EventPayload
from tripmeter.model.invoice import (
    BalanceTransaction,
    BillingReason,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
)
from tripmeter.model.member import Member, Role, SignIn
from tripmeter.model.meter import Formula, Meter, Window
from tripmeter.model.scope import Scope
from tripmeter.model.subscription import Status, Subscription, SubscriptionItem
from tripmeter.model.test_clock import TestClock
from tripmeter.model.usage_limit import (
    AccessState,
    LimitChange,
    LimitKind,
    LimitPeriod,
    NoticeAddress,
    Reservation,
    SetBy,
    StateKind,
    UsageLimit,
)

TEST = Scope("acct_a", livemode=False)
LIVE = Scope("acct_a", livemode=True)
STRANGER = Scope("acct_b", livemode=False)


def _given(scope: Scope, fields: dict[str, Any]) -> dict[str, Any]:
    return {"account": scope.account, "livemode": scope.livemode, "created_ms": 1_000, **fields}


def account(id: str = "acct_a") -> Account:
    """An account, which is in a scope of its own."""
    return Account(id=id, created_ms=1_000, name="Ärger & Co")


def api_key(id: str = "key_1", scope: Scope = TEST, **fields: Any) -> ApiKey:
    """An API key whose digest is its id."""
    base = {"name": "ci", "digest": id.encode(), "hint": "sk_test_...abcd"}
    return ApiKey(id=id, **_given(scope, base | fields))


def stream(id: str = "mes_1", scope: Scope = TEST, **fields: Any) -> StreamSession:
    """A meter event session whose digest is its id."""
    return StreamSession(
        id=id, **_given(scope, {"expires_ms": 2_000, "digest": id.encode()} | fields)
    )


def member(id: str = "mbr_1", **fields: Any) -> Member:
    """An admin."""
    base = {"created_ms": 1_000, "email": "Ada@example.com", "name": "Ada", "password": "$argon2"}
    return Member(id=id, **{"role": Role.ADMIN, **base, **fields})


def sign_in(digest: bytes = b"token", **fields: Any) -> SignIn:
    """A session of `mbr_1`."""
    base: dict[str, Any] = {"member": "mbr_1", "created_ms": 1_000, "expires_ms": 2_000}
    return SignIn(digest=digest, **(base | fields))


def customer(id: str = "cus_1", scope: Scope = TEST, **fields: Any) -> Customer:
    """A customer."""
    base = {"email": "a@example.com", "metadata": {"k": "v"}, "details": {"name": "Zoë"}}
    return Customer(id=id, **_given(scope, base | fields))


def meter(id: str = "mtr_1", scope: Scope = TEST, **fields: Any) -> Meter:
    """An active meter."""
    base = {"updated_ms": 1_000, "display_name": "Tokens", "event_name": "tokens"}
    more = {"formula": Formula.SUM, "window": Window.DAY, "dimension_keys": ("region",)}
    return Meter(id=id, **_given(scope, base | more | fields))


def alert(id: str = "alrt_1", scope: Scope = TEST, **fields: Any) -> Alert:
    """An active alert on `mtr_1` for everyone."""
    base = {"title": "a lot", "meter": "mtr_1", "gte": 100, "count_from": CountFrom.LIFETIME}
    return Alert(id=id, **_given(scope, base | fields))


def firing(id: str = "alrtn_1", scope: Scope = TEST, **fields: Any) -> Firing:
    """The firing of alert number 1 for customer number 1 in activation 1."""
    base: dict[str, Any] = {
        "account": scope.account,
        "livemode": scope.livemode,
        "alert_no": 1,
        "meter_no": 1,
        "customer_no": 1,
        "activation": 1,
        "position": 7,
        "identifier": "evt7",
        "value": -(10**33),
        "fired_ms": 1_000,
        "event": "evt_1",
        "alert": "alrt_1",
        "customer": "cus_1",
        "meter": "mtr_1",
    }
    return Firing(id=id, **(base | fields))


def event(id: str = "evt_1", scope: Scope = TEST, **fields: Any) -> Event:
    """A snapshot event about a customer."""
    base = {"type": "customer.created", "payload": EventPayload.SNAPSHOT, "object_id": "cus_1"}
    more = {"api_version": "2026-10-28.endive", "data": {"id": "cus_1", "n": 1, "none": None}}
    return Event(id=id, **_given(scope, base | more | fields))


def endpoint(id: str = "we_1", scope: Scope = TEST, **fields: Any) -> Endpoint:
    """A webhook endpoint for everything."""
    base = {"updated_ms": 1_000, "kind": EndpointKind.WEBHOOK_ENDPOINT, "secret": "whsec_x"}
    more = {
        "payload": EventPayload.SNAPSHOT,
        "url": "https://example.com",
        "enabled_events": ("*",),
    }
    return Endpoint(id=id, **_given(scope, base | more | fields))


def attempt(id: str = "wa_1", scope: Scope = TEST, **fields: Any) -> DeliveryAttempt:
    """A first attempt to deliver `evt_1` to `we_1`."""
    base = {"event": "evt_1", "endpoint": "we_1", "number": 1, "url": "https://example.com"}
    more = {"outcome": "failed", "signature": "t=1,v1=x", "status": 500, "body": "no \u2603"}
    return DeliveryAttempt(id=id, **_given(scope, base | more | fields))


def product(id: str = "prod_1", scope: Scope = TEST, **fields: Any) -> Product:
    """An active product with a size, which is kept as text."""
    base = {"updated_ms": 1_000, "name": "Tokens", "type": "good"}
    more = {"details": {"url": "https://example.com", "package_dimensions": {"height": "1.5"}}}
    return Product(id=id, **_given(scope, base | more | fields))


def price(id: str = "price_1", scope: Scope = TEST, **fields: Any) -> Price:
    """A monthly price of `prod_1` in tiers, by the usage of `mtr_1`."""
    base = {"product": "prod_1", "currency": "usd", "lookup_key": f"key of {id}"}
    tiers = (
        Tier(100, Decimal("0.000000000001"), Decimal(5)),
        Tier(None, Decimal("99999999999999.999999999999")),
    )
    recurring = Recurring(Interval.MONTH, 3, "metered", "mtr_1")
    more = {"tiers_mode": "graduated", "tiers": tiers, "recurring": recurring}
    return Price(id=id, **_given(scope, base | more | fields))


def coupon(id: str = "HALF", scope: Scope = TEST, **fields: Any) -> Coupon:
    """Half the price of `prod_1`, for three months."""
    base = {"percent_off": Decimal("50.5"), "duration": "repeating", "duration_in_months": 3}
    return Coupon(id=id, **_given(scope, base | {"products": ("prod_1",)} | fields))


def promotion_code(id: str = "promo_1", scope: Scope = TEST, **fields: Any) -> PromotionCode:
    """An active code for the coupon HALF."""
    base = {"code": "Summer", "coupon": "HALF", "expires_at": 2_000}
    return PromotionCode(id=id, **_given(scope, base | fields))


def tax_rate(id: str = "txr_1", scope: Scope = TEST, **fields: Any) -> TaxRate:
    """An active tax rate."""
    base = {"display_name": "VAT", "percentage": Decimal("19.5"), "inclusive": True}
    return TaxRate(id=id, **_given(scope, base | {"details": {"country": "DE"}} | fields))


def subscription(id: str = "sub_1", scope: Scope = TEST, **fields: Any) -> Subscription:
    """An active subscription of `cus_1`."""
    base: dict[str, Any] = {"customer": "cus_1", "currency": "usd", "status": Status.ACTIVE}
    times = {
        "start_ms": 1_000,
        "anchor_ms": 1_000,
        "period_start_ms": 1_000,
        "period_end_ms": 9_000,
    }
    return Subscription(id=id, **_given(scope, base | times | fields))


def subscription_item(id: str = "si_1", scope: Scope = TEST, **fields: Any) -> SubscriptionItem:
    """The item of `sub_1` for `price_1`."""
    base: dict[str, Any] = {"subscription": "sub_1", "customer": "cus_1", "price": "price_1"}
    times = {"period_start_ms": 1_000, "period_end_ms": 9_000, "meter": "mtr_1"}
    return SubscriptionItem(id=id, **_given(scope, base | times | fields))


def invoice(id: str = "in_1", scope: Scope = TEST, **fields: Any) -> Invoice:
    """A draft of `cus_1` for a period that ended, with no lines."""
    base: dict[str, Any] = {"customer": "cus_1", "currency": "usd", "status": InvoiceStatus.DRAFT}
    more = {"reason": BillingReason.CYCLE, "period_start_ms": 1_000, "period_end_ms": 9_000}
    return Invoice(id=id, **_given(scope, base | more | fields))


def invoice_line(id: str = "il_1", amount: int = 100, **fields: Any) -> InvoiceLine:
    """A line of metered usage at `price_1`."""
    base: dict[str, Any] = {"description": "Tokens", "price": "price_1", "window": 1}
    times = {"period_start_ms": 1_000, "period_end_ms": 9_000}
    return InvoiceLine(id=id, amount=amount, **(base | times | fields))


def credit_grant(id: str = "credgr_1", scope: Scope = TEST, **fields: Any) -> CreditGrant:
    """Ten dollars for `cus_1`, for all metered prices and for ever."""
    base: dict[str, Any] = {"customer": "cus_1", "currency": "usd", "amount": 1_000}
    more = {"updated_ms": 1_000, "effective_ms": 1_000, "name": "Willkommen ☃"}
    return CreditGrant(id=id, **_given(scope, base | more | fields))


def credit_entry(id: str = "cbtxn_1", scope: Scope = TEST, **fields: Any) -> CreditTransaction:
    """The entry that grants the ten dollars."""
    base: dict[str, Any] = {"customer": "cus_1", "credit_grant": "credgr_1", "currency": "usd"}
    more = {"kind": CreditKind.GRANTED, "amount": 1_000, "effective_ms": 1_000}
    return CreditTransaction(id=id, **_given(scope, base | more | fields))


def balance_transaction(
    id: str = "cbtxn_1", scope: Scope = TEST, **fields: Any
) -> BalanceTransaction:
    """Five dollars of credit for `cus_1`."""
    base: dict[str, Any] = {"customer": "cus_1", "currency": "usd", "type": "adjustment"}
    return BalanceTransaction(
        id=id, **_given(scope, base | {"amount": -500, "ending_balance": -500} | fields)
    )


def feature(id: str = "feat_1", scope: Scope = TEST, **fields: Any) -> Feature:
    """A feature whose lookup key is its id."""
    return Feature(id=id, **_given(scope, {"name": "Priority", "lookup_key": id} | fields))


def product_feature(id: str = "prodft_1", scope: Scope = TEST, **fields: Any) -> ProductFeature:
    """That `prod_1` carries a feature of the same number."""
    base = {"product": "prod_1", "feature": f"feat_{id}"}
    return ProductFeature(id=id, **_given(scope, base | fields))


def entitlement(id: str = "ent_1", scope: Scope = TEST, **fields: Any) -> Entitlement:
    """That `cus_1` may use a feature."""
    base = {"customer": "cus_1", "feature": f"feat_{id}", "lookup_key": "priority"}
    return Entitlement(id=id, **_given(scope, base | fields))


def clock(id: str = "clock_1", scope: Scope = TEST, **fields: Any) -> TestClock:
    """A clock that stands still."""
    base = {"frozen_ms": 1_000, "deletes_after_ms": 9_000}
    return TestClock(id=id, **_given(scope, base | fields))


def alert_target(id: str = "altgt_1", scope: Scope = TEST, **fields: Any) -> AlertTarget:
    """A channel that is left in peace at night."""
    base: dict[str, Any] = {"kind": TargetKind.SLACK, "name": "Vertrieb ☃", "digest": "hourly"}
    more = {"url": "https://example.com/x", "quiet_hours": QuietHours(1320, 450, "Europe/Berlin")}
    return AlertTarget(id=id, **_given(scope, base | more | fields))


def occasion(**fields: Any) -> Occasion:
    """That `cus_1` has come to the line of `alrt_1`."""
    base: dict[str, Any] = {
        "notification": "alrtn_1",
        "alert": "alrt_1",
        "title": "a lot",
        "alert_type": "usage_threshold",
        "moment": "triggered",
        "customer": "cus_1",
        "value": 10**33,
        "limit": 100,
        "happened_ms": 1_000,
        "locales": ("de-AT",),
    }
    return Occasion(**(base | fields))


def action_run(id: str = "alrun_1", scope: Scope = TEST, **fields: Any) -> ActionRun:
    """A mail to two, of which one was refused; due again. Its place is made of its id."""
    base: dict[str, Any] = {
        "alert": "alrt_1",
        "notification": f"alrtn_of_{id}",
        "place": 0,
        "customer": "cus_1",
        "action": AlertAction(type=ActionType.EMAIL, to=("customer", "team@example.com")),
        "occasion": occasion(),
        "state": RunState.PENDING,
        "due_ms": 5_000,
        "first_due_ms": 1_000,
        "lane": "mail:alrt_1",
        "attempts": 1,
        "history": (RunAttempt(number=1, created_ms=1_000, outcome="failed", status=450),),
        "recipients": (Recipient("a@example.com", "rejected", "gone"), Recipient("b@example.com")),
    }
    return ActionRun(id=id, **_given(scope, base | fields))


def mail_template(id: str = "mailtpl_1", scope: Scope = TEST, **fields: Any) -> MailTemplate:
    """A template in German alone."""
    content = {"de": MailContent("Grüße", "{{ value }}", "<p>{{ value }}</p>")}
    base: dict[str, Any] = {"updated_ms": 1_000, "name": "Grenze", "content": content}
    return MailTemplate(id=id, **_given(scope, base | fields))


def usage_limit(id: str = "ulim_1", scope: Scope = TEST, **fields: Any) -> UsageLimit:
    """A limit that `cus_1` set for itself."""
    base = {"meter": "mtr_1", "limit": Decimal("0.000000000000001"), "customer": "cus_1"}
    return UsageLimit(id=id, **_given(scope, base | {"set_by": SetBy.CUSTOMER} | fields))


def access_state(id: str = "acst_1", scope: Scope = TEST, **fields: Any) -> AccessState:
    """That a limit of the same number was reached."""
    base = {"customer": "cus_1", "meter": "mtr_1", "kind": StateKind.LIMIT}
    more = {"limit": f"ulim_{id}", "level": Decimal("12.5"), "period_start_ms": 1_000}
    return AccessState(id=id, **_given(scope, base | more | fields))


def reservation(id: str = "rsv_1", scope: Scope = TEST, **fields: Any) -> Reservation:
    """A reservation of `cus_1`."""
    base = {"customer": "cus_1", "meter": "mtr_1", "quantity": Decimal(5), "expires_ms": 9_000}
    return Reservation(id=id, **_given(scope, base | fields))


def limit_change(id: str = "lmch_1", scope: Scope = TEST, **fields: Any) -> LimitChange:
    """That `ulim_1` was raised."""
    base: dict[str, Any] = {"customer": "cus_1", "meter": "mtr_1", "usage_limit": "ulim_1"}
    kinds = {"period": LimitPeriod.MONTH, "kind": LimitKind.HARD, "set_by": SetBy.OPERATOR}
    more = {"before": Decimal(1), "after": Decimal(2)}
    return LimitChange(id=id, **_given(scope, base | kinds | more | fields))


def notice_address(id: str = "nadr_1", scope: Scope = TEST, **fields: Any) -> NoticeAddress:
    """An address that is not confirmed."""
    return NoticeAddress(id=id, **_given(scope, {"customer": "cus_1", "email": f"{id}@x"} | fields))


def archived(value: Alert) -> Alert:
    """The same alert, archived."""
    return structs.replace(value, status=AlertStatus.ARCHIVED)


def deleted(value: Customer) -> Customer:
    """The same customer, deleted."""
    return structs.replace(value, deleted=True)
