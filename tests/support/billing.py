"""Subscriptions and invoices for tests: made by hand, and by hypothesis."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st
from msgspec import structs

from support.prices import prices, quantities, rates
from tripmeter.model.catalogue import Coupon, Discount, Interval, Price, Recurring, TaxRate
from tripmeter.model.invoice import (
    Applied,
    BillingReason,
    Invoice,
    InvoiceItem,
    InvoiceLine,
    InvoicePayment,
    InvoiceStatus,
    ItemReason,
    Taxed,
    ThresholdReason,
)
from tripmeter.model.money import CURRENCIES
from tripmeter.model.subscription import Status, Subscription, SubscriptionItem
from tripmeter.model.test_clock import TestClock
from tripmeter.rules.invoicing import summed

OCTOBER: Final = 1_790_812_800_000
"""2026-10-01, in Unix milliseconds."""
NOVEMBER: Final = 1_793_491_200_000

VAT: Final = TaxRate(
    id="txr_1",
    account="acct_1",
    livemode=False,
    created_ms=0,
    display_name="VAT",
    percentage=Decimal(19),
    inclusive=False,
)
INCLUDED: Final = structs.replace(VAT, id="txr_2", display_name="GST", inclusive=True)
TAX_RATES: Final[Mapping[str, TaxRate]] = {rate.id: rate for rate in (VAT, INCLUDED)}

_OWNED: Final[dict[str, Any]] = {"account": "acct_1", "livemode": False, "created_ms": OCTOBER}


def line(id: str = "il_1", **fields: Any) -> InvoiceLine:
    """A line for a thousand units at a cent."""
    base: dict[str, Any] = {
        "amount": 1_000,
        "description": "API calls",
        "period_start_ms": OCTOBER,
        "period_end_ms": NOVEMBER,
        "price": "price_1",
        "product": "prod_1",
        "unit_amount": Decimal(1),
        "quantity": Decimal(1_000),
        "subscription": "sub_1",
        "subscription_item": "si_1",
    }
    return InvoiceLine(id=id, **base | fields)


def invoice(*lines: InvoiceLine, **fields: Any) -> Invoice:
    """An open invoice of a subscription, with the totals of its lines."""
    base: dict[str, Any] = {
        "id": "in_1",
        **_OWNED,
        "customer": "cus_1",
        "currency": "usd",
        "status": InvoiceStatus.OPEN,
        "reason": BillingReason.CYCLE,
        "subscription": "sub_1",
        "number": "TM-0001",
        "period_start_ms": OCTOBER,
        "period_end_ms": NOVEMBER,
        "finalized_ms": NOVEMBER,
        "lines": lines,
    }
    return summed(Invoice(**base | fields))


def coupon(id: str = "SPRING", **fields: Any) -> Coupon:
    """A tenth off."""
    return Coupon(id=id, **_OWNED, **{"percent_off": Decimal(10)} | fields)


# --- strategies --------------------------------------------------------------------------------

_moments = st.integers(0, 4_000_000_000_000)
_amounts = st.integers(0, 10**12)
_maybe_moments = st.none() | _moments
_texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
_metadata = st.dictionaries(st.sampled_from(["order", "plan"]), _texts)
_currencies = st.sampled_from(sorted(CURRENCIES))
_rate_ids = st.lists(st.sampled_from(sorted(TAX_RATES)), unique=True).map(tuple)


def _discounts() -> st.SearchStrategy[tuple[Discount, ...]]:
    one = st.builds(
        Discount,
        id=st.from_regex(r"di_[0-9]{4}", fullmatch=True),
        coupon=st.just("SPRING"),
        start=st.integers(0, 10**9),
        used=st.booleans(),
    )
    return st.lists(one, max_size=3).map(tuple)


def _applied(prefix: str) -> st.SearchStrategy[tuple[Applied, ...]]:
    ids = st.sampled_from([f"{prefix}_{number}" for number in range(3)])
    return st.lists(st.builds(Applied, ids, st.integers(1, 500)), max_size=2).map(tuple)


def recurring_prices() -> st.SearchStrategy[Price]:
    """Prices of every scheme and interval, metered or not."""

    def recur(price: Price, interval: Interval, count: int, is_metered: bool) -> Price:
        usage: dict[str, Any] = {"usage_type": "metered", "meter": "mtr_1"} if is_metered else {}
        recurring = Recurring(interval, interval_count=count, **usage)
        return structs.replace(price, recurring=recurring)

    schemes = prices(modes=("unit", "graduated", "volume", "package"))
    return st.builds(
        recur, schemes, st.sampled_from(list(Interval)), st.integers(1, 3), st.booleans()
    )


def subscription_items() -> st.SearchStrategy[SubscriptionItem]:
    """Items of the price `price_1`."""
    return st.builds(
        SubscriptionItem,
        id=st.from_regex(r"si_[0-9]{4}", fullmatch=True),
        account=st.just("acct_1"),
        livemode=st.booleans(),
        created_ms=_moments,
        subscription=st.just("sub_1"),
        customer=st.just("cus_1"),
        price=st.just("price_1"),
        quantity=st.none() | st.integers(0, 10**6),
        period_start_ms=_moments,
        period_end_ms=_moments,
        usage_gte=st.none() | st.integers(1, 10**9),
        tax_rates=_rate_ids,
        discounts=_discounts(),
        metadata=_metadata,
    )


_subscription_details = st.fixed_dictionaries(
    {},
    optional={
        "cancellation_details": st.just({"reason": "cancellation_requested", "comment": "bye"}),
        "billing_cycle_anchor_config": st.just({"day_of_month": 31}),
        "invoice_settings": st.just({"footer": "Danke", "custom_fields": None}),
        "pause_collection": st.just({"behavior": "void"}),
        "payment_settings": st.just({"payment_method_types": ["card"]}),
        "trial_settings": st.just({"end_behavior": {"missing_payment_method": "pause"}}),
    },
)


def subscriptions() -> st.SearchStrategy[Subscription]:
    """Subscriptions in every state."""
    return st.builds(
        Subscription,
        id=st.just("sub_1"),
        account=st.just("acct_1"),
        livemode=st.booleans(),
        created_ms=_moments,
        customer=st.just("cus_1"),
        currency=_currencies,
        status=st.sampled_from(Status),
        start_ms=_moments,
        anchor_ms=_moments,
        period_start_ms=_moments,
        period_end_ms=_moments,
        clock=st.none() | st.just("clock_1"),
        collection_method=st.sampled_from(["charge_automatically", "send_invoice"]),
        days_until_due=st.none() | st.integers(0, 90),
        amount_gte=st.none() | st.integers(50, 10**6),
        reset_billing_cycle_anchor=st.booleans(),
        trial_start_ms=_maybe_moments,
        trial_end_ms=_maybe_moments,
        cancel_at_ms=_maybe_moments,
        cancel_at_period_end=st.booleans(),
        canceled_ms=_maybe_moments,
        ended_ms=_maybe_moments,
        latest_invoice=st.none() | st.just("in_1"),
        discounts=_discounts(),
        default_tax_rates=_rate_ids,
        metadata=_metadata,
        description=st.none() | _texts,
        details=_subscription_details,
    )


def _taxes() -> st.SearchStrategy[tuple[Taxed, ...]]:
    one = st.builds(
        Taxed,
        st.sampled_from(sorted(TAX_RATES)),
        inclusive=st.booleans(),
        amount=st.integers(0, 1000),
        taxable=st.integers(0, 10_000),
    )
    return st.lists(one, max_size=2).map(tuple)


def lines() -> st.SearchStrategy[InvoiceLine]:
    """Lines of subscriptions, of invoice items, and of neither."""
    return st.builds(
        InvoiceLine,
        id=st.from_regex(r"il_[0-9]{4}", fullmatch=True),
        amount=st.integers(-(10**9), 10**9),
        description=_texts,
        period_start_ms=_moments,
        period_end_ms=_moments,
        price=st.none() | st.just("price_1"),
        product=st.none() | st.just("prod_1"),
        unit_amount=st.none() | rates(),
        quantity=quantities(),
        subscription=st.none() | st.just("sub_1"),
        subscription_item=st.none() | st.just("si_1"),
        invoice_item=st.none() | st.just("ii_1"),
        charge=st.none() | st.integers(0, 9),
        proration=st.booleans(),
        discountable=st.booleans(),
        discounts=_applied("di"),
        credits=_applied("cbtxn"),
        taxes=_taxes(),
        metadata=_metadata,
    )


_address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_invoice_details = st.fixed_dictionaries(
    {},
    optional={
        "account_name": _texts,
        "customer_address": st.just({**_address, "city": "Köln"}),
        "customer_email": st.just("a@example.com"),
        "customer_name": _texts,
        "customer_tax_exempt": st.sampled_from(["none", "exempt", "reverse"]),
        "custom_fields": st.just([{"name": "Order", "value": "7"}]),
        "effective_at": st.integers(0, 10**9),
        "rendering": st.just({"pdf": {"page_size": "letter"}}),
        "subscription_metadata": _metadata,
        "subscription_proration_date": st.integers(0, 10**9),
    },
)
_threshold_reasons = st.builds(
    ThresholdReason,
    st.none() | st.integers(50, 10**6),
    st.lists(st.builds(ItemReason, st.integers(1, 10**6), st.just(("il_0001",))), max_size=2).map(
        tuple
    ),
)


def invoices() -> st.SearchStrategy[Invoice]:
    """Invoices in every state and for every reason, with their totals."""
    made = st.builds(
        Invoice,
        id=st.just("in_1"),
        account=st.just("acct_1"),
        livemode=st.booleans(),
        created_ms=_moments,
        customer=st.just("cus_1"),
        currency=_currencies,
        status=st.sampled_from(InvoiceStatus),
        reason=st.sampled_from(BillingReason),
        collection_method=st.sampled_from(["charge_automatically", "send_invoice"]),
        auto_advance=st.booleans(),
        subscription=st.none() | st.just("sub_1"),
        number=st.none() | st.just("TM-0001"),
        period_start_ms=_moments,
        period_end_ms=_moments,
        clock=st.none() | st.just("clock_1"),
        lines=st.lists(lines(), max_size=12).map(tuple),
        discounts=_discounts(),
        default_tax_rates=_rate_ids,
        threshold_reason=st.none() | _threshold_reasons,
        starting_balance=st.integers(-1000, 1000),
        ending_balance=st.none() | st.integers(-1000, 0),
        amount_paid=st.integers(0, 1000),
        finalizes_ms=_maybe_moments,
        due_ms=_maybe_moments,
        finalized_ms=_maybe_moments,
        paid_ms=_maybe_moments,
        voided_ms=_maybe_moments,
        uncollectible_ms=_maybe_moments,
        metadata=_metadata,
        description=st.none() | _texts,
        footer=st.none() | _texts,
        details=_invoice_details,
    )
    return made.map(summed)


def invoice_items() -> st.SearchStrategy[InvoiceItem]:
    """Invoice items, of the price `price_1` or of none."""
    return st.builds(
        InvoiceItem,
        id=st.just("ii_1"),
        account=st.just("acct_1"),
        livemode=st.booleans(),
        created_ms=_moments,
        customer=st.just("cus_1"),
        currency=_currencies,
        amount=st.integers(-(10**9), 10**9),
        quantity=quantities(),
        unit_amount=st.none() | rates(),
        price=st.none() | st.just("price_1"),
        description=st.none() | _texts,
        period_start_ms=_moments,
        period_end_ms=_moments,
        invoice=st.none() | st.just("in_1"),
        subscription=st.none() | st.just("sub_1"),
        subscription_item=st.none() | st.just("si_1"),
        proration=st.booleans(),
        discountable=st.booleans(),
        discounts=_discounts(),
        tax_rates=_rate_ids,
        metadata=_metadata,
    )


def invoice_payments() -> st.SearchStrategy[InvoicePayment]:
    """Payments on the invoice `in_1`."""
    return st.builds(
        InvoicePayment,
        id=st.just("inpay_1"),
        account=st.just("acct_1"),
        livemode=st.booleans(),
        created_ms=_moments,
        invoice=st.just("in_1"),
        currency=_currencies,
        amount=_amounts,
        out_of_band=st.booleans(),
    )


def clocks() -> st.SearchStrategy[TestClock]:
    """Test clocks, standing still or on their way."""
    return st.builds(
        TestClock,
        id=st.just("clock_1"),
        account=st.just("acct_1"),
        livemode=st.just(False),
        created_ms=_moments,
        frozen_ms=_moments,
        deletes_after_ms=_moments,
        status=st.sampled_from(["ready", "advancing", "internal_failure"]),
        name=st.none() | _texts,
        target_ms=_maybe_moments,
    )
