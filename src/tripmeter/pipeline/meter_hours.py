"""The hours of all customers together, made of theirs in a store from before they were kept."""

from typing import Final

from tripmeter.pipeline.hours import decoded_all
from tripmeter.pipeline.looking import meter_hours
from tripmeter.ports import Session

_KEPT: Final = "meter_hours"

_ROWS: Final = 5_000


def ensure_meter_hours(session: Session) -> None:
    """See to it that the store's sums by meter and hour are there. Call inside a transaction.

    From then on they are added to in the transactions that store hours.
    """
    if session.setting(_KEPT) is not None:
        return
    for rows in session.looking.all_hours(_ROWS):
        for meter_no in {row.meter_no for row in rows}:
            cells = decoded_all([row for row in rows if row.meter_no == meter_no])
            session.looking.add_meter_hours(meter_hours(cells, meter_no))
    session.set_setting(_KEPT, "1")
