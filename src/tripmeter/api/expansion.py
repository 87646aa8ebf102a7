"""Fetches what `expand` asks for, within the caller's scope."""

from collections.abc import Iterable
from typing import Any

from tripmeter.control.customers import rendered_customer
from tripmeter.model.scope import Scope
from tripmeter.ports import Session
from tripmeter.wire.expand import expand
from tripmeter.wire.objects import meter_object


def expanded(session: Session, scope: Scope, rendered: Any, paths: Iterable[str]) -> Any:
    """The rendered object with the ids at `paths` replaced by their objects."""

    def fetch(kind: str, id_: str) -> dict[str, Any]:
        if kind == "meter":
            return dict(meter_object(session.meters.get(scope, id_).value))
        return dict(rendered_customer(session.customers.get(scope, id_).value))

    return expand(rendered, paths, fetch)
