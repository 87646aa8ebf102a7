"""The API calls of an import. A call is repeated, unchanged, until an answer has come."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from tripmeter.importer.failures import ImportFailed
from tripmeter.importer.mapping import Meter

ATTEMPTS: Final = 14
"""How often a call is tried; the waits between add up to about two minutes."""

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 15.0
LONGEST_RETRY_AFTER_S: Final = 60.0
TIMEOUT_S: Final = 60

_AGAIN: Final = frozenset({429, 500, 502, 503, 504})


class Refused(Exception):
    """An answer that repeating would not change."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Client:
    """Speaks to one server with one key; may be used by several threads."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url.rstrip("/")
        self._stopping = threading.Event()
        try:
            self._http = httpx2.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {api_key}"},
                timeout=TIMEOUT_S,
                trust_env=not _is_here(self.url),
            )
        except (ValueError, httpx2.InvalidURL) as error:
            raise ImportFailed(f"The address or the key cannot be used: {error}.") from error

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._http.close()

    def account(self) -> str:
        """The id of the key's account. Tried once: raises ImportFailed if nobody answers."""
        try:
            answer = self._http.get("/v1/account")
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise ImportFailed(
                f"No answer from {self.url}: {error}. Start it with `tripmeter serve`, or say "
                "where it is with --url."
            ) from error
        content = self._read(answer, hopeless=True)
        if content.get("object") != "account":
            raise ImportFailed(f"{self.url} does not answer as Tripmeter does. Check --url.")
        return str(content["id"])

    def meters(self) -> Iterator[Meter]:
        """The active meters."""
        after: dict[str, str] = {}
        while True:
            page = self._ask("GET", "/v1/billing/meters", params=_ACTIVE | after)
            yield from map(_meter, page["data"])
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def create_customer(self, id: str) -> bool:
        """See to it that a customer exists; whether it was made now.

        Raises Refused if it can't be made.
        """
        try:
            self._ask("POST", "/v1/customers", data={"id": id})
        except Refused as refused:
            if refused.code == "resource_already_exists":
                return False
            raise
        return True

    def send(self, lines: list[bytes]) -> dict[str, Any]:
        """Report events. The same lines again have the same key, so they count once."""
        body = b"\n".join(lines)
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            "Idempotency-Key": f"import_{hashlib.sha256(body).hexdigest()}",
        }
        packed = gzip.compress(body, 1, mtime=0)
        path = "/v2/billing/meter_events/bulk"
        return self._ask("POST", path, content=packed, headers=headers)

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The content of the answer. Raises Refused; ImportFailed if none comes at all."""
        said = ""
        for attempt in range(ATTEMPTS):
            wait_s = min(FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S)
            try:
                answer = self._http.request(method, path, **request)
            except httpx2.TransportError as error:
                said = str(error) or type(error).__name__
            else:
                if answer.status_code not in _AGAIN:
                    return self._read(answer)
                said = f"{answer.status_code} {_message(answer)}"
                wait_s = max(wait_s, _retry_after(answer))
            if self._stopping.wait(wait_s):
                break
        raise ImportFailed(f"{self.url} does not answer any more: {said}.")

    def _read(self, answer: httpx2.Response, *, hopeless: bool = False) -> dict[str, Any]:
        if answer.status_code in (401, 403):
            raise ImportFailed(
                f"{_message(answer)} Set TRIPMETER_API_KEY or --api-key to a key of the server; "
                "`tripmeter keys create` makes one."
            )
        if not answer.is_success:
            if hopeless:
                raise ImportFailed(
                    f"{self.url} answered {answer.status_code}: {_message(answer)} Check --url."
                )
            raise Refused(answer.status_code, str(_error(answer).get("code")), _message(answer))
        try:
            content = answer.json()
        except ValueError:
            content = None
        return content if isinstance(content, dict) else {}


_ACTIVE: Final = {"status": "active", "limit": "100"}


def _is_here(url: str) -> bool:
    """Whether the server is on this machine, which no proxy leads to."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def _meter(content: dict[str, Any]) -> Meter:
    return Meter(
        event_name=content["event_name"],
        formula=content["default_aggregation"]["formula"],
        customer_key=content["customer_mapping"]["event_payload_key"],
        value_key=content["value_settings"]["event_payload_key"],
        dimension_keys=tuple(content.get("dimension_payload_keys") or ()),
        livemode=content["livemode"],
    )


def _error(answer: httpx2.Response) -> dict[str, Any]:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _message(answer: httpx2.Response) -> str:
    return str(_error(answer).get("message") or answer.reason_phrase)


def _retry_after(answer: httpx2.Response) -> float:
    """Seconds that the server asks to wait; a date is not understood and means none."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_RETRY_AFTER_S) if text.isdecimal() else 0.0
