"""Does everything twice: to the oracle at once, and to the engine by the `Step` that each gives.

A step holds the change as a job for the engine, the words that it must answer, and what it was in
words for a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.definitions import Alert, Answer, Endpoint, Meter, Notice, Report
from support.oracle import Oracle, Ordinals
from tripmeter.control.alerts import activate_alert, archive_alert, create_alert, deactivate_alert
from tripmeter.control.customers import create_customer, delete_customer
from tripmeter.control.endpoints import (
    create_event_destination,
    create_webhook_endpoint,
    delete_endpoint,
    enable_event_destination,
    update_webhook_endpoint,
)
from tripmeter.control.meters import create_meter, deactivate_meter, reactivate_meter
from tripmeter.model.event import EndpointKind, Event
from tripmeter.model.scope import Caller, Scope
from tripmeter.model.usage import UsageRefused, UsageReport, as_reports
from tripmeter.pipeline.jobs import CancelJob, CommandJob, Counted, Job, Outcomes, UsageJob

URL = "https://example.com/hook"


def ignore(_: Any) -> None:
    """Nothing is to be learnt from the answer."""


@dataclass
class Step:
    """One change: in words, for the engine, and what the engine must say to it."""

    text: str
    job: Job
    expected: list[str]
    learn: Callable[[Any], None] = ignore
    """Looks into the engine's answer."""


def words(answer: Any) -> list[str]:
    """The engine's answer in the oracle's words."""
    if isinstance(answer, Exception):
        return [type(answer).__name__]
    if not isinstance(answer, Outcomes):
        return ["done"]
    return [_word(outcome) for outcome in answer]


def _word(outcome: Any) -> str:
    if isinstance(outcome, Counted):
        return "replayed" if outcome.replayed else "counted"
    return outcome.code.value if isinstance(outcome, UsageRefused) else "done"


class World:
    """One account and mode, on both sides. `ids` are the engine's ids of what the oracle names."""

    def __init__(self, scope: Scope, ordinals: Ordinals) -> None:
        self.scope = scope
        self.oracle = Oracle(ordinals)
        self.ids: dict[str, str] = {}

    @property
    def names(self) -> dict[str, str]:
        """What the oracle calls the engine's objects."""
        return {id_: key for key, id_ in self.ids.items()}

    def _command(
        self, text: str, expected: str, change: Callable[[Any, Caller], Any], key: str | None = None
    ) -> Step:
        def run(work: Any) -> Any:
            made = change(work, Caller(self.scope))
            if key is not None:
                self.ids[key] = made.id

        return Step(f"{text}  [{self.scope.account}]", CommandJob(run), [expected])

    # meters and customers

    def create_meter(self, meter: Meter) -> Step:
        """Make a meter."""
        params = {
            "display_name": meter.key,
            "event_name": meter.event_name,
            "default_aggregation": {"formula": meter.formula},
            "dimension_payload_keys": list(meter.dimensions) or None,
            "event_time_window": meter.window,
        }
        return self._command(
            f"create meter {meter.key}: {meter.formula} of {meter.event_name}"
            + (f", last of each {meter.window}" if meter.window else "")
            + (f", dimensions {meter.dimensions}" if meter.dimensions else ""),
            self.oracle.create_meter(meter),
            lambda work, caller: create_meter(work, caller, params),
            meter.key,
        )

    def deactivate_meter(self, key: str) -> Step:
        """Stop a meter."""
        return self._command(
            f"deactivate meter {key}",
            self.oracle.deactivate_meter(key),
            lambda work, caller: deactivate_meter(work, caller, self.ids[key]),
        )

    def reactivate_meter(self, key: str) -> Step:
        """Let a meter go on."""
        return self._command(
            f"reactivate meter {key}",
            self.oracle.reactivate_meter(key),
            lambda work, caller: reactivate_meter(work, caller, self.ids[key]),
        )

    def create_customer(self, id: str) -> Step:
        """Make a customer."""
        return self._command(
            f"create customer {id}",
            self.oracle.create_customer(id),
            lambda work, caller: create_customer(work, caller, {"id": id}),
            id,
        )

    def delete_customer(self, id: str) -> Step:
        """Delete a customer."""
        return self._command(
            f"delete customer {id}",
            self.oracle.delete_customer(id),
            lambda work, caller: delete_customer(work, caller, id),
        )

    # alerts

    def create_alert(self, alert: Alert) -> Step:
        """Make an alert."""
        filters = [{"type": "customer", "customer": alert.customer}] if alert.customer else []
        threshold = {"gte": alert.gte, "filters": filters, "count_from": alert.count_from}

        def change(work: Any, caller: Caller) -> Any:
            meter = self.ids[alert.meter.key]
            params = {
                "title": alert.key,
                "alert_type": "usage_threshold",
                "usage_threshold": {"meter": meter, **threshold},
            }
            return create_alert(work, caller, params)

        return self._command(
            f"create alert {alert.key}: {alert.meter.key} of {alert.customer or 'anyone'} reaches "
            f"{alert.gte}, counted from {alert.count_from}",
            self.oracle.create_alert(alert),
            change,
            alert.key,
        )

    def change_alert(self, key: str, verb: str) -> Step:
        """Activate, deactivate or archive an alert."""
        oracle_does, engine_does = {
            "activate": (self.oracle.activate, activate_alert),
            "deactivate": (self.oracle.deactivate, deactivate_alert),
            "archive": (self.oracle.archive, archive_alert),
        }[verb]
        return self._command(
            f"{verb} alert {key}",
            oracle_does(key),
            lambda work, caller: engine_does(work, caller, self.ids[key]),
        )

    # endpoints

    def create_endpoint(self, endpoint: Endpoint) -> Step:
        """Make a webhook endpoint, or an event destination for thin events."""

        def change(work: Any, caller: Caller) -> Any:
            params: dict[str, Any] = {"enabled_events": list(endpoint.types)}
            if not endpoint.thin:
                params["url"] = URL
                return create_webhook_endpoint(work, caller, params, allow_private=False)
            params |= {"name": endpoint.key, "event_payload": "thin"}
            params["webhook_endpoint"] = {"url": URL}
            return create_event_destination(work, caller, params, allow_private=False)

        kind = "thin" if endpoint.thin else "snapshot"
        return self._command(
            f"create endpoint {endpoint.key} for {kind} {', '.join(endpoint.types)}",
            self.oracle.create_endpoint(endpoint),
            change,
            endpoint.key,
        )

    def enable_endpoint(self, key: str, *, enabled: bool) -> Step:
        """Switch an endpoint on or off."""
        thin = self.oracle.endpoints[key].thin

        def change(work: Any, caller: Caller) -> Any:
            if thin:
                return enable_event_destination(work, caller, self.ids[key], enabled=enabled)
            params = {"disabled": not enabled}
            return update_webhook_endpoint(work, caller, self.ids[key], params, allow_private=False)

        expected = self.oracle.enable_endpoint(key, enabled=enabled)
        return self._command(f"{'en' if enabled else 'dis'}able endpoint {key}", expected, change)

    def delete_endpoint(self, key: str) -> Step:
        """Delete an endpoint."""
        thin = self.oracle.endpoints[key].thin
        kind = EndpointKind.EVENT_DESTINATION if thin else EndpointKind.WEBHOOK_ENDPOINT
        return self._command(
            f"delete endpoint {key}",
            self.oracle.delete_endpoint(key),
            lambda work, caller: delete_endpoint(work, caller, self.ids[key], kind),
        )

    def received(self, key: str, events: list[Event]) -> None:
        """An endpoint received events."""
        for event in events:
            self.oracle.delivered(key, self.notice(event))

    def notice(self, event: Event) -> Notice:
        """A Stripe event in the oracle's words."""
        return Notice(event.type, self.names[event.object_id or ""])

    # usage

    def report(self, reports: list[Report], request: str | None, now_ms: int) -> Step:
        """Report usage, as one request."""
        answers = self.oracle.report(reports, request, now_ms)
        given = [
            UsageReport(r.event_name, r.payload, r.identifier, r.timestamp_ms) for r in reports
        ]
        lines = [f"\n      {_told(report, now_ms)}" for report in reports]
        return Step(
            f"report {request or 'without a key'}  [{self.scope.account}]" + "".join(lines),
            UsageJob(self.scope, as_reports(given), request, request or ""),
            [answer.word for answer in answers],
            lambda outcomes: self._learn(answers, outcomes),
        )

    def _learn(self, answers: list[Answer], outcomes: Any) -> None:
        """The event that is answered must be the one meant; the engine names the nameless ones."""
        if isinstance(outcomes, Exception):
            return
        for answer, outcome in zip(answers, outcomes, strict=True):
            if answer.event is None:
                continue
            meant, counted = answer.event, outcome
            if meant.identifier is None:
                known = self.oracle.remembered(outcome.received_ms)
                assert counted.identifier not in known, f"{counted.identifier} is not new"
                meant.identifier = counted.identifier
                if meant.request is not None:
                    self.oracle.derived[meant.request, meant.index] = counted.identifier
            assert counted.identifier == meant.identifier
            assert counted.position == meant.position
            assert counted.timestamp_ms == meant.timestamp_ms
            assert counted.received_ms == meant.received_ms

    def cancel(self, event_name: str, identifier: str, now_ms: int) -> Step:
        """Take an event back."""
        return Step(
            f"cancel {event_name} {identifier}  [{self.scope.account}]",
            CancelJob(self.scope, event_name, identifier),
            [self.oracle.cancel(event_name, identifier, now_ms)],
        )


def _told(report: Report, now_ms: int) -> str:
    when = "now" if report.timestamp_ms is None else f"now{report.timestamp_ms - now_ms:+} ms"
    payload = ", ".join(f"{key}={value!r}" for key, value in report.payload.items())
    return f"{report.event_name} ({payload}) at {when}, identifier {report.identifier}"
