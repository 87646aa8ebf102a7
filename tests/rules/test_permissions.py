"""What a restricted key may do, and what it takes to learn of an event."""

import pytest

from tripmeter.model.access import Access, Permission, Permissions, Resource
from tripmeter.rules.permissions import needed_for_event, permits
from tripmeter.wire.events import SNAPSHOT_TYPES, THIN_TYPES

READ_METERS = Permission(Resource.METERS, Access.READ)
WRITE_METERS = Permission(Resource.METERS, Access.WRITE)


@pytest.mark.parametrize(
    ("permissions", "may_read", "may_write"),
    [
        (None, True, True),
        ({}, False, False),
        ({Resource.METERS: Access.READ}, True, False),
        ({Resource.METERS: Access.WRITE}, True, True),
        ({Resource.METER_EVENTS: Access.WRITE}, False, False),
    ],
    ids=["secret key", "nothing", "read", "write", "something else"],
)
def test_to_write_includes_to_read_and_nothing_includes_another_resource(
    permissions: Permissions | None, may_read: bool, may_write: bool
) -> None:
    assert permits(permissions, READ_METERS) is may_read
    assert permits(permissions, WRITE_METERS) is may_write


@pytest.mark.parametrize(
    ("type_", "needed"),
    [
        ("customer.created", "customers:read"),
        ("v1.customer.deleted", "customers:read"),
        ("billing.alert.triggered", "alerts:read"),
        ("v1.billing.meter.error_report_triggered", "meters:read"),
        ("v2.core.event_destination.ping", "webhook_endpoints:read"),
        ("customer.subscription.created", "subscriptions:read"),
        ("customer.tax_id.created", "None"),
        ("invoice.paid", "invoices:read"),
        ("quote.accepted", "None"),
        ("*", "None"),
        ("", "None"),
    ],
)
def test_an_event_takes_what_its_object_takes(type_: str, needed: str) -> None:
    assert str(needed_for_event(type_)) == needed


@pytest.mark.parametrize("type_", sorted(SNAPSHOT_TYPES | THIN_TYPES))
def test_every_type_that_is_sent_can_be_allowed(type_: str) -> None:
    assert needed_for_event(type_) is not None
