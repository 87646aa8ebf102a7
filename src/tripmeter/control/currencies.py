"""Checks what callers name as a currency."""

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.money import CURRENCIES


def currency_of(given: str, param: str) -> str:
    """The currency's code, in lower case. Raises ParameterInvalid for none that is known."""
    currency = given.lower()
    if currency not in CURRENCIES:
        message = f"Invalid currency: {given}. Give a three-letter ISO code, such as usd or eur."
        raise ParameterInvalid(param, message)
    return currency
