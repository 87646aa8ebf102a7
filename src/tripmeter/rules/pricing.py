"""What a quantity costs, by a price: charges that are exact, and their amounts in minor units.

A charge has the same place whatever the quantity, so that what was billed before in a period can be
taken off charge by charge: then the lines of a period's invoices add up to what one invoice for all
of it would have said, to the last unit, however the usage was split.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Final, NamedTuple

from tripmeter.model.catalogue import Package, Price, Tier
from tripmeter.model.money import rounded

ZERO: Final = Decimal(0)

ANY: Final = Decimal(-(10**21))
"""Less than any quantity."""

_EXACT: Final = Context(prec=200)

_STEP: Final = Decimal("1e-15")
"""The least difference between two quantities."""


class Charge(NamedTuple):
    """One part of what a quantity costs: by the unit, or a flat amount of a tier."""

    quantity: Decimal
    unit_amount: Decimal
    """Minor units for one of `quantity`."""
    tier: int | None = None
    """The place of its tier."""
    is_flat: bool = False

    @property
    def exact(self) -> Decimal:
        """Minor units, not rounded."""
        with localcontext(_EXACT):
            return self.quantity * self.unit_amount

    @property
    def amount(self) -> int:
        """Minor units, rounded half up: what a line says."""
        return rounded(self.exact)


def charges(price: Price, quantity: Decimal) -> tuple[Charge, ...]:
    """All parts of what a quantity costs, those of no amount included: their places are fixed.

    Less than nothing costs as much as nothing (Stripe). Without tiers there is one part. With
    tiers there are two for each of them, by the unit and flat; a flat amount is due as soon as its
    tier is reached, and the first tier always is.
    """
    quantity = max(quantity, ZERO)
    if price.tiers:
        counted = _graduated if price.tiers_mode == "graduated" else _volume
        return tuple(
            charge
            for place, (tier, own, reached) in enumerate(counted(price.tiers, quantity))
            for charge in _of_tier(place, tier, own, reached=reached)
        )
    billed = packages(price.package, quantity) if price.package else quantity
    return (Charge(billed, price.unit_amount or ZERO),)


def amount(price: Price, quantity: Decimal) -> int:
    """What a quantity costs, in minor units: the sum of its charges, each rounded."""
    return sum(charge.amount for charge in charges(price, quantity))


def quantities_amount(sold: Iterable[tuple[Price, int | None]]) -> int:
    """What quantities cost in a whole period, in minor units; nothing for usage."""
    return sum(
        amount(price, Decimal(1 if quantity is None else quantity))
        for price, quantity in sold
        if price.meter is None
    )


def flat_fees(price: Price) -> int:
    """What no usage at all costs, in minor units."""
    return amount(price, ZERO)


def packages(package: Package, quantity: Decimal) -> Decimal:
    """How many whole packages a quantity is."""
    rounding = ROUND_CEILING if package.round == "up" else ROUND_FLOOR
    with localcontext(_EXACT):
        return (quantity / package.divide_by).quantize(Decimal(1), rounding=rounding)


def quantity_costing_more(price: Price, quantity: Decimal, growth: int) -> Decimal | None:
    """A quantity below which the amount has grown by less than `growth` minor units.

    Above it, it may have; None if it never will. It may be too low, by what rounding can do, and
    never too high. Where the amount may grow as the quantity falls (volume tiers), it is `ANY`.
    """
    if price.tiers_mode == "volume":
        return ANY
    start = max(quantity, ZERO)
    left = Decimal(growth - max(1, 2 * len(price.tiers)))  # rounding may add 1 for each charge
    if left <= 0:
        return quantity
    if price.package is not None:
        return _in_packages(price, price.package, start, left)
    with localcontext(Context(prec=200, rounding=ROUND_FLOOR)):
        for unit_amount, flat, begin, end in _rates(price, start):
            left -= flat
            if left <= 0:
                return max(begin, start)
            if unit_amount > 0:
                reached = begin + (left / unit_amount).quantize(_STEP)
                if end is None or reached <= end:
                    return reached
                left -= unit_amount * (end - begin)
    return None


def _of_tier(place: int, tier: Tier, quantity: Decimal, *, reached: bool) -> Iterator[Charge]:
    yield Charge(quantity, tier.unit_amount or ZERO, place)
    yield Charge(Decimal(int(reached)), tier.flat_amount or ZERO, place, is_flat=True)


def _graduated(tiers: Sequence[Tier], quantity: Decimal) -> Iterator[tuple[Tier, Decimal, bool]]:
    """Each tier with the quantity that falls into it, and whether it is reached."""
    below = ZERO
    for tier in tiers:
        end = quantity if tier.up_to is None else min(quantity, Decimal(tier.up_to))
        with localcontext(_EXACT):
            yield tier, max(end - below, ZERO), quantity > below or not below
        below = Decimal(tier.up_to or 0)


def _volume(tiers: Sequence[Tier], quantity: Decimal) -> Iterator[tuple[Tier, Decimal, bool]]:
    """Each tier; the whole quantity falls into the first one that has room for it."""
    found = next(
        place for place, tier in enumerate(tiers) if tier.up_to is None or quantity <= tier.up_to
    )
    for place, tier in enumerate(tiers):
        yield tier, quantity if place == found else ZERO, place == found


def _rates(
    price: Price, start: Decimal
) -> Iterator[tuple[Decimal, Decimal, Decimal, Decimal | None]]:
    """From a quantity on: unit amount, flat amount on entry, and from where to where it goes."""
    if not price.tiers:
        yield price.unit_amount or ZERO, ZERO, start, None
        return
    below = ZERO
    for tier in price.tiers:
        end = None if tier.up_to is None else Decimal(tier.up_to)
        if end is None or end > start:
            is_entered = below > start or (below == start and below > 0)
            flat = (tier.flat_amount or ZERO) if is_entered else ZERO
            yield tier.unit_amount or ZERO, flat, max(below, start), end
        below = end or ZERO


def _in_packages(price: Price, package: Package, start: Decimal, growth: Decimal) -> Decimal | None:
    if not price.unit_amount:
        return None
    with localcontext(Context(prec=200, rounding=ROUND_FLOOR)):
        whole = growth / price.unit_amount - 1  # one more may be as good as full
        return start + max(whole, ZERO).quantize(_STEP) * package.divide_by
