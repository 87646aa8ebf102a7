"""Room that is kept for usage to come: reserved, then committed or released, or else it expires.

What is reserved and what is used come to no more than the hard limits, at any moment: both are
changed by one thread, in the order of the log.
"""

from decimal import Decimal
from typing import Any, Final

from msgspec import structs

from tripmeter.control.customers import existing
from tripmeter.control.usage_limits import check_quantity
from tripmeter.failpoints import reach
from tripmeter.model.errors import (
    LimitReached,
    ParameterInvalid,
    StateConflict,
    UsageNotAccepted,
)
from tripmeter.model.ids import new_id
from tripmeter.model.meter import Formula, Meter
from tripmeter.model.quantity import format_quantity, of_decimal
from tripmeter.model.scope import Caller
from tripmeter.model.standing import Reason
from tripmeter.model.stored import Kept
from tripmeter.model.usage import UsageReport
from tripmeter.model.usage_limit import Reservation, ReservationStatus
from tripmeter.ports import Work
from tripmeter.rules.access import room, stand
from tripmeter.rules.aggregate import is_superseding

SHORTEST_S: Final = 1
USUAL_S: Final = 60
LONGEST_S: Final = 3600


def reserve(work: Work, caller: Caller, customer: str, params: dict[str, Any]) -> Reservation:
    """Keep room for so much usage. Raises LimitReached where there is not that much left."""
    scope, quantity = caller.scope, params["quantity"]
    existing(work, caller, customer)
    meter = work.session.meters.get(scope, params["meter"], "meter").value
    check_quantity(quantity, "quantity")
    _check_meter(meter, quantity)
    _note_expired(work, caller, customer)
    found = work.measures(scope, customer, meter.id)
    now = stand(found, work.access_states(scope, customer), meter.id)
    left = room(found)
    if now.reason is Reason.REVOKED:
        raise LimitReached(customer, meter.id, "0", revoked=True)
    if left is not None and of_decimal(quantity) > left:
        raise LimitReached(customer, meter.id, format_quantity(max(left, 0)))
    made = Reservation(
        id=new_id("rsv", work.now_ms),
        account=scope.account,
        livemode=scope.livemode,
        created_ms=work.now_ms,
        customer=customer,
        meter=meter.id,
        quantity=quantity,
        expires_ms=work.now_ms + params.get("expires_in", USUAL_S) * 1000,
    )
    work.session.reservations.insert(made)
    reach("access.reserved")
    work.reservation_changed(made)
    return made


def commit(work: Work, caller: Caller, id: str, params: dict[str, Any]) -> Reservation:
    """Count what was used of a reservation, and give back the rest.

    The usage event has the reservation's id as its identifier. What is committed again with the
    same quantity stays as it is. Raises StateConflict for one that was released or has expired.
    """
    kept = work.session.reservations.get(caller.scope, id)
    before = kept.value
    quantity = params.get("quantity", before.quantity)
    if before.status is ReservationStatus.COMMITTED:
        if quantity != before.committed:
            raise StateConflict(
                f"The reservation {id} is committed already, with {_committed(kept)}."
            )
        return before
    _check_open(work, before)
    if quantity > before.quantity:
        shown = format_quantity(of_decimal(before.quantity))
        message = f"It must be at most what is reserved, which is {shown}."
        raise ParameterInvalid("quantity", message)
    check_quantity(quantity, "quantity")
    meter = work.session.meters.get(caller.scope, before.meter).value
    _check_meter(meter, quantity)
    after = _end(work, kept, ReservationStatus.COMMITTED, committed=quantity)
    reach("access.committed")
    payload = {
        **params.get("payload", {}),
        meter.customer_key: before.customer,
        meter.value_key: format_quantity(of_decimal(quantity)),
    }
    report = UsageReport(meter.event_name, payload, id, None)
    refused = work.count_one(caller.scope, report)
    if refused is not None:
        raise UsageNotAccepted(refused)
    return after


def release(work: Work, caller: Caller, id: str) -> Reservation:
    """Give back all that was reserved. What is released or has expired already stays so."""
    kept = work.session.reservations.get(caller.scope, id)
    if kept.value.status is ReservationStatus.COMMITTED:
        raise StateConflict(f"The reservation {id} is committed already, with {_committed(kept)}.")
    if kept.value.status is not ReservationStatus.RESERVED:
        return kept.value
    if kept.value.expires_ms <= work.now_ms:
        return kept.value
    return _end(work, kept, ReservationStatus.RELEASED)


def _note_expired(work: Work, caller: Caller, customer: str) -> None:
    """Note which reservations have expired before their room is given to others."""
    for id_ in work.expired_reservations(caller.scope, customer):
        kept = work.session.reservations.find(caller.scope, id_)
        if kept is not None and kept.value.status is ReservationStatus.RESERVED:
            _end(work, kept, ReservationStatus.EXPIRED)


def _end(
    work: Work,
    kept: Kept[Reservation],
    status: ReservationStatus,
    committed: Decimal | None = None,
) -> Reservation:
    after = structs.replace(kept.value, status=status, committed=committed, ended_ms=work.now_ms)
    work.session.reservations.replace(kept.no, after)
    work.reservation_changed(after)
    return after


def _committed(kept: Kept[Reservation]) -> str:
    assert kept.value.committed is not None  # its status says so
    return format_quantity(of_decimal(kept.value.committed))


def _check_open(work: Work, reservation: Reservation) -> None:
    if reservation.status is ReservationStatus.RELEASED:
        raise StateConflict(f"The reservation {reservation.id} was released. Make a new one.")
    is_over = reservation.status is ReservationStatus.EXPIRED
    if is_over or reservation.expires_ms <= work.now_ms:
        raise StateConflict(
            f"The reservation {reservation.id} has expired, and what it kept is free for others."
            " Make a new one, for longer: expires_in.",
            code="reservation_expired",
        )


def _check_meter(meter: Meter, quantity: Decimal) -> None:
    """That usage of a meter adds up, and that one event can be so much of it."""
    if not meter.active:
        raise StateConflict(f"The meter {meter.id} is inactive. Reactivate it.", "meter")
    if is_superseding(meter.formula, meter.window):
        message = (
            "Later events of this meter supersede earlier ones: nothing of it can be reserved."
        )
        raise ParameterInvalid("meter", message)
    if meter.formula is Formula.COUNT and quantity != 1:
        raise ParameterInvalid("quantity", "This meter counts events: reserve 1 at a time.")
