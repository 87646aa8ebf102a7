"""What is sold, put into the store of the engine that is tested."""

from typing import Any

from support import samples
from support.beside import scope_of, write_beside
from support.server import Server


def product(server: Server, id: str, **fields: Any) -> str:
    """A product; gives its id."""
    made = samples.product(id, scope_of(server), **fields)
    write_beside(server, lambda session: session.products.insert(made))
    return id


def metered_price(server: Server, id: str, **fields: Any) -> str:
    """A metered price in dollars, of a product that is of no interest; gives its id."""
    made = samples.price(id, scope_of(server), **fields)
    write_beside(server, lambda session: session.prices.insert(made))
    return id
