"""The lines of invoices: they add up, and splitting usage changes nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.prices import prices, quantities, tiered
from tripmeter.model.catalogue import Price, TaxRate
from tripmeter.model.invoice import Applied, InvoiceLine
from tripmeter.rules.invoicing import due, net, totals, usage_lines, with_taxes
from tripmeter.rules.pricing import amount

EVERY = ("unit", "graduated", "volume", "package")


@given(prices(modes=EVERY), st.lists(quantities(), min_size=1, max_size=6))
def test_threshold_invoices_add_up_to_what_one_invoice_would_have_said(
    price: Price, used: list[Decimal]
) -> None:
    usage, billed, invoiced = Decimal(0), None, 0
    for more in used:
        usage += more
        invoiced += sum(line.amount for line in usage_lines(price, usage, billed))
        billed = usage
    assert invoiced == amount(price, usage)


@given(prices(modes=("unit", "graduated")), quantities(), quantities())
def test_quantities_add_up_as_well(price: Price, first: Decimal, more: Decimal) -> None:
    once = usage_lines(price, first + more, None)
    parts = [*usage_lines(price, first, None), *usage_lines(price, first + more, first)]

    def by_the_unit(lines: list[object]) -> Decimal:
        return sum((line.quantity for line in lines if not line.is_flat), Decimal(0))  # type: ignore[attr-defined]

    assert by_the_unit([*once]) == by_the_unit([*parts]) == first + more


def test_volume_tiers_bill_the_whole_and_take_off_what_was_billed() -> None:
    """The example of Stripe's guide on thresholds."""
    price = tiered("volume", (10_000, "0.5", "0"), (None, "0.4", "0"))
    first = usage_lines(price, Decimal(10_000), None)
    assert [line.amount for line in first] == [5_000]
    second = usage_lines(price, Decimal(12_500), Decimal(10_000))
    assert [line.amount for line in second] == [5_000, -5_000]
    third = usage_lines(price, Decimal(25_000), Decimal(12_500))
    assert [line.amount for line in third] == [10_000, -5_000]
    less = usage_lines(price, Decimal(10_001), Decimal(10_000))
    assert sum(line.amount for line in less) == -1_000


def test_graduated_tiers_go_on_where_they_were() -> None:
    price = tiered("graduated", (10_000, "0.50", "0"), (None, "0.40", "0"))
    lines = usage_lines(price, Decimal(12_500), Decimal(9_000))
    assert [(line.tier, line.quantity, line.amount) for line in lines] == [
        (0, Decimal(1_000), 500),
        (1, Decimal(2_500), 1_000),
    ]


def line(amount: int, *, discount: int = 0, credit: int = 0, rates: str = "") -> InvoiceLine:
    return InvoiceLine(
        id="il_1",
        amount=amount,
        description="x",
        period_start_ms=0,
        period_end_ms=1,
        discounts=(Applied("di_1", discount),) if discount else (),
        credits=(Applied("cbtxn_1", credit),) if credit else (),
        tax_rates=tuple(rates.split()),
    )


def rate(id: str, percentage: str, *, inclusive: bool) -> TaxRate:
    return TaxRate(
        id=id,
        account="acct_1",
        livemode=False,
        created_ms=0,
        display_name="VAT",
        percentage=Decimal(percentage),
        inclusive=inclusive,
    )


RATES = {
    "vat": rate("vat", "19", inclusive=False),
    "gst": rate("gst", "10", inclusive=True),
    "pst": rate("pst", "8.875", inclusive=False),
}


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (line(1_000, rates="vat"), (1_000, 1_000, 1_190)),
        (line(1_100, rates="gst"), (1_100, 1_000, 1_100)),
        (line(1_000, discount=200, credit=300, rates="vat"), (1_000, 500, 595)),
        (line(100, rates="vat pst"), (100, 100, 128)),
        (line(-1_000, rates="vat"), (-1_000, -1_000, -1_190)),
        (line(1_000), (1_000, 1_000, 1_000)),
    ],
)
def test_tax_is_on_what_discounts_and_credits_left(
    given_: InvoiceLine, expected: tuple[int, int, int]
) -> None:
    assert totals([with_taxes(given_, RATES, exempt=False)]) == expected


def test_who_is_exempt_pays_no_tax() -> None:
    assert totals([with_taxes(line(1_000, rates="vat"), RATES, exempt=True)]).total == 1_000


@given(
    st.lists(
        st.builds(
            line,
            st.integers(-(10**6), 10**6),
            discount=st.integers(0, 500),
            credit=st.integers(0, 500),
            rates=st.sampled_from(["", "vat", "gst", "vat gst pst"]),
        )
    )
)
def test_lines_sum_to_totals(lines: list[InvoiceLine]) -> None:
    taxed = [with_taxes(one, RATES, exempt=False) for one in lines]
    sums = totals(taxed)
    exclusive = sum(tax.amount for one in taxed for tax in one.taxes if not tax.inclusive)
    inclusive = sum(tax.amount for one in taxed for tax in one.taxes if tax.inclusive)
    assert sums.subtotal == sum(one.amount for one in lines)
    assert sums.total == sum(map(net, lines)) + exclusive
    assert sums.excluding_tax == sums.total - exclusive - inclusive


@pytest.mark.parametrize(
    ("total", "balance", "expected"),
    [
        (1_000, 0, (1_000, 0)),
        (1_000, -300, (700, 0)),
        (1_000, -1_500, (0, -500)),
        (1_000, 200, (1_200, 0)),
        (-500, 0, (0, -500)),
        (-500, 800, (300, 0)),
    ],
)
def test_the_balance_pays_and_is_paid(total: int, balance: int, expected: tuple[int, int]) -> None:
    assert due(total, balance) == expected
