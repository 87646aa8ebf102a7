"""Which currencies there are, and how a wrong one is refused."""

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.money import CURRENCIES


def known_currency(given: str, param: str) -> str:
    """The currency's code in lower case. Raises ParameterInvalid naming `param`."""
    currency = given.lower()
    if currency not in CURRENCIES:
        shown = f"{given[:20]}…" if len(given) > 20 else given
        message = f"Invalid currency: {shown}. Use a three-letter ISO code, such as usd or eur."
        raise ParameterInvalid(param, message)
    return currency
