"""Where messages of alerts may go: made and deleted by the operator, never edited."""

from typing import Any, Final

from msgspec import structs

from tripmeter.control.actions import check_address, existing_target
from tripmeter.model.action import AlertTarget, QuietHours, TargetKind
from tripmeter.model.addresses import check_url
from tripmeter.model.errors import ParameterInvalid, ParameterMissing, StateConflict
from tripmeter.model.ids import new_id, new_secret
from tripmeter.model.scope import Caller
from tripmeter.ports import Work
from tripmeter.ports.outgoing import Notifier
from tripmeter.rules.messages import minute_of, zone_of

TARGET_LIMIT: Final = 100
"""Targets that an account may have."""


def create_target(
    work: Work,
    caller: Caller,
    params: dict[str, Any],
    *,
    allow_private: bool,
    notifier: Notifier | None,
) -> AlertTarget:
    """Make a target. An address that is private to this host is refused, as for endpoints."""
    kind = TargetKind(params["kind"])
    _check_place(kind, params, allow_private, notifier)
    if len(list(work.session.alert_targets.every(caller.scope))) >= TARGET_LIMIT:
        message = f"There are {TARGET_LIMIT} alert targets, which is the most. Delete one first."
        raise StateConflict(message)
    target = AlertTarget(
        id=new_id("altgt", work.now_ms),
        account=caller.scope.account,
        livemode=caller.scope.livemode,
        created_ms=work.now_ms,
        kind=kind,
        name=params["name"],
        url=params.get("url"),
        secret=new_secret("whsec_") if kind is TargetKind.WEBHOOK else None,
        addresses=tuple(dict.fromkeys(params.get("addresses", ()))),
        quiet_hours=_quiet_hours(params.get("quiet_hours")),
        digest=params.get("digest"),
    )
    work.session.alert_targets.insert(target)
    return target


def delete_target(work: Work, caller: Caller, id: str) -> AlertTarget:
    """Delete a target. What waits for it fails, and says why."""
    kept = existing_target(work.session, caller.scope, id)
    gone = structs.replace(kept.value, deleted=True)
    work.session.alert_targets.replace(kept.no, gone)
    return gone


def _check_place(
    kind: TargetKind, params: dict[str, Any], allow_private: bool, notifier: Notifier | None
) -> None:
    wanted, other = ("addresses", "url") if kind is TargetKind.EMAIL else ("url", "addresses")
    if not params.get(wanted):
        raise ParameterMissing(wanted)
    if other in params:
        raise ParameterInvalid(other, f"A target for {kind} has {wanted}. Leave {other} out.")
    if kind is TargetKind.EMAIL:
        for index, address in enumerate(params["addresses"]):
            check_address(address, f"addresses[{index}]")
        return
    wrong = _fault(kind, params["url"], allow_private, notifier)
    if wrong is not None:
        raise ParameterInvalid("url", wrong, "url_invalid")


def _fault(
    kind: TargetKind, url: str, allow_private: bool, notifier: Notifier | None
) -> str | None:
    if kind is not TargetKind.APPRISE:
        return check_url(url, allow_private)
    if notifier is None:
        return "Targets for apprise need its library: pip install tripmeter[apprise]"
    return notifier.fault(url)


def _quiet_hours(given: dict[str, str] | None) -> QuietHours | None:
    if given is None:
        return None
    start, end = (_minute(given, name) for name in ("start", "end"))
    if start == end:
        message = "Quiet hours end when they begin: nothing would be quiet. Change one of the two."
        raise ParameterInvalid("quiet_hours[end]", message)
    if zone_of(given["time_zone"]) is None:
        message = "There is no such time zone. It must be a name such as Europe/Berlin, or UTC."
        raise ParameterInvalid("quiet_hours[time_zone]", message)
    return QuietHours(start, end, given["time_zone"])


def _minute(given: dict[str, str], name: str) -> int:
    minute = minute_of(given[name])
    if minute is None:
        message = "Invalid time: it must be hours and minutes, such as 22:30."
        raise ParameterInvalid(f"quiet_hours[{name}]", message)
    return minute
