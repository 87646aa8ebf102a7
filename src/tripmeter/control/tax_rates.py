"""Tax rates: create; update what decides no amount. They are archived and never deleted."""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.announcing import announce, merge_metadata
from tripmeter.model.catalogue import TaxRate
from tripmeter.model.ids import new_id
from tripmeter.model.scope import Caller
from tripmeter.ports import Work
from tripmeter.wire.catalogue import tax_rate_object

_URL: Final = "/v1/tax_rates"
_DETAILS: Final = ("country", "description", "jurisdiction", "state", "tax_type")


def create_tax_rate(work: Work, caller: Caller, params: dict[str, Any]) -> TaxRate:
    """Make a tax rate."""
    rate = TaxRate(
        id=new_id("txr", work.now_ms),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        display_name=params["display_name"],
        percentage=params["percentage"],
        inclusive=params["inclusive"],
        active=params.get("active", True),
        details=_details({}, params),
        metadata=merge_metadata({}, params.get("metadata")),
    )
    work.session.tax_rates.insert(rate)
    announce(work, caller, "tax_rate.created", tax_rate_object(rate), _URL)
    return rate


def update_tax_rate(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> TaxRate:
    """Change a tax rate; percentage and inclusiveness are fixed."""
    kept = work.session.tax_rates.get(caller.scope, id)
    before = kept.value
    after = structs.replace(
        before,
        display_name=params.get("display_name", before.display_name),
        active=params.get("active", before.active),
        details=_details(before.details, params),
        metadata=merge_metadata(before.metadata, params.get("metadata")),
    )
    work.session.tax_rates.replace(kept.no, after)
    rendered = tax_rate_object(after)
    announce(work, caller, "tax_rate.updated", rendered, _URL, before=tax_rate_object(before))
    return after


def _details(before: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    merged = {name: params.get(name, before.get(name)) for name in _DETAILS}
    return {name: value for name, value in merged.items() if value is not None}
