"""What every store guarantees of the usage log, of what is derived from it, and of the outbox."""

import pytest

from support import samples
from support.samples import LIVE, STRANGER, TEST
from tripmeter.model.cells import HourBlock
from tripmeter.model.errors import ResourceMissing
from tripmeter.model.event import DeliveryState
from tripmeter.model.stored import Page
from tripmeter.model.usage import LogRow, RefusalCode, TallyBlock
from tripmeter.ports import Session

# --- the log ------------------------------------------------------------------------------------

ROWS = [LogRow(1, 3, 100, b"one"), LogRow(4, 1, 110, b"\x00\xff"), LogRow(5, 10, 120, b"three")]


@pytest.fixture
def logged(session: Session) -> Session:
    """Three batches that hold positions 1 to 3, 4, and 5 to 14."""
    for row in ROWS:
        session.usage.append(row)
    return session


class TestLog:
    def test_is_empty_at_first(self, session: Session) -> None:
        assert session.usage.last_position() == 0
        assert list(session.usage.rows_after(0)) == []
        assert session.usage.first_since(0) is None
        assert session.usage.first_since_from(1, 0) is None
        assert session.usage.row_holding(1) is None

    def test_knows_its_last_position(self, logged: Session) -> None:
        assert logged.usage.last_position() == 14

    @pytest.mark.parametrize(
        ("position", "expected"),
        [
            *((0, [1, 4, 5]), (1, [1, 4, 5]), (2, [1, 4, 5]), (3, [4, 5])),
            *((4, [5]), (13, [5]), (14, []), (99, [])),
        ],
    )
    def test_goes_on_after_a_position_with_the_batch_that_holds_the_next(
        self, logged: Session, position: int, expected: list[int]
    ) -> None:
        assert [row.first for row in logged.usage.rows_after(position)] == expected

    @pytest.mark.parametrize(
        ("position", "first"),
        [(0, None), (1, 1), (3, 1), (4, 4), (5, 5), (14, 5), (15, None), (999, None)],
    )
    def test_finds_the_batch_that_holds_a_position(
        self, logged: Session, position: int, first: int | None
    ) -> None:
        row = logged.usage.row_holding(position)
        assert (row.first if row else None) == first

    @pytest.mark.parametrize(
        ("received_ms", "expected"), [(0, 1), (100, 1), (101, 4), (120, 5), (121, None)]
    )
    def test_knows_the_first_position_since_a_time(
        self, logged: Session, received_ms: int, expected: int | None
    ) -> None:
        assert logged.usage.first_since(received_ms) == expected
        assert logged.usage.first_since_from(1, received_ms) == expected

    def test_goes_by_positions_where_the_clock_stepped_back(self, logged: Session) -> None:
        logged.usage.append(LogRow(15, 1, 90, b""))
        logged.usage.append(LogRow(16, 1, 130, b""))
        assert logged.usage.first_since(90) == 1
        assert logged.usage.first_since(121) == 16
        assert logged.usage.first_since_from(5, 121) == 16
        assert logged.usage.first_since_from(15, 90) == 15

    def test_remembers_what_was_cancelled_whatever_the_clock_says(self, session: Session) -> None:
        year_ms = 365 * 24 * 3_600_000
        for position, now_ms in ((7, 0), (8, year_ms), (9, 1)):
            session.usage.mark_cancelled(position, now_ms)
        assert [at for at in range(6, 11) if session.usage.is_cancelled(at)] == [7, 8, 9]

    def test_gives_back_the_very_bytes(self, logged: Session) -> None:
        assert list(logged.usage.rows_after(0)) == ROWS

    def test_is_read_to_the_end_however_long(self, session: Session) -> None:
        for position in range(1, 2_001):
            session.usage.append(LogRow(position, 1, position, b""))
        found = [row.first for row in session.usage.rows_after(0)]
        assert found == list(range(1, 2_001))

    def test_takes_no_position_twice(self, logged: Session, conflict: type[Exception]) -> None:
        with pytest.raises(conflict), logged.savepoint():
            logged.usage.append(LogRow(5, 1, 130, b""))
        assert logged.usage.last_position() == 14


# --- tallies and hours --------------------------------------------------------------------------


class TestTallies:
    def test_are_absent_at_first(self, session: Session) -> None:
        assert session.usage.tallies(1, [2]) == []
        assert list(session.usage.all_tallies()) == []

    def test_are_read_in_order_by_meter_and_block(self, session: Session) -> None:
        rows = [TallyBlock(1, block, b"%d" % block) for block in (9, 2, 5, 10)]
        session.usage.save_tallies([*rows, TallyBlock(2, 2, b"other"), TallyBlock(3, 7, b"")])
        found = session.usage.tallies(1, [10, 7, 2, 9])
        assert [row.block for row in found] == [2, 9, 10]
        assert session.usage.tallies(2, [2, 5]) == [TallyBlock(2, 2, b"other")]
        assert session.usage.tallies(2, []) == []

    def test_give_back_the_very_bytes(self, session: Session) -> None:
        row = TallyBlock(2**31, 2**40, bytes(range(256)) * 20)
        session.usage.save_tallies([row])
        assert session.usage.tallies(2**31, [2**40]) == [row]

    def test_are_replaced(self, session: Session) -> None:
        session.usage.save_tallies([TallyBlock(1, 2, b"one")])
        session.usage.save_tallies([TallyBlock(1, 2, b"other")])
        assert list(session.usage.all_tallies()) == [TallyBlock(1, 2, b"other")]

    def test_are_all_read_however_many(self, session: Session) -> None:
        rows = [TallyBlock(meter, block, b"x") for meter in range(3) for block in range(300)]
        session.usage.save_tallies(reversed(rows))
        assert list(session.usage.all_tallies()) == rows


def hour(number: int, body: bytes = b"x", meter_no: int = 1, block: int = 2) -> HourBlock:
    return HourBlock(meter_no, block, number, body)


class TestHours:
    def test_are_read_in_order_up_to_but_not_including_the_end(self, session: Session) -> None:
        session.usage.save_hours([hour(12), hour(10), hour(11), hour(9)])
        found = session.usage.hours(1, 2, 10, 12)
        assert [row.hour for row in found] == [10, 11]

    def test_belong_to_one_meter_and_block(self, session: Session) -> None:
        session.usage.save_hours([hour(1, meter_no=2), hour(1, block=1)])
        assert session.usage.hours(1, 2, 0, 99) == []

    def test_give_back_the_very_bytes(self, session: Session) -> None:
        row = hour(10, bytes(range(256)))
        session.usage.save_hours([row])
        assert session.usage.hours(1, 2, 10, 11) == [row]

    def test_are_replaced(self, session: Session) -> None:
        session.usage.save_hours([hour(10, b"one")])
        session.usage.save_hours([hour(10, b"other")])
        assert session.usage.hours(1, 2, 0, 99) == [hour(10, b"other")]


def test_the_flushed_position_is_0_until_it_is_set(session: Session) -> None:
    assert session.usage.flushed_position() == 0
    for position in (7, 3 * 10**12):
        session.usage.set_flushed_position(position)
        assert session.usage.flushed_position() == position


# --- refusals -----------------------------------------------------------------------------------


def test_refusals_wait_for_their_report_and_are_dropped_by_number(session: Session) -> None:
    samples_ = [("id_1", "No."), ("", "\u2603")]
    session.usage.add_refusal(TEST, 1, RefusalCode.TOO_OLD, 100, samples_, 2)
    session.usage.add_refusal(LIVE, None, RefusalCode.NO_METER, 200, [], 70_000)
    (first,) = session.usage.refusals_outside(199, 500)
    assert (first.scope, first.meter_no, first.code) == (TEST, 1, RefusalCode.TOO_OLD)
    assert (first.created_ms, first.refused, first.samples) == (100, 2, samples_)
    assert len(session.usage.refusals_outside(200, 500)) == 2
    (later,) = session.usage.refusals_outside(99, 199)
    assert later.created_ms == 200
    session.usage.drop_refusals([first.no])
    (second,) = session.usage.refusals_outside(200, 500)
    assert (second.scope, second.meter_no, second.refused) == (LIVE, None, 70_000)


# --- the outbox ---------------------------------------------------------------------------------


class Outbox:
    """Two endpoints and a few events, with nothing on its way yet."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.box = session.outbox
        self.here = session.destinations.insert(samples.endpoint("we_1"))
        self.there = session.destinations.insert(samples.endpoint("we_2"))
        self.events = [session.events.insert(samples.event(f"evt_{n}")) for n in range(4)]

    def send(self, event: int, due_ms: int, endpoint: int | None = None) -> None:
        self.box.enqueue(self.events[event], endpoint or self.here, due_ms, manual=False)

    def due(self, now_ms: int, limit: int = 10, endpoint: int | None = None) -> list[int]:
        """Which events are due."""
        found = self.box.due(endpoint or self.here, now_ms, limit)
        return [self.events.index(delivery.event_no) for delivery in found]

    def settle(self, event: int, state: DeliveryState, due_ms: int = 0) -> None:
        for delivery in self.box.due(self.here, 2**50, 100):
            if delivery.event_no == self.events[event]:
                self.box.settle(delivery.no, state, delivery.attempts + 1, due_ms)


@pytest.fixture
def outbox(session: Session) -> Outbox:
    return Outbox(session)


class TestOutbox:
    def test_gives_what_is_due_first_in_front(self, outbox: Outbox) -> None:
        for event, due_ms in enumerate((30, 10, 20, 40)):
            outbox.send(event, due_ms)
        assert outbox.due(30) == [1, 2, 0]
        assert outbox.due(30, limit=2) == [1, 2]
        assert outbox.due(9) == []

    def test_keeps_endpoints_apart(self, outbox: Outbox) -> None:
        outbox.send(0, 10)
        outbox.send(0, 20, outbox.there)
        assert outbox.due(20, endpoint=outbox.there) == [0]
        assert outbox.box.next_due() == {outbox.here: 10, outbox.there: 20}
        assert outbox.box.pending_count(outbox.events[0]) == 2
        assert outbox.box.depth() == 2

    def test_is_pending_with_no_attempt_at_first(self, outbox: Outbox) -> None:
        outbox.send(0, 10)
        (delivery,) = outbox.box.due(outbox.here, 10, 1)
        assert (delivery.state, delivery.attempts) == (DeliveryState.PENDING, 0)
        assert (delivery.due_ms, delivery.created_ms, delivery.manual) == (10, 10, False)

    def test_is_done_with_what_succeeded(self, outbox: Outbox) -> None:
        outbox.send(0, 10)
        outbox.settle(0, DeliveryState.SUCCEEDED)
        assert outbox.due(99) == []
        assert outbox.box.depth() == outbox.box.pending_count(outbox.events[0]) == 0
        assert outbox.box.next_due() == {}

    def test_tries_again_later_what_is_still_pending(self, outbox: Outbox) -> None:
        outbox.send(0, 10)
        outbox.settle(0, DeliveryState.PENDING, due_ms=50)
        assert outbox.due(49) == []
        (delivery,) = outbox.box.due(outbox.here, 50, 1)
        assert (delivery.attempts, delivery.created_ms) == (1, 10)
        assert outbox.box.next_due() == {outbox.here: 50}

    def test_is_brought_forward_if_it_is_due_too_late_though_not_before_now(
        self, outbox: Outbox
    ) -> None:
        for event, due_ms in enumerate((50, 110, 300)):
            outbox.send(event, due_ms)
        outbox.box.bring_forward(100, 60, 90)
        assert [outbox.due(at) for at in (49, 50, 89, 90, 239, 240)] == [
            *([], [0], [0], [0, 1]),
            *([0, 1], [0, 1, 2]),
        ]

    def test_is_done_with_what_failed_for_good(self, outbox: Outbox) -> None:
        outbox.send(0, 10)
        outbox.settle(0, DeliveryState.FAILED)
        assert outbox.due(99) == []
        assert outbox.box.depth() == outbox.box.pending_count(outbox.events[0]) == 0

    def test_gives_up_what_is_cancelled_for_good(self, outbox: Outbox) -> None:
        outbox.send(0, 10)
        outbox.send(0, 10, outbox.there)
        (delivery,) = outbox.box.due(outbox.here, 10, 1)
        outbox.box.cancel_pending(outbox.here)
        outbox.box.settle(delivery.no, DeliveryState.PENDING, 1, 20)  # an attempt was under way
        assert outbox.due(99) == []
        assert outbox.due(99, endpoint=outbox.there) == [0]

    def test_forgets_a_deleted_endpoint_but_not_its_number(self, outbox: Outbox) -> None:
        outbox.send(0, 10)
        outbox.box.delete_endpoint(outbox.here)
        assert outbox.box.depth() == 0
        assert [kept.no for kept in outbox.box.endpoints(TEST)] == [outbox.there]
        with pytest.raises(ResourceMissing):
            outbox.session.destinations.get(TEST, "we_1")
        assert outbox.session.destinations.numbered(outbox.here).id == "we_1"

    def test_endpoints_belong_to_a_scope(self, outbox: Outbox) -> None:
        assert len(outbox.box.endpoints(TEST)) == 2
        assert outbox.box.endpoints(LIVE) == outbox.box.endpoints(STRANGER) == []

    @pytest.mark.parametrize(("delivered", "expected"), [(True, [3, 2]), (False, [1, 0])])
    def test_events_are_listed_by_whether_they_were_delivered(
        self, outbox: Outbox, delivered: bool, expected: list[int]
    ) -> None:
        for event in (0, 1, 2):
            outbox.send(event, 10)
        outbox.settle(0, DeliveryState.FAILED)
        outbox.settle(2, DeliveryState.SUCCEEDED)
        found = outbox.session.events.page(TEST, Page(), payload="snapshot", delivered=delivered)
        assert [outbox.events.index(kept.no) for kept in found.items] == expected
