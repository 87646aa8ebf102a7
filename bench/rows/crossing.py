"""Row 5: from the event that crosses to its webhook, under half of the load the engine can take."""

import time
from typing import Any, Final

import msgspec

from bodies import FORM, V1, Crossing, customer_id
from figures import Figure, Goal, Row
from load import Load, open_loop, percentile
from receiver import Arrival, Receiver, receiving
from setting import Engine, Setting

CONNECTIONS: Final = 128
EVERY: Final = 200
"""One request in so many crosses: an alert fires once for a customer, so few ever do."""


def crossing(setting: Setting) -> Row:
    """Open loop: latency counts from the moment at which the request was due."""
    rate = setting.v1_maximum() / 2
    title = f"an event that crosses -> its signed webhook, beside {rate:,.0f} events/s, open loop"
    row = Row("crossing", title)
    runs = []
    for repeat in range(setting.repeats):
        setting.say(f"{repeat + 1} of {setting.repeats}")
        runs.append(_run(setting, rate, row))
    together: dict[float, list[float]] = {
        share: [percentile(run, share) * 1000 for run in runs] for share in (0.5, 0.99)
    }
    every = [latency for run in runs for latency in run]
    for share, goal in ((0.5, 5), (0.99, 50)):
        name = f"p{share * 100:g}, crossing to webhook"
        value = percentile(every, share) * 1000
        runs_ms = {"tripmeter": together[share]}
        row.figures.append(Figure(name, value, "ms", Goal(at_most=goal), runs_ms))
    row.notes.append(
        f"{len(every):,} webhooks, every one of them once, on its customer and rightly signed; "
        "up to 1 ms of each latency is the load generator's own timer"
    )
    return row


def _run(setting: Setting, rate: float, row: Row) -> list[float]:
    with setting.engine() as engine, receiving(setting.fresh_folder()) as receiver:
        secret = listen(engine, receiver)
        engine.create_alert(engine.create_meter("cross"), 1)
        source = Crossing(engine.door(V1, FORM), setting.events(), EVERY)
        port, seconds = engine.server.port, setting.seconds
        load = setting.apart(open_loop, port, CONNECTIONS, seconds, rate, source)
        due = crossings_due(load, rate, EVERY)[: setting.customers]
        _wait(engine)
        arrivals = receiver.end()
    if load.good != load.statuses.total() or load.unsent:
        row.notes.append(f"answers {dict(load.statuses)}, {load.unsent} never sent")
    row.notes.append(
        f"a request beside them: p50 {load.percentile(0.5):.3g} ms, p99 "
        f"{load.percentile(0.99):.3g} ms; the load generator took "
        f"{100 * load.cpu_s / setting.seconds:.0f} % of a core"
    )
    return latencies(due, arrivals, secret)


def listen(engine: Engine, receiver: Receiver) -> str:
    """Have alerts sent to the receiver; the secret that they are signed with."""
    params = {"url": receiver.url, "enabled_events[0]": "billing.alert.triggered"}
    return str(engine.post("/v1/webhook_endpoints", **params)["secret"])


def crossings_due(load: Load, rate: float, every: int) -> list[float]:
    """When each request that crosses was due: they are sent in the order of the schedule."""
    sent = load.statuses.total()
    return [load.began + at / rate for at in range(0, sent, every)]


def latencies(due: list[float], arrivals: list[Arrival], secret: str) -> list[float]:
    """Seconds from due to arrived, one for each crossing; each webhook must be right."""
    came: dict[str, float] = {}
    for arrival in arrivals:
        if not arrival.is_signed_with(secret):
            raise RuntimeError("a webhook is not signed rightly")
        event: Any = msgspec.json.decode(arrival.body)
        customer = event["data"]["object"]["customer"]
        if customer in came:
            raise RuntimeError(f"two webhooks for {customer}")
        came[customer] = arrival.at
    expected = [customer_id(number) for number in range(len(due))]
    if missing := set(expected) - set(came):
        raise RuntimeError(f"{len(missing)} webhooks of {len(due)} did not come: {missing}")
    return [came[each] - since for each, since in zip(expected, due, strict=True)]


def _wait(engine: Engine) -> None:
    """Until nothing is left to deliver."""
    deadline = time.monotonic() + 20
    while engine.metric("tripmeter_outbox_depth") and time.monotonic() < deadline:
        time.sleep(0.05)
