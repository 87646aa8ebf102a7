"""Pages of v2 lists: an opaque cursor in `page`, and URLs that lead on and back."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from tripmeter.model.errors import ParameterInvalid
from tripmeter.model.stored import Page, Slice
from tripmeter.wire.times import rfc3339

DEFAULT_LIMIT: Final = 10


def v2_page(params: dict[str, Any]) -> Page:
    """The page that a v2 request asks for. Raises ParameterInvalid for a broken cursor."""
    limit = params.get("limit", DEFAULT_LIMIT)
    token = params.get("page")
    if token is None:
        return Page(limit)
    try:
        direction, _, id_ = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        direction, id_ = "", ""
    if direction not in ("after", "before") or not id_:
        raise ParameterInvalid("page", "Invalid page: use a next_page_url or previous_page_url.")
    return Page(limit, id_) if direction == "after" else Page(limit, None, id_)


def v2_list(
    url: str, params: dict[str, Any], found: Slice[Any], render: Callable[[Any], Any]
) -> dict[str, Any]:
    """A v2 list."""
    data = [render(kept.value) for kept in found.items]
    came_back = v2_page(params).ending_before is not None
    more_after = bool(data) and (found.has_more or came_back)
    more_before = bool(data) and (found.has_more if came_back else "page" in params)
    return {
        "data": data,
        "next_page_url": _url(url, params, f"after:{data[-1]['id']}") if more_after else None,
        "previous_page_url": _url(url, params, f"before:{data[0]['id']}") if more_before else None,
    }


def _url(url: str, params: dict[str, Any], cursor: str) -> str:
    token = base64.urlsafe_b64encode(cursor.encode()).decode()
    kept = _flat({name: value for name, value in params.items() if name != "page"})
    return f"{url}?{urlencode([*kept, ('page', token)])}"


def _flat(params: dict[str, Any]) -> list[tuple[str, Any]]:
    """Parameters in bracket notation, times as RFC 3339 again."""
    pairs: list[tuple[str, Any]] = []
    for name, value in params.items():
        if isinstance(value, dict):
            pairs += [(f"{name}[{key}]", rfc3339(inner)) for key, inner in value.items()]
        elif isinstance(value, list):
            pairs += [(f"{name}[{index}]", inner) for index, inner in enumerate(value)]
        else:
            pairs.append((name, value))
    return pairs
