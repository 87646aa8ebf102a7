"""`/v1/tax_rates`."""

from decimal import Decimal
from typing import Any, Final

from tripmeter.api.call import Call, Route, fields, filters_of, list_object, listing
from tripmeter.control import tax_rates
from tripmeter.ports import Session, Work
from tripmeter.wire.catalogue import TaxRateObject, tax_rate_object
from tripmeter.wire.params import Boolean, Enum, Map, Number, Param, Range, String

_PATH: Final = "/v1/tax_rates"
_ONE: Final = f"{_PATH}/{{id}}"

_TYPES: Final = (
    "admissions_tax amusement_tax attendance_tax communications_tax "
    "digital_excise_tax entertainment_tax get_fund gross_receipts_tax gst "
    "hospitality_tax hst igst jct lease_tax luxury_tax mass_transit_parking_tax nhil "
    "parking_tax pst qst resort_tax retail_delivery_fee rst sales_tax service_tax "
    "tourism_tax utility_users_tax vat"
).split()

_FIELDS: Final[dict[str, Param]] = {
    "active": Boolean(),
    "country": String(max_length=2, blank="unset", description="Two letters, ISO 3166-1."),
    "description": String(blank="unset"),
    "jurisdiction": String(max_length=50, blank="unset"),
    "metadata": Map(),
    "state": String(blank="unset"),
    "tax_type": Enum(*_TYPES, blank="unset"),
}


def create(work: Work, call: Call) -> Any:
    """Make a tax rate."""
    return tax_rate_object(tax_rates.create_tax_rate(work, call.caller, call.own_params))


def update(work: Work, call: Call) -> Any:
    """Change a tax rate."""
    return tax_rate_object(tax_rates.update_tax_rate(work, call.caller, call.id, call.own_params))


def retrieve(session: Session, call: Call) -> Any:
    """One tax rate."""
    return tax_rate_object(session.tax_rates.get(call.scope, call.id).value)


def list_(session: Session, call: Call) -> Any:
    """Tax rates, newest first."""
    params = call.params
    filters = filters_of(params, "active", "inclusive")
    return list_object(
        _PATH, session.tax_rates.page(call.scope, call.page, **filters), tax_rate_object
    )


ROUTES: Final = (
    Route(
        "POST",
        _PATH,
        "Create a tax rate",
        TaxRateObject,
        fields(
            **_FIELDS,
            display_name=String(required=True, max_length=50),
            inclusive=Boolean(required=True),
            percentage=Number(places=4, minimum=Decimal(0), maximum=Decimal(100), required=True),
        ),
        change=create,
    ),
    Route(
        "GET",
        _PATH,
        "List tax rates",
        TaxRateObject,
        listing(active=Boolean(), created=Range(), inclusive=Boolean()),
        read=list_,
        is_list=True,
    ),
    Route("GET", _ONE, "Retrieve a tax rate", TaxRateObject, fields(), read=retrieve),
    Route(
        "POST",
        _ONE,
        "Update a tax rate",
        TaxRateObject,
        fields(**_FIELDS, display_name=String(max_length=50)),
        change=update,
    ),
)
