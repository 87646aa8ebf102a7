"""`expand`: replaces ids in a rendered object by the objects themselves."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from tripmeter.model.errors import ParameterInvalid

EXPANDABLE: Final[dict[str, dict[tuple[str, ...], str]]] = {
    "billing.alert": {
        ("usage_threshold", "meter"): "meter",
        ("usage_threshold", "filters", "customer"): "customer",
    },
}
"""For each object type, the paths that hold an id, and the kind of object it names."""

Fetch = Callable[[str, str], dict[str, Any]]
"""Gives the rendered object of a kind with an id."""


def expand(rendered: dict[str, Any], paths: Iterable[str], fetch: Fetch) -> dict[str, Any]:
    """Replace the ids that the paths name. On lists each path starts with `data`.

    Raises ParameterInvalid for a path that holds no expandable id.
    """
    for path in paths:
        _expand_path(rendered, tuple(path.split(".")), path, fetch)
    return rendered


def _expand_path(rendered: dict[str, Any], parts: tuple[str, ...], path: str, fetch: Fetch) -> None:
    if rendered.get("object") == "list":
        if parts[0] != "data" or len(parts) == 1:
            raise _not_expandable(path, "On lists, paths start with 'data.'.")
        for member in rendered["data"]:
            _expand_path(member, parts[1:], path, fetch)
        return
    for at in range(len(parts), 0, -1):
        kind = EXPANDABLE.get(str(rendered.get("object")), {}).get(parts[:at])
        if kind is not None:
            for holder in _holders(rendered, parts[: at - 1]):
                _expand_member(holder, parts[at - 1], kind, parts[at:], path, fetch)
            return
    raise _not_expandable(path, "It holds no id of an object that can be included.")


def _expand_member(
    holder: dict[str, Any],
    name: str,
    kind: str,
    rest: tuple[str, ...],
    path: str,
    fetch: Fetch,
) -> None:
    if isinstance(holder.get(name), str):
        holder[name] = fetch(kind, holder[name])
    if rest and isinstance(holder.get(name), dict):
        _expand_path(holder[name], rest, path, fetch)


def _holders(rendered: Any, parts: tuple[str, ...]) -> list[dict[str, Any]]:
    """The objects that a path leads to; lists are gone through member by member."""
    found = [rendered]
    for part in parts:
        inner = [one.get(part) for one in found if isinstance(one, dict)]
        found = [
            one for member in inner for one in (member if isinstance(member, list) else [member])
        ]
    return [one for one in found if isinstance(one, dict)]


def _not_expandable(path: str, why: str) -> ParameterInvalid:
    return ParameterInvalid("expand", f"This property cannot be expanded ({path}). {why}")
