"""Prices for tests: made by hand, and by hypothesis."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tripmeter.model.catalogue import Interval, Package, Price, Recurring, Tier

MONTHLY = Recurring(Interval.MONTH, usage_type="metered", meter="mtr_1")


def price(**fields: Any) -> Price:
    """A metered price in dollars."""
    base: dict[str, Any] = {
        "id": "price_1",
        "account": "acct_1",
        "livemode": False,
        "created_ms": 0,
        "product": "prod_1",
        "currency": "usd",
        "recurring": MONTHLY,
    }
    return Price(**base | fields)


def tiered(mode: Any, *tiers: tuple[int | None, str, str]) -> Price:
    """A price with tiers of (up to, unit amount, flat amount)."""
    made = tuple(Tier(up_to, Decimal(unit), Decimal(flat)) for up_to, unit, flat in tiers)
    return price(tiers_mode=mode, tiers=made)


def rates() -> st.SearchStrategy[Decimal]:
    """Minor units with up to 12 decimal places."""
    return st.builds(
        lambda whole, places: Decimal(whole).scaleb(-places),
        st.integers(0, 10**6),
        st.integers(0, 12),
    )


def quantities(largest: int = 5_000) -> st.SearchStrategy[Decimal]:
    """Usage, in fractions too."""
    return st.builds(
        lambda whole, places: Decimal(whole).scaleb(-places),
        st.integers(0, largest * 1000),
        st.integers(0, 6),
    )


@st.composite
def prices(draw: st.DrawFn, *, modes: tuple[str, ...] = ("unit", "graduated", "volume")) -> Price:
    """Metered prices of every scheme."""
    mode = draw(st.sampled_from(modes))
    if mode == "unit":
        return price(unit_amount=draw(rates()))
    if mode == "package":
        package = Package(draw(st.integers(1, 500)), draw(st.sampled_from(["up", "down"])))
        return price(unit_amount=draw(rates()), package=package)
    ends = sorted(draw(st.sets(st.integers(1, 4_000), max_size=4)))
    tiers = tuple(Tier(end, draw(rates()), draw(rates())) for end in (*ends, None))
    return price(tiers_mode=mode, tiers=tiers)
