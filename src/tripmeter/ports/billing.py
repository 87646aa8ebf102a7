"""What billing asks of a store, its objects and the agenda of what is due, and of a change."""

from collections.abc import Collection
from typing import Protocol

from tripmeter.model.agenda import Due, Task
from tripmeter.model.catalogue import (
    Coupon,
    GivenDiscount,
    Price,
    Product,
    PromotionCode,
    TaxRate,
)
from tripmeter.model.credit import CreditGrant, CreditTransaction
from tripmeter.model.entitlement import Entitlement, Feature, ProductFeature
from tripmeter.model.invoice import BalanceTransaction, Invoice, InvoiceItem, InvoicePayment
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.subscription import Subscription, SubscriptionItem, Window
from tripmeter.model.terms import Terms
from tripmeter.model.test_clock import TestClock
from tripmeter.ports.payments import Payments
from tripmeter.ports.records import Records


class Agenda(Protocol):
    """What is due at a time. At most one entry for a task and a subject."""

    def put(self, due: Due) -> None:
        """Add an entry, in place of the one for the same task and subject."""
        ...

    def drop(self, scope: Scope, task: Task, subject: str) -> None:
        """Forget an entry, if there is one."""
        ...

    def due(self, now_ms: int, limit: int) -> list[Due]:
        """Entries that follow the time of the world and are due, the earliest first."""
        ...

    def due_on_clock(self, scope: Scope, clock: str, now_ms: int, limit: int) -> list[Due]:
        """Entries that follow a test clock and are due, the earliest first."""
        ...


class BillingRecords(Protocol):
    """What is sold, to whom, and what is billed for it."""

    def bills_meter(self, scope: Scope, meter: str) -> bool:
        """Whether the usage of a meter was ever billed to anybody."""
        ...

    def billed_items(
        self, scope: Scope, meter: str, customers: Collection[str]
    ) -> list[SubscriptionItem]:
        """The subscription items of customers that bill a meter's usage, oldest first, those
        that were deleted as well: usage may come late for them."""
        ...

    @property
    def products(self) -> Records[Product]: ...
    @property
    def prices(self) -> Records[Price]: ...
    @property
    def coupons(self) -> Records[Coupon]: ...
    @property
    def discounts(self) -> Records[GivenDiscount]: ...
    @property
    def promotion_codes(self) -> Records[PromotionCode]: ...
    @property
    def tax_rates(self) -> Records[TaxRate]: ...
    @property
    def subscriptions(self) -> Records[Subscription]: ...
    @property
    def subscription_items(self) -> Records[SubscriptionItem]: ...
    @property
    def invoices(self) -> Records[Invoice]: ...
    @property
    def invoice_items(self) -> Records[InvoiceItem]: ...
    @property
    def invoice_payments(self) -> Records[InvoicePayment]: ...
    @property
    def balance_transactions(self) -> Records[BalanceTransaction]: ...
    @property
    def credit_grants(self) -> Records[CreditGrant]: ...
    @property
    def credit_transactions(self) -> Records[CreditTransaction]: ...
    @property
    def features(self) -> Records[Feature]: ...
    @property
    def product_features(self) -> Records[ProductFeature]: ...
    @property
    def entitlements(self) -> Records[Entitlement]: ...
    @property
    def test_clocks(self) -> Records[TestClock]: ...
    @property
    def agenda(self) -> Agenda: ...

    def invoice_by_token(self, token: str) -> Invoice | None:
        """The invoice whose page for people has this token, whoever's it is."""
        ...

    def credit_scopes(self) -> list[Scope]:
        """Every scope that has a credit grant, or an entry of a ledger."""
        ...


class BillingWork(Protocol):
    """The part of a unit of work that billing needs."""

    @property
    def terms(self) -> Terms:
        """How this engine bills."""
        ...

    @property
    def payments(self) -> Payments:
        """How invoices are collected by themselves."""
        ...

    def usage(self, item: SubscriptionItem, window: Window) -> int:
        """What was used in an open window of a metered item so far; scaled."""
        ...

    def billing_changed(self, scope: Scope, meter: str, customer: str) -> None:
        """Say that what a customer's usage on a meter is billed for is not as it was."""
        ...

    def evaluate_thresholds(self, caller: Caller, subscription: str) -> None:
        """Evaluate a subscription's billing thresholds now, whether usage comes or not."""
        ...
