"""A subscription with all that its invoices are made of."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tripmeter.model.catalogue import Price, Recurring
from tripmeter.model.customer import Customer
from tripmeter.model.scope import Scope
from tripmeter.model.stored import Kept, Page
from tripmeter.model.subscription import Subscription, SubscriptionItem, Window
from tripmeter.ports import Session

_ALL: Final = Page(limit=100)


class Item(NamedTuple):
    """One item with its price and the name of what it sells."""

    no: int
    item: SubscriptionItem
    price: Price
    product_name: str

    @property
    def current(self) -> Window:
        """The window of the current period; for metered items."""
        return next(one for one in self.item.windows if one.no == self.item.current_window)

    @property
    def takes_usage(self) -> bool:
        """Whether it has a current window; not once its subscription is over."""
        return any(one.no == self.item.current_window for one in self.item.windows)

    @property
    def is_metered(self) -> bool:
        """Whether usage is billed."""
        return self.item.meter is not None


class Contract(NamedTuple):
    """A subscription as it stands in the transaction."""

    no: int
    subscription: Subscription
    items: tuple[Item, ...]
    customer: Kept[Customer]

    @property
    def scope(self) -> Scope:
        """Whose it is."""
        return Scope.of(self.subscription)

    @property
    def recurring(self) -> Recurring:
        """How often it is billed: all prices agree."""
        recurring = self.items[0].price.recurring
        assert recurring is not None  # prices that are not recurring make no items
        return recurring

    @property
    def metered(self) -> tuple[Item, ...]:
        """The items whose usage is billed."""
        return tuple(one for one in self.items if one.is_metered)

    @property
    def licensed(self) -> tuple[Item, ...]:
        """The items whose quantity is billed, in advance."""
        return tuple(one for one in self.items if not one.is_metered)


def contract(session: Session, scope: Scope, id: str, param: str = "id") -> Contract:
    """The subscription with an id. Raises ResourceMissing naming `param`."""
    kept = session.subscriptions.get(scope, id, param)
    customer = session.customers.get(scope, kept.value.customer)
    return Contract(kept.no, kept.value, tuple(_items(session, scope, id)), customer)


def items_of(session: Session, scope: Scope, subscription: str) -> Sequence[Kept[SubscriptionItem]]:
    """The items of a subscription that are not deleted, oldest first."""
    found = session.subscription_items.page(scope, _ALL, subscription=subscription).items
    return found[::-1]


def _items(session: Session, scope: Scope, subscription: str) -> Iterator[Item]:
    for kept in items_of(session, scope, subscription):
        yield priced(session, scope, kept, kept.value.price)


def priced(session: Session, scope: Scope, kept: Kept[SubscriptionItem], price: str) -> Item:
    """An item with a price, which may be one that it had before."""
    own = session.prices.get(scope, price).value
    product = session.products.get(scope, own.product).value
    return Item(kept.no, kept.value, own, product.name)
