"""Drafts that bill an item for the last time keep what they say of it, whatever becomes of it."""

from collections.abc import Iterator

from msgspec import structs

from tripmeter.billing.contract import Contract, Item
from tripmeter.billing.invoices import replaced
from tripmeter.billing.usage import refreshed
from tripmeter.model.invoice import Invoice, InvoiceStatus
from tripmeter.model.scope import Caller
from tripmeter.model.stored import Kept
from tripmeter.ports import Work


def freeze_drafts(work: Work, caller: Caller, agreed: Contract, one: Item, now_ms: int) -> None:
    """Have drafts for former periods of an item bill its usage as it is now.

    The item is to bill another meter, or a quantity; what is reported later for these periods is
    late.
    """
    numbers = {window.no for window in one.item.windows}
    for kept in list(_drafts_of(work, agreed)):
        closing = kept.value.details.get("windows", [])
        own = numbers & set(closing)
        if own:
            fresh = refreshed(work, kept.value, now_ms)
            left = [number for number in closing if number not in own]
            frozen = structs.replace(fresh, details={**fresh.details, "windows": left})
            replaced(work, caller, kept, frozen)


def _drafts_of(work: Work, agreed: Contract) -> Iterator[Kept[Invoice]]:
    return work.session.invoices.every(
        agreed.scope, subscription=agreed.subscription.id, status=InvoiceStatus.DRAFT.value
    )
