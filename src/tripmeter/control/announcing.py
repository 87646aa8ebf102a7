"""Says what a change did, in the shape that events are made from."""

from typing import Any, Final

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.event import Announcement
from tripmeter.model.scope import Caller
from tripmeter.ports import Work
from tripmeter.wire.events import previous_attributes

METADATA_LIMIT: Final = 50
"""Keys that an object's metadata may have (Stripe)."""


def announce(
    work: Work,
    caller: Caller,
    type_: str,
    after: Any,
    url: str,
    *,
    before: Any = None,
    object_url: str | None = None,
) -> None:
    """Announce that an object became `after`; with `before`, what that changed.

    It is found under its id below `url`, if it has no `object_url` of its own. An object without an
    id, a summary, is told of by its snapshot alone.
    """
    id_ = after.get("id")
    changed = previous_attributes(dict(before), dict(after)) if before is not None else None
    work.announce(
        Announcement(
            account=caller.scope.account,
            livemode=caller.scope.livemode,
            type=type_,
            object=dict(after),
            previous_attributes=changed,
            object_id=id_,
            object_type=after["object"] if id_ else None,
            object_url=object_url or (f"{url}/{id_}" if id_ else None),
            request_id=caller.request_id,
            idempotency_key=caller.idempotency_key,
        )
    )


def merge_metadata(current: dict[str, str], given: dict[str, str] | str | None) -> dict[str, str]:
    """Stripe's merge: given keys replace, a blank value drops its key, a blank whole drops all."""
    if given is None:
        return current
    if isinstance(given, str):
        return {}
    merged = {key: value for key, value in {**current, **given}.items() if value != ""}
    if len(merged) > METADATA_LIMIT:
        raise ParameterInvalid(
            "metadata",
            f"Metadata can have at most {METADATA_LIMIT} keys. Unset some, with blank values.",
        )
    return merged
