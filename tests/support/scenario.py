"""Makes up what happens: one seed, one scenario. Every choice is drawn from the seed alone."""

import random
from collections.abc import Callable
from itertools import count

from support.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, SettableClock
from support.definitions import AHEAD_MS, OLDEST_MS, Alert, Endpoint, Event, Meter, Report
from support.oracle import Ordinals
from support.world import Step, World
from tripmeter.model.scope import Scope
from tripmeter.pipeline.flush import Pace

KINDS = [
    (formula, window) for formula in ("sum", "count", "last") for window in (None, "hour", "day")
]

VALUES = ("1", "1", "1", "2", "3", "5", "0.5", "0.1", "2.5", "0", "-1", "-2", "-3.25")
ODD_VALUES = (
    *("007", "1.50", "-0", "0.000000000000001", "-0.000000000000001", "0.999999999999999"),
    *("12.000000000000", "99999999999.9999", "-99999999999.9999", "123456789012345", "1000"),
)
WRONG_VALUES = (
    *("1e3", "NaN", "Infinity", "", " 1", "+1", ".5", "5.", "\u0661", "--1", "1_0"),
    *("1234567890123456", "0.0000000000000001", "123456789.1234567", "9" * 60),
)
LINES = (1, 1, 1, 2, 2, 3, 3, 5, 5, 8, 13, 40, 10**11, 123_456_789_012_345)
STEPS = (
    *(0, 0, 1, 40, SECOND_MS, 20 * SECOND_MS, MINUTE_MS, 7 * MINUTE_MS, 31 * MINUTE_MS, HOUR_MS),
    *(3 * HOUR_MS, 11 * HOUR_MS, DAY_MS, 2 * DAY_MS, 9 * DAY_MS),
)
STEPS_BACK = (
    *(-1, -30, -SECOND_MS, -2 * MINUTE_MS, -50 * MINUTE_MS, -5 * HOUR_MS, -11 * HOUR_MS),
    *(-26 * HOUR_MS, -3 * DAY_MS, -7 * DAY_MS),
)
LEAP_MS = 7 * DAY_MS
TYPES = ("*", "billing.alert.triggered", "billing.meter.created", "customer.deleted")


class Scenario:
    """A stream of steps on one or two worlds that share an engine."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = SettableClock()
        self.clock.advance(self.rng.randrange(DAY_MS))
        self.pace = Pace(
            slice=self.rng.choice((1, 2, 5, 500)),
            lag=self.rng.choice((1, 2, 5, 20, 100, 50_000)),
            lag_per_tally=0,
            tallies_kept=self.rng.choice((0, 1, 1_000_000)),
        )
        ordinals = Ordinals()
        modes = [Scope("acct_a", livemode=False), Scope("acct_a", livemode=True)]
        self.worlds = [World(scope, ordinals) for scope in modes[: self.rng.choice((1, 1, 2))]]
        self.length = self.rng.choice((10, 25, 40, 60))
        self._kinds = KINDS[seed % len(KINDS) :] + KINDS[: seed % len(KINDS)]
        self._numbers = count(1)
        self._latest_ms = self.clock.now_ms()
        self._requests: list[tuple[World, list[Report], str]] = []
        self._wrong = self.rng.choice((0, 0.05, 0.3))
        self._odd = self.rng.choice((0, 0.05, 0.4))
        self._big = self.rng.choice((0, 0.05, 0.3))

    # what is there at the beginning

    def opening(self) -> list[Step]:
        """A few meters, customers and endpoints; alerts mostly come later."""
        steps: list[Step] = []
        for world in self.worlds:
            steps += [self.new_meter(world) for _ in range(self.rng.randint(1, 3))]
            steps += [self.new_customer(world) for _ in range(self.rng.randint(1, 4))]
            steps += [self.new_endpoint(world) for _ in range(self.rng.randint(0, 2))]
            steps += [self.new_alert(world) for _ in range(self.rng.randint(0, 3))]
        return steps

    # what happens then

    def change(self) -> Step:
        """One more thing happens."""
        world = self.rng.choice(self.worlds)
        choices: list[tuple[Callable[[World], Step | None], int]] = [
            (self.usage, 50),
            (self.retry, 6),
            (self.cancellation, 14),
            (self.new_alert, 10),
            (self.alert_change, 16),
            (self.meter_change, 3),
            (self.new_meter, 1),
            (self.customer_change, 2),
            (self.new_endpoint, 1),
            (self.endpoint_change, 2),
        ]
        kinds, weights = zip(*choices, strict=True)
        while True:
            step: Step | None = self.rng.choices(kinds, weights)[0](world)
            if step is not None:
                return step

    def pass_time(self) -> str:
        """Time moves on; now and then it steps back, by days even after it had leapt ahead."""
        recent = [event.received_ms for world in self.worlds for event in world.oracle.events[-30:]]
        if recent and self.rng.random() < 0.1:
            day_later = self.rng.choice(recent) + DAY_MS + self.rng.choice((0, 0, 1, HOUR_MS))
            self.clock.set(max(day_later, self.clock.now_ms()))
        elif self.rng.random() < 0.15:
            back_to_ms = self.clock.now_ms() + self.rng.choice(STEPS_BACK)
            self.clock.set(max(back_to_ms, self._latest_ms - LEAP_MS))
        elif self.rng.random() < 0.02:
            self.clock.advance(40 * DAY_MS)
        else:
            self.clock.advance(self.rng.choice(STEPS) + self.rng.choice((0, 0, 7, 977)))
        self._latest_ms = max(self._latest_ms, self.clock.now_ms())
        return "time passes"

    def _name(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    # meters, customers, alerts, endpoints

    def new_meter(self, world: World) -> Step:
        """A meter of the next kind, sometimes for an event name that is known already."""
        formula, window = self._kinds[len(world.oracle.meters) % len(self._kinds)]
        taken = [meter.event_name for meter in world.oracle.meters.values()]
        name = self.rng.choice(taken) if taken and self.rng.random() < 0.3 else self._name("usage")
        dimensions = ("region",) if self.rng.random() < 0.15 else ()
        return world.create_meter(Meter(self._name("mtr"), name, formula, window, dimensions))

    def meter_change(self, world: World) -> Step:
        """A meter is deactivated, or an inactive one most likely reactivated."""
        meter = self.rng.choice(list(world.oracle.meters.values()))
        if meter.active == (self.rng.random() < 0.85):
            return world.deactivate_meter(meter.key)
        return world.reactivate_meter(meter.key)

    def new_customer(self, world: World) -> Step:
        """A customer; ids are the same in both worlds."""
        return world.create_customer(f"cus_{len(world.oracle.customers) + 1}")

    def customer_change(self, world: World) -> Step:
        """A new customer, or one is deleted."""
        if self.rng.random() < 0.6:
            return self.new_customer(world)
        customer = self.rng.choice(list(world.oracle.customers))
        if self.rng.random() < 0.2:
            return world.create_customer(customer)
        return world.delete_customer(customer)

    def new_alert(self, world: World) -> Step:
        """An alert for everyone or for one customer."""
        customer = self.rng.choice((None, self._customer(world)))
        meter = self._meter(world)
        count_from = self.rng.choice(("creation", "creation", "lifetime"))
        alert = Alert(self._name("alrt"), meter, self.rng.choice(LINES), customer, count_from)
        return world.create_alert(alert)

    def alert_change(self, world: World) -> Step | None:
        """An alert is activated (most likely), deactivated or, rarely, archived."""
        if not world.oracle.alerts:
            return None
        verb = self.rng.choices(("activate", "deactivate", "archive"), (12, 7, 1))[0]
        return world.change_alert(self.rng.choice(list(world.oracle.alerts)), verb)

    def new_endpoint(self, world: World) -> Step:
        """An endpoint for snapshot or thin events."""
        thin = self.rng.random() < 0.4
        types = self.rng.sample(TYPES, self.rng.choice((1, 1, 2)))
        named = tuple(f"v1.{type_}" if thin and type_ != "*" else type_ for type_ in types)
        return world.create_endpoint(Endpoint(self._name("we"), thin, named))

    def endpoint_change(self, world: World) -> Step | None:
        """An endpoint is switched on or off, or deleted."""
        if not world.oracle.endpoints:
            return None
        key = self.rng.choice(list(world.oracle.endpoints))
        if self.rng.random() < 0.2:
            return world.delete_endpoint(key)
        return world.enable_endpoint(key, enabled=self.rng.random() < 0.6)

    # usage

    def usage(self, world: World) -> Step:
        """One request with one event, a few, or many."""
        size = self.rng.choice((1, 1, 1, 2, 3, 5))
        if self.rng.random() < self._big:
            size = self.rng.randint(6, 50)
        request = self._name("req") if self.rng.random() < 0.5 else None
        reports: list[Report] = []
        for _ in range(size):
            reports.append(self._report(world, reports))
        if request is not None:
            self._requests.append((world, reports, request))
        return world.report(reports, request, self.clock.now_ms())

    def _report(self, world: World, before: list[Report]) -> Report:
        meter, customer = self._meter(world), self._customer(world)
        payload = {"stripe_customer_id": customer}
        if meter.formula != "count":
            payload["value"] = self._value()
        if self.rng.random() < 0.95 * len(meter.dimensions) or self.rng.random() < 0.05:
            payload["region"] = self.rng.choice(("eu", "us"))
        report = Report(meter.event_name, payload, self._identifier(world, before), self._when())
        if self.rng.random() < self._wrong:
            self._spoil(report)
        return report

    def _value(self) -> str:
        return self.rng.choice(ODD_VALUES if self.rng.random() < self._odd else VALUES)

    def _meter(self, world: World) -> Meter:
        """Mostly one that counts."""
        meters = list(world.oracle.meters.values())
        active = [meter for meter in meters if meter.active]
        return self.rng.choice(active if active and self.rng.random() < 0.97 else meters)

    def _customer(self, world: World) -> str:
        """Mostly one that is not deleted."""
        deleted = world.oracle.customers
        present = [customer for customer in deleted if not deleted[customer]]
        return self.rng.choice(present if present and self.rng.random() < 0.97 else list(deleted))

    def _identifier(self, world: World, before: list[Report]) -> str | None:
        kind = self.rng.random()
        if kind < 0.08:
            return None
        if kind < 0.16 and before:
            return self.rng.choice(before).identifier
        known = [event.identifier for event in world.oracle.events[-60:]]
        if kind < 0.25 and known:
            chosen = self.rng.choice(known)
            if chosen is not None and self._is_clear(world, lambda e: e.identifier == chosen):
                return chosen
        return self._name("evt")

    def _when(self) -> int | None:
        now = self.clock.now_ms()
        hour, day = now // HOUR_MS * HOUR_MS, now // DAY_MS * DAY_MS
        near = [
            now,
            now - 1,
            now - self.rng.randrange(10 * MINUTE_MS),
            hour,
            hour - 1,
            day,
            day - 1,
        ]
        far = [
            now - self.rng.randrange(3 * HOUR_MS),
            now - self.rng.randrange(3 * DAY_MS),
            now - self.rng.randrange(OLDEST_MS),
            hour - HOUR_MS,
            now - OLDEST_MS,
            now + AHEAD_MS,
        ]
        return self.rng.choice([None, None, self.rng.choice(near), self.rng.choice(far)])

    def _spoil(self, report: Report) -> None:
        """Make it one that must be refused, in one way or more."""
        payload, now = report.payload, self.clock.now_ms()
        fault = self.rng.randrange(8)
        if fault == 0:
            report.event_name = "never_heard_of"
        elif fault == 1:
            payload["stripe_customer_id"] = "cus_nobody"
        elif fault == 2:
            payload["stripe_customer_id"] = ""
        elif fault == 3:
            payload.pop("value", None)
        elif fault == 4:
            report.timestamp_ms = now - OLDEST_MS - 1
        elif fault == 5:
            report.timestamp_ms = now + AHEAD_MS + 1
        else:
            payload["value"] = self.rng.choice(WRONG_VALUES)

    def retry(self, world: World) -> Step | None:
        """A request that was sent before is sent again, sometimes with other contents."""
        mine = [(reports, key) for of, reports, key in self._requests[-20:] if of is world]
        if not mine:
            return None
        reports, request = self.rng.choice(mine)
        derived = world.oracle.derived
        names = {r.identifier or derived.get((request, at)) for at, r in enumerate(reports)}
        if not self._is_clear(world, lambda e: e.request == request or e.identifier in names):
            return None
        if self.rng.random() < 0.2:
            changed = self.rng.choice(reports)
            payload = {**changed.payload, "value": self._value()}
            other = Report(changed.event_name, payload, changed.identifier, changed.timestamp_ms)
            reports = [other if report is changed else report for report in reports]
        return world.report(reports, request, self.clock.now_ms())

    def cancellation(self, world: World) -> Step | None:
        """An event is taken back: one that can be, or one that cannot."""
        events = [e for e in world.oracle.events[-80:] if e.identifier is not None]
        if not events:
            return None
        event = self.rng.choice(events[-self.rng.choice((3, 20, 80)) :])
        name, identifier = event.meter.event_name, str(event.identifier)
        chance = self.rng.random()
        if chance < 0.05:
            return world.cancel("another_name", identifier, self.clock.now_ms())
        if chance < 0.1:
            return world.cancel(name, "never_reported", self.clock.now_ms())
        if not self._is_clear(world, lambda e: e.identifier == identifier, kept_to_ms=DAY_MS):
            return None
        return world.cancel(name, identifier, self.clock.now_ms())

    def _is_clear(
        self,
        world: World,
        concerns: Callable[[Event], bool],
        kept_to_ms: int = DAY_MS + HOUR_MS,
    ) -> bool:
        """Whether the engine must remember these events, or must have forgotten them.

        Between 24 and 25 hours it may do either.
        """
        now = self.clock.now_ms()
        return all(
            self._latest_ms - event.received_ms <= DAY_MS
            or now - self._received_up_to(event) > kept_to_ms
            for event in world.oracle.events
            if concerns(event)
        )

    def _received_up_to(self, event: Event) -> int:
        """The latest time at which anything was received up to an event: the engine forgets in the
        order of the log, so what came before a step back is remembered with what came after."""
        return max(
            other.received_ms
            for world in self.worlds
            for other in world.oracle.events
            if other.position <= event.position
        )
