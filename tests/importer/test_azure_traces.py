"""Real usage, imported whole: every total, and the very row on which each alert has to fire.

The data are the Azure LLM inference traces 2023: one row for each request to two language model
services of Microsoft Azure, on 16 November 2023. Source: Microsoft, AzurePublicDataset,
https://github.com/Azure/AzurePublicDataset (AzureLLMInferenceDataset2023), licence CC-BY 4.0.
They are not part of this repository; the tests skip where they are absent.
"""

import csv
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from support.importing import Importer
from support.server import running_server

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ROWS = {"azure_llm_trace_code": 8_819, "azure_llm_trace_conv": 19_366}
CUSTOMERS = 20
ONE = ("azure_llm_trace_code_7", 250_000)
"""The customer with an alert of its own, and its threshold."""
FOR_ALL = (1, 10_000, 500_000, 900_000, 1_000_000, 1_320_000, 100_000_000)
"""Thresholds for all customers: some reached by all, some by a few, the last by nobody."""

pytestmark = pytest.mark.skipif(
    not all((DATA / f"{name}.csv").exists() for name in ROWS),
    reason="the Azure LLM inference traces are not there: ../shared/data/azure_llm_trace_*.csv",
)


class Crossing(NamedTuple):
    """Where a threshold is reached: on which row of the file, and with which total."""

    row: int
    total: int


class Trace:
    """A file, understood without the product: who used what and when, row by row."""

    def __init__(self, name: str) -> None:
        self.path = DATA / f"{name}.csv"
        self.usage: dict[str, list[tuple[int, datetime, int]]] = defaultdict(list)
        with self.path.open(newline="") as file:
            for row, cells in enumerate(csv.DictReader(file)):
                tokens = int(cells["ContextTokens"]) + int(cells["GeneratedTokens"])
                at = datetime.fromisoformat(cells["TIMESTAMP"]).replace(tzinfo=UTC)
                self.usage[f"{name}_{row % CUSTOMERS}"].append((row, at, tokens))

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(map(len, self.usage.values()))

    def total(self, customer: str) -> int:
        """All tokens of a customer."""
        return sum(tokens for _, _, tokens in self.usage[customer])

    def crossing(self, customer: str, threshold: int) -> Crossing | None:
        """The row on which a customer's running total reaches a threshold."""
        total = 0
        for row, _, tokens in self.usage[customer]:
            total += tokens
            if total >= threshold:
                return Crossing(row, total)
        return None

    def by_minute(self, customer: str, shift_ms: int) -> dict[int, int]:
        """Tokens per minute of Unix time, after a shift."""
        minutes: dict[int, int] = defaultdict(int)
        for _, at, tokens in self.usage[customer]:
            micros = (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000
            minutes[(round(micros) // 1000 + shift_ms) // 60_000 * 60] += tokens
        return minutes


class Imported(NamedTuple):
    """Both traces, imported into one meter, with the alerts that were there before."""

    importer: Importer
    meter: str
    traces: list[Trace]
    alerts: dict[str, tuple[int, str | None]]
    """Threshold and customer of each alert id."""


def columns(trace: Trace) -> list[str]:
    """The command's arguments for a trace."""
    return [
        *("--meter", "llm_tokens", "--customer", f"row%{CUSTOMERS}"),
        *("--value", "ContextTokens+GeneratedTokens"),
        *("--timestamp", "TIMESTAMP", "--rebase", "now"),
    ]


def create_alert(importer: Importer, meter: str, gte: int, customer: str | None) -> str:
    """A one-time alert; its id."""
    fields = [("alert_type", "usage_threshold"), ("title", f"{gte} tokens")]
    fields.append(("usage_threshold[meter]", meter))
    fields.append(("usage_threshold[gte]", str(gte)))
    fields.append(("usage_threshold[recurrence]", "one_time"))
    if customer is not None:
        fields.append(("usage_threshold[filters][0][type]", "customer"))
        fields.append(("usage_threshold[filters][0][customer]", customer))
    return str(importer.ask("POST", "/v1/billing/alerts", fields)["id"])


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    """Alerts first, then both traces."""
    folder = tmp_path_factory.mktemp("azure")
    with running_server(folder) as server:
        importer = Importer(server, folder / "state")
        meter = importer.create_meter("llm_tokens")
        importer.ask("POST", "/v1/customers", [("id", ONE[0])])
        alerts: dict[str, tuple[int, str | None]] = {
            create_alert(importer, meter, ONE[1], ONE[0]): (ONE[1], ONE[0])
        }
        for gte in FOR_ALL:
            alerts[create_alert(importer, meter, gte, None)] = (gte, None)
        traces = [Trace(name) for name in ROWS]
        for trace in traces:
            done = importer.run(trace.path, *columns(trace), "--batch", "1000")
            assert (done.returncode, done.stderr) == (0, "")
            assert f"counted   {trace.rows:,}" in done.stdout
        yield Imported(importer, meter, traces, alerts)


def test_the_traces_are_those_that_we_know() -> None:
    assert {trace.path.stem: trace.rows for trace in map(Trace, ROWS)} == ROWS


def test_totals_are_exact_to_the_token(imported: Imported) -> None:
    now_s = int(time.time())
    for trace in imported.traces:
        assert len(trace.usage) == CUSTOMERS
        for customer in trace.usage:
            total = imported.importer.total(imported.meter, customer, now_s)
            assert total == trace.total(customer)


def test_minutes_are_exact_after_the_shift(imported: Imported) -> None:
    states = {state["about"]["sha256"]: state for state in imported.importer.states()}
    assert len(states) == len(ROWS)
    for state in states.values():
        trace = next(t for t in imported.traces if t.rows == state["rows"])
        customer = f"{trace.path.stem}_3"
        expected = trace.by_minute(customer, state["shift_ms"])
        for minute in sorted(expected)[::10]:
            path = f"/v1/billing/meters/{imported.meter}/event_summaries"
            span = [("start_time", f"{minute}"), ("end_time", f"{minute + 60}")]
            answer = imported.importer.ask("GET", path, [("customer", customer), *span])
            assert answer["data"][0]["aggregated_value"] == expected[minute]


def test_every_alert_fires_on_its_very_row(imported: Imported) -> None:
    expected, found = {}, {}
    for alert, (threshold, only) in imported.alerts.items():
        for trace in imported.traces:
            for customer in trace.usage:
                crossing = trace.crossing(customer, threshold)
                is_watched = only in (None, customer)
                expected[alert, customer] = [crossing] if crossing and is_watched else []
                found[alert, customer] = notifications(imported, alert, customer)
    assert found == expected
    firings = [crossing for crossings in expected.values() for crossing in crossings]
    assert len(firings) > 3 * len(ROWS) * CUSTOMERS
    assert any(not crossings for crossings in expected.values())


def notifications(imported: Imported, alert: str, customer: str) -> list[Crossing]:
    """What the server says of an alert: the row that fired it, and the total it saw."""
    path = f"/v1/billing/alerts/{alert}/notifications"
    answer = imported.importer.ask("GET", path, [("customer", customer)])
    assert not answer["has_more"]
    return [
        Crossing(int(entry["meter_event_identifier"].rpartition("_")[2]), int(entry["value"]))
        for entry in answer["data"]
    ]


def test_a_second_import_counts_nothing(imported: Imported) -> None:
    now_s = int(time.time())
    for trace in imported.traces:
        again = imported.importer.run(trace.path, *columns(trace))
        assert "Nothing was sent" in again.stdout
        restarted = imported.importer.run(trace.path, *columns(trace), "--restart")
        figures = [line.split()[:2] for line in restarted.stdout.splitlines()[-3:]]
        assert figures == [["counted", "0"], ["repeated", f"{trace.rows:,}"], ["refused", "0"]]
        for customer in trace.usage:
            total = imported.importer.total(imported.meter, customer, now_s + 60)
            assert total == trace.total(customer)
    test_every_alert_fires_on_its_very_row(imported)
