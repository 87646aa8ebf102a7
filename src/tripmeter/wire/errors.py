"""How a refusal sounds: one table from error class to status, type, code, message and param.

Owns the wording of what reaches the caller, in both API versions. Does not own the facts of a
refusal (`model.errors`), nor the sentences that come with them: those of single parameters are
written in `params`, those of usage in the pipeline.

Sources: wording and codes are Stripe's as far as they are known; where Stripe points to its own
documentation or support, we say what to do instead. `doc_url` is not sent.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from tripmeter.model.errors import (
    AccountClosed,
    AlertLimitReached,
    BodyMalformed,
    BodyTooLarge,
    CancellationRefused,
    Draining,
    HeadTooLarge,
    IdempotencyMismatch,
    KeyRevoked,
    LimitReached,
    MeterNameTaken,
    MethodNotAllowed,
    NotAuthenticated,
    NotForViewers,
    NothingUpcoming,
    Overloaded,
    ParameterInvalid,
    ParameterMissing,
    ParametersExclusive,
    ParameterUnknown,
    PermissionMissing,
    RateLimited,
    Refusal,
    RequestForged,
    RequestTimedOut,
    ResourceMissing,
    RouteUnknown,
    SessionExpired,
    SignInRefused,
    SignInRequired,
    StateConflict,
    StoreUnavailable,
    TooManyInvoices,
    TooManyTries,
    UsageNotAccepted,
)
from tripmeter.model.usage import RefusalCode

Version = Literal[1, 2]
"""The API version of the path: `/v1/…` or `/v2/…`."""

Rendered = tuple[int, dict[str, Any], dict[str, str]]
"""Status, body and extra headers of a reply."""

LONGEST_TEXT: Final = 5000
"""The most characters in any field of an error (Stripe's schema)."""

V2_USAGE_CODES: Final[Mapping[RefusalCode, str]] = {
    RefusalCode.NO_METER: "no_meter",
    RefusalCode.ARCHIVED_METER: "archived_meter",
    RefusalCode.NO_CUSTOMER_DEFINED: "payload_no_customer_defined",
    RefusalCode.CUSTOMER_NOT_FOUND: "meter_event_customer_not_found",
    RefusalCode.VALUE_NOT_FOUND: "payload_no_value_defined",
    RefusalCode.INVALID_VALUE: "payload_invalid_value",
    RefusalCode.TOO_MANY_DIGITS: "payload_invalid_value",
    RefusalCode.MISSING_DIMENSION: "missing_dimension_payload_keys",
    RefusalCode.IN_FUTURE: "timestamp_in_future",
    RefusalCode.TOO_OLD: "timestamp_too_far_in_past",
    RefusalCode.DUPLICATE: "duplicate_meter_event",
}
"""The code of a refused event in v2 replies. Error reports use RefusalCode itself.

The `payload_…`, meter and duplicate codes are those of Stripe's v2 reference; where it lists none
for a synchronous reply, the code of the error reports stands in. v1 knows no code for any of them.
"""


class Answer(NamedTuple):
    """What one row of the table says."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    type: str = "invalid_request_error"
    headers: tuple[tuple[str, str], ...] = ()


def render(refusal: Refusal, *, version: Version) -> Rendered:
    """Status, body `{"error": {...}}` and extra headers for a refusal.

    `code` and `param` are left out when there are none. Every refusal that is worth repeating says
    so with `Stripe-Should-Retry: true` and `Retry-After` in seconds; one that the SDKs would
    repeat in vain says `false`. A 429 says when there is room again, and no more: as with Stripe,
    whoever sends too fast is to hear of it and not to be repeated by the SDK.
    """
    return _rendered(TABLE[type(refusal)](refusal, version))


def render_unexpected(request_id: str) -> Rendered:
    """The reply to a failure of our own: nothing of its inside, only how to report it."""
    message = (
        "An unknown error occurred. Try again; if it stays, report it with the request id"
        f" {request_id}, under which the log of the server has the details."
    )
    return _rendered(Answer(500, message, type="api_error"))


def _rendered(answer: Answer) -> Rendered:
    fields = {
        "type": answer.type,
        "code": answer.code,
        "message": answer.message,
        "param": answer.param,
    }
    error = {name: _clipped(text) for name, text in fields.items() if text}
    return answer.status, {"error": error}, dict(answer.headers)


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


_AGAIN: Final = (("Stripe-Should-Retry", "true"),)


# --- who are you -------------------------------------------------------------------------------

_CHALLENGE: Final = (("WWW-Authenticate", "Bearer"),)


def _not_authenticated(refusal: NotAuthenticated, _: Version) -> Answer:
    if refusal.hint:
        return Answer(401, f"Invalid API Key provided: {refusal.hint}", headers=_CHALLENGE)
    message = (
        "You did not provide an API key. You need to provide your API key in the Authorization"
        " header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
    )
    return Answer(401, message, headers=_CHALLENGE)


def _key_revoked(refusal: KeyRevoked, _: Version) -> Answer:
    message = f"Expired API Key provided: {refusal.hint}. Use a key that is not revoked."
    return Answer(401, message, "api_key_expired", headers=_CHALLENGE)


def _session_expired(refusal: SessionExpired, version: Version) -> Answer:
    """The type makes the SDKs raise TemporarySessionExpiredError (stripe-python 16.1.0)."""
    return Answer(
        401,
        "The meter event session is unknown or has expired. Create a new one with"
        " POST /v2/billing/meter_event_session, and use its authentication_token.",
        "billing_meter_event_session_expired",
        type="temporary_session_expired",
        headers=_CHALLENGE,
    )


def _sign_in_required(_: SignInRequired, __: Version) -> Answer:
    message = "You are not signed in, or no longer. Sign in with POST /v1/dashboard/session."
    return Answer(401, message, "sign_in_required")


def _sign_in_refused(_: SignInRefused, __: Version) -> Answer:
    message = (
        "The e-mail address or the password is wrong. Who runs this server can make a link for a"
        " new password with `tripmeter members reset`."
    )
    return Answer(401, message, "sign_in_refused")


def _not_for_viewers(refusal: NotForViewers, _: Version) -> Answer:
    message = f"Your role does not allow this; only {refusal.who} can. Ask one of them."
    return Answer(403, message, "role_insufficient")


def _account_closed(refusal: AccountClosed, _: Version) -> Answer:
    message = f"You do not belong to the account '{refusal.account}'. Choose one of your accounts."
    return Answer(403, message, "account_invalid", "account")


def _request_forged(refusal: RequestForged, _: Version) -> Answer:
    message = (
        f"The request was refused, because {refusal.reason}. Load the dashboard again, and send the"
        " csrf_token of GET /v1/dashboard/session as Tripmeter-CSRF."
    )
    return Answer(403, message, "csrf_token_invalid")


def _permission_missing(refusal: PermissionMissing, _: Version) -> Answer:
    message = (
        f"The provided API key does not have the permission {refusal.needed}, which this request"
        " needs. Use a secret key, or a restricted key that was made with `tripmeter keys create"
        f" --restricted --allow {refusal.needed}`."
    )
    return Answer(403, message)


# --- what did you ask --------------------------------------------------------------------------


def _parameter_missing(refusal: ParameterMissing, _: Version) -> Answer:
    message = f"Missing required param: {refusal.param}."
    return Answer(400, message, "parameter_missing", refusal.param)


def _parameter_unknown(refusal: ParameterUnknown, _: Version) -> Answer:
    plural = "s" if len(refusal.params) > 1 else ""
    message = f"Received unknown parameter{plural}: {', '.join(refusal.params)}"
    return Answer(400, message, "parameter_unknown", refusal.params[0])


def _parameter_invalid(refusal: ParameterInvalid, _: Version) -> Answer:
    return Answer(400, refusal.message, refusal.code, refusal.param)


def _parameters_exclusive(refusal: ParametersExclusive, _: Version) -> Answer:
    message = f"You may only specify one of these parameters: {', '.join(refusal.params)}."
    return Answer(400, message, "parameters_exclusive", refusal.params[0])


def _body_malformed(refusal: BodyMalformed, _: Version) -> Answer:
    return Answer(400, f"The request could not be read: {refusal.reason}.")


def _body_too_large(refusal: BodyTooLarge, _: Version) -> Answer:
    message = f"The request body is larger than {refusal.limit_bytes} bytes. Send less at a time."
    return Answer(413, message)


def _head_too_large(refusal: HeadTooLarge, _: Version) -> Answer:
    message = (
        f"The head of the request is larger than {refusal.limit_bytes} bytes, or has more than"
        f" {refusal.limit_fields} fields. Send fewer or shorter headers."
    )
    return Answer(431, message)


def _request_timed_out(refusal: RequestTimedOut, _: Version) -> Answer:
    message = (
        f"The {refusal.part} of the request did not arrive within {refusal.limit_s} seconds."
        " Nothing was done. Try again."
    )
    return Answer(408, message, headers=_AGAIN)


# --- where -------------------------------------------------------------------------------------


def _resource_missing(refusal: ResourceMissing, version: Version) -> Answer:
    code = "resource_missing" if version == 1 else "not_found"
    return Answer(404, f"No such {refusal.noun}: '{refusal.id}'", code, refusal.param)


def _nothing_upcoming(refusal: NothingUpcoming, _: Version) -> Answer:
    message = (
        f"No upcoming invoices for customer: {refusal.customer}. Nothing is to be billed: name"
        " another subscription, or give invoice_items."
    )
    return Answer(404, message, "invoice_upcoming_none")


def _route_unknown(refusal: RouteUnknown, _: Version) -> Answer:
    message = (
        f"Unrecognized request URL ({refusal.method}: {refusal.path})."
        " Please see /openapi.json on this server for the URLs that it knows."
    )
    return Answer(404, message)


def _method_not_allowed(refusal: MethodNotAllowed, _: Version) -> Answer:
    allowed = ", ".join(refusal.allowed)
    message = f"{refusal.method} is not possible at {refusal.path}. It takes: {allowed}."
    return Answer(405, message, headers=(("Allow", allowed),))


# --- not in this state -------------------------------------------------------------------------


def _meter_name_taken(refusal: MeterNameTaken, _: Version) -> Answer:
    message = (
        f"An active meter already exists for event name '{refusal.event_name}'. To create a new"
        " meter with the same event name, first deactivate the currently active meter."
    )
    return Answer(400, message, param="event_name")


def _alert_limit_reached(refusal: AlertLimitReached, _: Version) -> Answer:
    message = (
        f"There are {refusal.limit} alerts for this combination of meter and customer filter, and"
        " no more are possible. Archive one of them first; inactive alerts count, too."
    )
    return Answer(400, message)


def _limit_reached(refusal: LimitReached, _: Version) -> Answer:
    """402 is what Stripe's API answers where parameters were right and the request failed."""
    if refusal.revoked:
        message = f"Access of {refusal.customer} to {refusal.meter} is revoked. Restore it first."
        return Answer(402, message, "access_revoked", "quantity")
    message = (
        f"Not that much is left for {refusal.customer} under its limits on {refusal.meter}:"
        f" {refusal.remaining} can be reserved. Reserve less, or raise the limit."
    )
    return Answer(402, message, "limit_reached", "quantity")


def _state_conflict(refusal: StateConflict, _: Version) -> Answer:
    return Answer(400, refusal.message, refusal.code, refusal.param)


# --- usage and retries -------------------------------------------------------------------------


def _usage_not_accepted(refusal: UsageNotAccepted, version: Version) -> Answer:
    refused = refusal.refused
    code = V2_USAGE_CODES[refused.code] if version == 2 else None
    return Answer(400, refused.message, code, refused.param)


def _cancellation_refused(refusal: CancellationRefused, version: Version) -> Answer:
    return Answer(400, refusal.message, "invalid_cancel_configuration" if version == 2 else None)


def _idempotency_mismatch(refusal: IdempotencyMismatch, version: Version) -> Answer:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first"
        f" used with. Try using a key other than '{refusal.key}' if you meant to execute a"
        " different request."
    )
    if version == 1:
        return Answer(400, message, type="idempotency_error")
    never = (("Stripe-Should-Retry", "false"),)  # the SDKs repeat every other 409
    return Answer(409, message, type="idempotency_error", headers=never)


# --- not now -----------------------------------------------------------------------------------


def _rate_limited(refusal: RateLimited, version: Version) -> Answer:
    """The type is what the SDKs tell RateLimitError by in v2 (stripe-python 16.1.0)."""
    limit = refusal.limit
    where = "" if limit.reason == "global-rate" else " on this endpoint"
    message = (
        f"Request rate limit exceeded: {limit.per_second} {limit.unit} a second{where}."
        f" Wait {refusal.retry_after_s} s, spread requests out, or send many meter events in one"
        " request. Who runs this server sets the limit with TRIPMETER_RATE_LIMIT."
    )
    headers = (
        ("Retry-After", str(refusal.retry_after_s)),
        ("Stripe-Rate-Limited-Reason", limit.reason),
    )
    type_ = "invalid_request_error" if version == 1 else "rate_limit"
    return Answer(429, message, "rate_limit", type=type_, headers=headers)


def _too_many_tries(refusal: TooManyTries, _: Version) -> Answer:
    message = (
        "Too many attempts to sign in. Nothing was tried this time. Try again in"
        f" {refusal.retry_after_s} s."
    )
    headers = (("Retry-After", str(refusal.retry_after_s)),)
    return Answer(429, message, "rate_limit", headers=headers)


def _too_many_invoices(refusal: TooManyInvoices, _: Version) -> Answer:
    """The reason is what Stripe's docs call a limit of one object (`resource-specific`)."""
    limits = [
        f"{most} in a {time}"
        for most, time in ((refusal.a_minute, "minute"), (refusal.a_day, "day"))
        if most is not None
    ]
    message = (
        f"The subscription {refusal.subscription} has as many new invoices as it may have:"
        f" {' and '.join(limits)}. Wait {refusal.retry_after_s} s, or advance its test clock, or"
        " have changes wait for the next invoice with proration_behavior=create_prorations. Who"
        " runs this server sets the limit with TRIPMETER_INVOICE_RATE."
    )
    headers = (
        ("Retry-After", str(refusal.retry_after_s)),
        ("Stripe-Rate-Limited-Reason", "resource-specific"),
    )
    return Answer(429, message, "rate_limit", headers=headers)


def _store_unavailable(refusal: StoreUnavailable, _: Version) -> Answer:
    message = (
        f"The change could not be stored: {refusal.reason}. Nothing of it was kept. Try again."
    )
    return _later(message, refusal.retry_after_s)


def _overloaded(refusal: Overloaded, _: Version) -> Answer:
    message = f"The server is busy: {refusal.reason}. Nothing was done. Try again later."
    return _later(message, refusal.retry_after_s)


def _draining(refusal: Draining, _: Version) -> Answer:
    return _later(
        "The server is shutting down. Nothing was done. Try again.", refusal.retry_after_s
    )


def _later(message: str, after_s: int) -> Answer:
    headers = (("Retry-After", str(after_s)), *_AGAIN)
    return Answer(503, message, type="api_error", headers=headers)


TABLE: Final[Mapping[type[Refusal], Callable[[Any, Version], Answer]]] = {
    NotAuthenticated: _not_authenticated,
    KeyRevoked: _key_revoked,
    SessionExpired: _session_expired,
    SignInRequired: _sign_in_required,
    SignInRefused: _sign_in_refused,
    PermissionMissing: _permission_missing,
    NotForViewers: _not_for_viewers,
    AccountClosed: _account_closed,
    RequestForged: _request_forged,
    ParameterMissing: _parameter_missing,
    ParameterUnknown: _parameter_unknown,
    ParameterInvalid: _parameter_invalid,
    ParametersExclusive: _parameters_exclusive,
    BodyMalformed: _body_malformed,
    BodyTooLarge: _body_too_large,
    HeadTooLarge: _head_too_large,
    RequestTimedOut: _request_timed_out,
    ResourceMissing: _resource_missing,
    NothingUpcoming: _nothing_upcoming,
    RouteUnknown: _route_unknown,
    MethodNotAllowed: _method_not_allowed,
    MeterNameTaken: _meter_name_taken,
    AlertLimitReached: _alert_limit_reached,
    LimitReached: _limit_reached,
    StateConflict: _state_conflict,
    UsageNotAccepted: _usage_not_accepted,
    CancellationRefused: _cancellation_refused,
    IdempotencyMismatch: _idempotency_mismatch,
    RateLimited: _rate_limited,
    TooManyTries: _too_many_tries,
    TooManyInvoices: _too_many_invoices,
    StoreUnavailable: _store_unavailable,
    Overloaded: _overloaded,
    Draining: _draining,
}
"""One row per refusal. A test holds that none is missing."""
