"""Money: amounts are whole minor units of a currency, rates are exact decimals of them.

The one place where an amount is rounded. Nothing here, or anywhere, is a float (C6).
"""

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final

ZERO_DECIMAL: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()
)
"""Currencies whose smallest unit is the unit itself (Stripe)."""

THREE_DECIMAL: Final = frozenset("bhd jod kwd omr tnd".split())
"""Currencies with a thousand smallest units to the unit (Stripe)."""

TWO_DECIMAL: Final = frozenset(
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd "
    "cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd "
    "hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt "
    "mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub "
    "sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah uyu uzs wst xcd "
    "xcg yer zar zmw".split()
)

CURRENCIES: Final = ZERO_DECIMAL | TWO_DECIMAL | THREE_DECIMAL

AMOUNT_LIMIT: Final = 99_999_999_999_999
"""The largest amount of a line or an invoice, in minor units."""

_EXACT: Final = Context(prec=200, rounding=ROUND_HALF_UP)


def exponent(currency: str) -> int:
    """How many decimal places the currency's smallest unit is: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def rounded(exact: Decimal) -> int:
    """An amount of minor units, rounded half up; below zero likewise by size: -0.5 is -1."""
    return int(exact.quantize(Decimal(1), context=_EXACT))


def times(rate: Decimal, quantity: Decimal) -> Decimal:
    """A product without rounding: rates have up to 12 places, quantities up to 15."""
    with localcontext(_EXACT):
        return rate * quantity


def share(amount: int, part: Decimal, whole: Decimal) -> int:
    """`amount * part / whole`, rounded half up."""
    with localcontext(_EXACT):
        return rounded(Decimal(amount) * part / whole)


def format_amount(amount: int, currency: str) -> str:
    """An amount as people read it, with its currency: `12.50 USD`."""
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):,.{places}f} {currency.upper()}"
