"""Fetches what `expand` asks for, as far as the caller may read it."""

from collections.abc import Iterable
from typing import Any, Final

from tripmeter.control.access import require
from tripmeter.control.customers import rendered_customer
from tripmeter.model.access import Access, Permission, Resource
from tripmeter.model.scope import Caller
from tripmeter.ports import Session
from tripmeter.wire.expand import expand
from tripmeter.wire.objects import meter_object

_NEEDED: Final = {
    "customer": Permission(Resource.CUSTOMERS, Access.READ),
    "meter": Permission(Resource.METERS, Access.READ),
}


def expanded(session: Session, caller: Caller, rendered: Any, paths: Iterable[str]) -> Any:
    """The rendered object with the ids at `paths` replaced by their objects.

    Raises PermissionMissing where the caller may not read one of them.
    """
    scope = caller.scope

    def fetch(kind: str, id_: str) -> dict[str, Any]:
        require(caller.permissions, _NEEDED[kind])
        if kind == "meter":
            return dict(meter_object(session.meters.get(scope, id_).value))
        return dict(rendered_customer(session.customers.get(scope, id_).value))

    return expand(rendered, paths, fetch)
