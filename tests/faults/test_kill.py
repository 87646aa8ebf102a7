"""SIGKILL under load, again and again: what a server promised before, it has kept afterwards.

Clients report usage in every way, take events back and change the control plane while the server
dies at every failpoint and at random moments, and is started again on the same data; they repeat
what was not acknowledged. After each death the log is held against what was acknowledged, and
`tripmeter doctor` must find nothing. One campaign is run on each store, and each contract is looked
at in its outcome.

    pytest tests/faults/test_kill.py                         every failpoint, some random moments
    TRIPMETER_KILLS=500 pytest tests/faults/test_kill.py     at least so many, half on each store
    TRIPMETER_SEED=17 pytest tests/faults/test_kill.py       another order, other moments
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Final

import pytest

from faults.campaign import (
    ALERTS_PER_SCOPE,
    ELSEWHERE,
    TABLE_SIZE,
    Campaign,
    Outcome,
)
from faults.load import totals
from support.forking import Fork
from support.postgres import database
from support.server import Server
from tripmeter.failpoints import POINTS

KILLS: Final = int(os.environ.get("TRIPMETER_KILLS", "60"))
SEED: Final = int(os.environ.get("TRIPMETER_SEED", "1"))

pytestmark = [pytest.mark.timeout(300 + 6 * KILLS), pytest.mark.xdist_group("kill")]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def outcome(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcome]:
    """One campaign."""
    folder = tmp_path_factory.mktemp("kill")
    with ExitStack() as stack:
        url = stack.enter_context(database(migrated=False)) if request.param == "postgres" else None
        server = Server(folder, environment={"TRIPMETER_DATABASE": url}, fork=Fork(TABLE_SIZE))
        stack.callback(server.kill)
        yield asyncio.run(Campaign(server, KILLS // 2, SEED).run())


def crossings(outcome: Outcome) -> dict[tuple[str, str], tuple[str, Decimal]]:
    """By plain addition in the order of the log: which event made which alert fire, at what."""
    sums = dict.fromkeys(outcome.names, Decimal(0))
    found: dict[tuple[str, str], tuple[str, Decimal]] = {}
    for event in outcome.logged:
        sums[event.customer] += -event.value if event.cancellation else event.value
        for id_, alert in outcome.alerts.items() if not event.cancellation else ():
            key = (id_, event.customer)
            mine = alert.customer in (None, event.customer)
            if mine and key not in found and sums[event.customer] >= alert.gte:
                found[key] = (event.identifier, sums[event.customer])
    return found


def test_the_server_died_at_every_failpoint_and_at_random_moments(outcome: Outcome) -> None:
    assert set(outcome.died_at) == {*POINTS, "random"} - {*ELSEWHERE}
    assert len(outcome.died_at) >= KILLS // 2


def test_c1_all_that_was_acknowledged_is_in_the_log(outcome: Outcome) -> None:
    uses = [use for request in outcome.requests for use in request.uses]
    logged = [entry.identifier for entry in outcome.logged if not entry.cancellation]
    assert {use.identifier for use in uses if use.identifier} <= set(logged)
    assert len(logged) == len(uses)


def test_c2_every_event_and_every_cancellation_counts_once(outcome: Outcome) -> None:
    events = [(entry.identifier, entry.cancellation) for entry in outcome.logged]
    assert not Counter(events) - Counter(set(events))
    cancelled = {r.uses[0].identifier for r in outcome.requests if r.way == "cancel"}
    assert {identifier for identifier, cancellation in events if cancellation} == cancelled
    assert outcome.used == totals(outcome.requests)


def test_c2_every_command_was_done_once(outcome: Outcome) -> None:
    keys = [request.key for request in outcome.requests if request.way == "command"]
    made = [customer["name"] for customer in outcome.customers if customer["name"]]
    assert Counter(made) == Counter(keys)


def test_c3_every_alert_fired_once_on_the_event_that_crossed(outcome: Outcome) -> None:
    keys = [(row["alert"], row["customer"]) for row in outcome.notifications]
    assert Counter(keys) == Counter(set(keys))
    told = {
        (row["alert"], row["customer"]): (row["meter_event_identifier"], Decimal(row["value"]))
        for row in outcome.notifications
    }
    assert told == crossings(outcome)
    assert len(told) == ALERTS_PER_SCOPE * (len(outcome.names) + 3)


def test_c5_every_firing_has_one_event_and_it_was_delivered(outcome: Outcome) -> None:
    assert Counter(row["notification_event"] for row in outcome.notifications) == Counter(
        event["id"] for event in outcome.events
    )
    subjects = {
        event["id"]: (event["data"]["object"]["alert"]["id"], event["data"]["object"]["customer"])
        for event in outcome.events
    }
    for row in outcome.notifications:
        assert subjects[row["notification_event"]] == (row["alert"], row["customer"])
    assert subjects.keys() <= {delivery.id for delivery in outcome.deliveries}
    assert all(delivery.is_signed_with(outcome.secret) for delivery in outcome.deliveries)


def test_c10_what_was_refused_is_in_an_error_report_or_waits_for_one(outcome: Outcome) -> None:
    """A request whose answer was lost is sent again, and its refusals are told again."""
    load = outcome.load
    assert load.strays_acknowledged <= outcome.strays_told <= load.strays_sent
