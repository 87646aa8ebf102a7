"""Rows 6 and 7: what an event costs when there are more alerts, more crossings, more customers."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from bodies import customer_id
from figures import Figure, Goal, Row, ratio
from inprocess import Remote, driving
from setting import ALERTS, NEVER_REACHED, Engine, Setting
from support.server import Server

MANY: Final = 1_000
"""Alerts on one meter: 25 for all customers, and 25 for each of 39 customers."""

WATCHED: Final = (MANY - ALERTS) // ALERTS
STEP: Final = 100
"""One event in so many crosses: alerts stand so far apart, and an event counts 1."""

BILLED: Final = 2_000
"""Customers with a subscription each."""

EVENTS: Final = 60_000
"""Per repetition."""


def alerts(setting: Setting) -> Row:
    """CPU time per event in process: one alert, a thousand, and one event in a hundred crossing."""
    row = Row("alerts", "CPU time of an event in process, jobs of 100 events, alternated")
    stores: dict[str, Callable[[Engine], None]] = {
        "1 alert": _one,
        "1,000 before usage": _many,
        "1,000 after usage": _many,
        "1 % crosses": _stairs,
    }
    with ExitStack() as stack:
        drivers: dict[str, Remote] = {}
        for name, prepare in stores.items():
            setting.say(f"preparing a store: {name}")
            folder = _store(setting, prepare, used_before="after" in name)
            seed = setting.events().seed
            drivers[name] = stack.enter_context(driving(folder, seed))
        drivers["1 % crosses"].call("start_unevenly", setting.customers, STEP)
        spent, fired = _measure_alerts(setting, drivers)
    one, watched = ("1 alert", spent["1 alert"]), ("1 alert, ", spent["1 alert, watched"])
    for name in ("1,000 before usage", "1,000 after usage"):
        row.figures.append(ratio(name, "x 1 alert", (name, spent[name]), one, Goal(at_most=1.1)))
        theirs = spent[f"{name}, watched"]
        title = f"{name}, events of the {WATCHED} customers with 25 of their own"
        row.figures.append(ratio(title, "x 1 alert", (name, theirs), watched, Goal(at_most=1.1)))
    crosses = ("1 % crosses", spent["1 % crosses"])
    row.figures.append(ratio("1 % of events cross", "x 1 alert", crosses, one, Goal(at_most=2)))
    row.figures.append(
        Figure("an event, 1 alert", median(one[1]), "µs of CPU", runs={"1 alert": one[1]})
    )
    row.notes.append(
        f"{fired[0]:,} of {fired[1]:,} events crossed; each wrote its Stripe event and a delivery, "
        "which is not sent here"
    )
    return row


def _measure_alerts(
    setting: Setting, drivers: dict[str, Remote]
) -> tuple[dict[str, list[float]], tuple[int, int]]:
    everyone, watched = (0, setting.customers), (0, WATCHED)
    events, spent = setting.scaled(EVENTS), dict[str, list[float]]()
    fired = drivers["1 % crosses"].call("fired")
    for remote in drivers.values():
        remote.call("count", everyone, setting.customers, 1)
    fired = drivers["1 % crosses"].call("fired")
    for repeat in range(setting.repeats):
        for name, remote in drivers.items():
            setting.say(f"{name} ({repeat + 1} of {setting.repeats})")
            spent.setdefault(name, []).append(remote.call("count", everyone, events, 1))
            if name != "1 % crosses":
                took = remote.call("count", watched, events // 2, 1)
                spent.setdefault(f"{name}, watched", []).append(took)
    crossed = drivers["1 % crosses"].call("fired") - fired
    return spent, (crossed, events * setting.repeats)


def _store(setting: Setting, prepare: Callable[[Engine], None], *, used_before: bool) -> Path:
    """A folder with customers and the alerts that `prepare` makes."""
    folder = setting.fresh_folder()
    with setting.serving(Server(folder)) as engine:
        engine.meter = engine.create_meter("tokens")
        engine.create_customers(setting.customers)
        if used_before:
            engine.v1(min(setting.seconds, 3))
        prepare(engine)
    return folder / "data"


def _one(engine: Engine) -> None:
    engine.create_alert(engine.meter, NEVER_REACHED)


def _many(engine: Engine) -> None:
    for number in range(ALERTS):
        engine.create_alert(engine.meter, NEVER_REACHED + number)
        for customer in range(WATCHED):
            engine.create_alert(engine.meter, NEVER_REACHED + number, customer_id(customer))


def _stairs(engine: Engine) -> None:
    params = {"url": "https://example.com/hook", "enabled_events[0]": "billing.alert.triggered"}
    engine.post("/v1/webhook_endpoints", **params)
    for number in range(1, ALERTS + 1):
        engine.create_alert(engine.meter, number * STEP)


def thresholds(setting: Setting) -> Row:
    """CPU time per event: nobody is billed, an alert, billing thresholds; some of them crossed."""
    row = Row("thresholds", "CPU time of an event on one of two meters, in process, alternated")
    number, events = setting.scaled(BILLED), setting.scaled(EVENTS)
    sides = {
        "nothing": ("nothing", 0),
        "alert": ("alert", NEVER_REACHED),
        "amount": ("amount", NEVER_REACHED),
        "usage": ("usage", NEVER_REACHED),
        "amount, crossed": ("amount", events // number * 2),
    }
    with ExitStack() as stack:
        drivers: dict[str, Remote] = {}
        for name, (what, gte) in sides.items():
            setting.say(f"{number:,} customers: {name}")
            folder = setting.fresh_folder()
            drivers[name] = stack.enter_context(driving(folder / "data", setting.events().seed))
            drivers[name].call("furnish", 0, number, what, gte)
            drivers[name].call("count_on_both", number, 4 * number, 1)
        spent: dict[str, list[float]] = {name: [] for name in drivers}
        for repeat in range(setting.repeats):
            for name, remote in drivers.items():
                setting.say(f"{name} ({repeat + 1} of {setting.repeats})")
                spent[name].append(remote.call("count_on_both", number, events, 1))
    alert = ("alert", spent["alert"])
    for name, title in (
        ("amount", "a monetary threshold on both meters"),
        ("usage", "a usage threshold"),
    ):
        row.figures.append(ratio(title, "x an alert", (name, spent[name]), alert, Goal(at_most=2)))
    crossed = ("amount, crossed", spent["amount, crossed"])
    row.figures.append(
        ratio(f"a monetary threshold, one invoice in {events // number * 2:,} events", "x an alert",
              crossed, alert)
    )  # fmt: skip
    nothing = Figure("an event, nobody is billed", median(spent["nothing"]), "µs of CPU")
    row.figures.append(nothing)
    return row


def customers(setting: Setting) -> Row:
    """A thousand customers and a million: CPU time per event, and memory per customer in use."""
    few, many = 1_000, max(2_000, setting.scaled(1_000_000))
    events = setting.scaled(200_000)
    row = Row("customers", f"{few:,} customers and {many:,}, in process, jobs of 100 events")
    with ExitStack() as stack:
        sides = {name: _open(setting, stack) for name in ("few", "many")}
        for name, number in (("few", few), ("many", many)):
            setting.say(f"creating {number:,} customers")
            sides[name].call("create_customers", setting.customers, number)
        first, grown = {}, {}
        for name, number in (("few", few), ("many", many)):
            setting.say(f"{number:,} customers come into use")
            before = sides[name].call("memory")
            if name == "few":  # as many events, so that identifiers take as much memory
                first[name] = sides[name].call("count", (0, few), many)
            else:
                first[name] = sides[name].call("touch", many)
            grown[name] = sides[name].call("memory") - before
        spent: dict[str, list[float]] = {"few": [], "many": []}
        for repeat in range(setting.repeats):
            setting.say(f"all in use ({repeat + 1} of {setting.repeats})")
            for name, number in (("few", few), ("many", many)):
                spent[name].append(sides[name].call("count", (0, number), events))
    ours, theirs = (f"{many:,}", spent["many"]), (f"{few:,}", spent["few"])
    each = (grown["many"] - grown["few"]) / (many - few)
    row.figures = [
        ratio("an event, all in use", f"x {few:,}", ours, theirs, Goal(at_most=2)),
        Figure(
            "memory of a customer in use", each, "bytes", Goal(at_most=400),
            {"many, MB": [grown["many"] / 1e6], "few, MB": [grown["few"] / 1e6]},
        ),
        Figure(f"an event, {few:,} customers", median(spent["few"]), "µs of CPU"),
        Figure("the first event of a customer", first["many"], "µs of CPU"),
    ]  # fmt: skip
    row.notes.append("what is written to the store beside the events is part of their CPU time")
    return row


def _open(setting: Setting, stack: ExitStack) -> Remote:
    folder = setting.fresh_folder()
    shutil.copytree(setting.prepared.data, folder / "data")
    return stack.enter_context(driving(folder / "data", setting.events().seed))
