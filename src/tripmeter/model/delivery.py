"""Facts about deliveries: what an endpoint answered."""

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """What an endpoint answered to one attempt.

    `status` None = no HTTP answer, and `error` says why in one sentence. An `error` beside a
    status is a remark on the rest of the answer (body cut, body never finished); the status
    stands. Header names are in lower case. `duration_ms` covers the attempt from start to end.
    """

    status: int | None
    body: str
    headers: dict[str, str]
    error: str | None
    duration_ms: int
