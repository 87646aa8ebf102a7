"""Reads and plays stories: plain text about usage and alerts, run against a whole engine.

A line is a moment (UTC), a sentence, and after an arrow what must come of it; no arrow means
nothing. `SENTENCES` lists what can be said. What is wrong is told with the story's file and line.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from support.clock import DAY_MS, SettableClock
from support.engine import Engine
from tripmeter.model.alert import Alert, Firing
from tripmeter.model.errors import Refusal
from tripmeter.model.meter import Meter
from tripmeter.model.quantity import format_quantity
from tripmeter.model.usage import UsageRefused, UsageReport
from tripmeter.pipeline.audit import audit
from tripmeter.wire.errors import render
from tripmeter.wire.events import ALERT_TRIGGERED

_MOMENT: Final = r"\d{4}-\d\d-\d\d(?: +\d\d:\d\d)?"
_LINE: Final = re.compile(rf"(?P<moment>{_MOMENT})\s+(?P<sentence>.+?)(?:\s+->\s+(?P<then>.+))?")

FORMULAS: Final = {"sums": "sum", "counts": "count", "keeps the last": "last"}


class Line(NamedTuple):
    """One line that says something; `where` is its file and number."""

    where: str
    now_ms: int
    sentence: str
    then: str


class StoryFailed(AssertionError):
    """What came was not what the story says, or the story cannot be read."""


def read_story(path: Path) -> list[Line]:
    """The lines of a story, in order. Blank lines and those that begin with # say nothing."""
    lines: list[Line] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip() or text.startswith("#"):
            continue
        where = f"{path.name}:{number}"
        found = _LINE.fullmatch(text.strip())
        if found is None:
            raise StoryFailed(f"{where}: begin with a date, as in '2026-03-01 10:00  ...'")
        line = Line(
            where, moment_ms(found["moment"]), found["sentence"], found["then"] or "nothing"
        )
        if lines and line.now_ms < lines[-1].now_ms:
            raise StoryFailed(f"{where}: time runs backwards")
        lines.append(line)
    return lines


def moment_ms(text: str) -> int:
    """`2026-03-01 10:00` or `2026-03-01`, UTC, in milliseconds since the epoch."""
    form = "%Y-%m-%d %H:%M" if ":" in text else "%Y-%m-%d"
    moment = datetime.strptime(" ".join(text.split()), form).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000


def play(path: Path) -> None:
    """Run a story; at its end the usage log must confirm all that is stored (C8)."""
    lines = read_story(path)
    with Engine(SettableClock(lines[0].now_ms)) as engine:
        player = Player(engine)
        for line in lines:
            came = player.act(line)
            if came != line.then:
                raise StoryFailed(f"{line.where}: expected {line.then}, but {came}")
        engine.restart()
        differences = engine.query(lambda _, session, __: audit(session)).differences
        if differences:
            raise StoryFailed(f"{path.name}: the log says otherwise: {differences}")


class Player:
    """Acts line by line and tells what came of each, in the words of stories."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._meters: dict[str, Meter] = {}
        self._alerts: dict[str, Alert] = {}
        self._customers: set[str] = set()

    def act(self, line: Line) -> str:
        """Carry out a sentence; what came of it, as it would stand after the arrow."""
        self._engine.clock.set(line.now_ms)
        before = len(self._engine.firings())
        try:
            said = self._say(line)
        except Refusal as refusal:
            said = self._refused(render(refusal, version=1)[1]["error"]["message"])
        except KeyError as unknown:
            raise StoryFailed(f"{line.where}: nothing is called {unknown}") from unknown
        fired = [self._told(firing) for firing in self._engine.firings()[before:]]
        return _as_written(said or " and ".join(fired) or "nothing", line.then)

    def _say(self, line: Line) -> str | None:
        for pattern, does in SENTENCES.items():
            found = re.fullmatch(pattern, line.sentence)
            if found is not None:
                return does(self, **found.groupdict())
        raise StoryFailed(f"{line.where}: no sentence that stories know: {line.sentence}")

    def _told(self, firing: Firing) -> str:
        """A firing in words; it must have exactly one Stripe event, which says the same."""
        title = next(t for t, alert in self._alerts.items() if alert.id == firing.alert)
        events = [e for e in self._engine.events() if e.id == firing.event]
        assert [e.type for e in events] == [ALERT_TRIGGERED]
        told = (events[0].data or {})["customer"]
        value = format_quantity(firing.value)
        return f'alert "{title}" fires for {told} with {value}'

    def _refused(self, message: str) -> str:
        """A refusal in words, with names in place of ids."""
        names = {meter.id: name for name, meter in self._meters.items()}
        names |= {alert.id: title for title, alert in self._alerts.items()}
        for id, name in names.items():
            message = message.replace(id, name)
        return f'refused: "{message}"'

    # what can be said

    def meter(self, name: str, verb: str, key: str, window: str | None) -> None:
        params = {"event_time_window": window, "value_settings": {"event_payload_key": key}}
        self._meters[name] = self._engine.create_meter(name, FORMULAS[verb], **params)

    def alert(self, title: str, customer: str, gte: str, meter: str, lifetime: str | None) -> None:
        count_from = "lifetime" if lifetime else "creation"
        whose = None if customer == "anyone" else self._customer(customer)
        alert = self._engine.create_alert(self._meters[meter], int(gte), whose, count_from)
        self._alerts[title] = alert

    def uses(
        self, customer: str, value: str, meter: str, at: str | None, name: str | None
    ) -> str | None:
        of = self._meters[meter]
        payload = {of.customer_key: self._customer(customer), of.value_key: value}
        report = UsageReport(meter, payload, name, moment_ms(at) if at else None)
        outcome = self._engine.report([report])[0]
        return self._refused(outcome.message) if isinstance(outcome, UsageRefused) else None

    def cancel(self, meter: str, name: str) -> None:
        self._engine.cancel(meter, name)

    def change_alert(self, verb: str, title: str) -> None:
        {
            "activate": self._engine.activate,
            "deactivate": self._engine.deactivate,
            "archive": self._engine.archive,
        }[verb](self._alerts[title])

    def change_meter(self, verb: str, name: str) -> None:
        stop, start = self._engine.deactivate_meter, self._engine.reactivate_meter
        (stop if verb == "deactivate" else start)(self._meters[name])

    def total(self, customer: str, meter: str, day: str | None) -> str:
        id = self._meters[meter].id
        if day is None:
            return format_quantity(self._engine.total(id, customer))
        start = moment_ms(day)
        return format_quantity(self._engine.summaries(id, customer, [(start, start + DAY_MS)])[0])

    def missing(self, title: str, customer: str) -> str:
        explanation = self._engine.explain(self._alerts[title].id, customer)
        remaining = explanation.remaining
        return explanation.reason.value if remaining is None else format_quantity(remaining)

    def restart(self) -> None:
        self._engine.restart()

    def crash(self) -> None:
        self._engine.crash()

    def _customer(self, id: str) -> str:
        if id not in self._customers:
            self._customers.add(id)
            self._engine.create_customer(id)
        return id


_NAME: Final = r"[a-z_]+"
_NUMBER: Final = r"-?[0-9.]+"

SENTENCES: Final[dict[str, Callable[..., str | None]]] = {
    rf"meter (?P<name>{_NAME}) (?P<verb>{'|'.join(FORMULAS)}) (?P<key>{_NAME})"
    r"(?:, the last of each (?P<window>hour|day))?": Player.meter,
    rf'alert "(?P<title>.+)" when (?P<customer>{_NAME}) uses (?P<gte>\d+) (?P<meter>{_NAME})'
    r"(?P<lifetime> in all its life)?": Player.alert,
    rf"(?P<customer>{_NAME}) uses (?P<value>{_NUMBER}) (?P<meter>{_NAME})"
    rf'(?:, at (?P<at>{_MOMENT}))?(?: as "(?P<name>.+)")?': Player.uses,
    rf'cancel the (?P<meter>{_NAME}) of "(?P<name>.+)"': Player.cancel,
    r'(?P<verb>activate|deactivate|archive) alert "(?P<title>.+)"': Player.change_alert,
    rf"(?P<verb>deactivate|reactivate) meter (?P<name>{_NAME})": Player.change_meter,
    rf"how many (?P<meter>{_NAME}) has (?P<customer>{_NAME}) used"
    rf"(?: on (?P<day>{_MOMENT}))?\?": Player.total,
    rf'how far is "(?P<title>.+)" for (?P<customer>{_NAME})\?': Player.missing,
    "the engine restarts": Player.restart,
    "the power fails": Player.crash,
}
"""What stories can say, and what is done for it."""


def _as_written(came: str, then: str) -> str:
    """Drop what the story chose not to say of firings: for whom, and with which value."""
    if " with " not in then:
        came = re.sub(rf" with {_NUMBER}", "", came)
    if " fires for " not in then:
        came = re.sub(rf" fires for {_NAME}", " fires", came)
    return came
