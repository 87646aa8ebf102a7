"""How invoices are collected by themselves: the one way to money. No card data comes near it."""

from enum import StrEnum
from typing import Final, Protocol

from tripmeter.model.invoice import Invoice


class Outcome(StrEnum):
    """What came of collecting an invoice."""

    PAID = "paid"
    DECLINED = "declined"
    """The invoice stays open, and its subscription is past due until it is paid."""
    LATER = "later"
    """The invoice stays open until somebody says that it was paid, out of band."""


class Payments(Protocol):
    """Collects invoices whose `collection_method` is `charge_automatically`."""

    def collect(self, invoice: Invoice) -> Outcome:
        """Collect what is due of an open invoice.

        It is called inside the writer's transaction, which may still fail: whoever has to ask
        elsewhere answers LATER, and acts on the event `invoice.finalized`.
        """
        ...


class _Recorded:
    """Takes it that what is due is paid, and has that recorded."""

    def collect(self, _: Invoice) -> Outcome:
        """It is paid."""
        return Outcome.PAID


RECORDED: Final[Payments] = _Recorded()
"""What is used unless an engine is built with something else."""
