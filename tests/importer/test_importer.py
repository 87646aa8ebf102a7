"""The import command against a real server: every row once, whatever happens on the way."""

import csv
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.importing import Importer
from support.server import Server, running_server

NOW_S = int(datetime.now(UTC).timestamp())
CSV_COLUMNS = ("--meter", "tokens", "--customer", "customer", "--timestamp", "at")
TOKENS = ("--value", "tokens")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it alive; each has a meter of its own."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def importer(server: Server, tmp_path: Path) -> Importer:
    """The command with a fresh home."""
    return Importer(server, tmp_path / "state")


def write_csv(path: Path, header: str, *rows: str) -> Path:
    """A CSV file."""
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rfc3339(seconds_ago: int) -> str:
    """A moment in the past."""
    return datetime.fromtimestamp(NOW_S - seconds_ago, UTC).isoformat()


def figures(output: str) -> dict[str, int]:
    """What the summary says: counted, repeated, refused."""
    words = [line.split() for line in output.splitlines()]
    names = ("counted", "repeated", "refused")
    return {w[0]: int(w[1].replace(",", "")) for w in words if w and w[0] in names}


def summary(counted: int, repeated: int = 0, refused: int = 0) -> dict[str, int]:
    """What the summary should say."""
    return {"counted": counted, "repeated": repeated, "refused": refused}


# --- small files -------------------------------------------------------------------------------


def test_csv_with_every_form_of_timestamp(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("csv_tokens")
    plain = datetime.fromtimestamp(NOW_S - 50, UTC).strftime("%Y-%m-%d %H:%M:%S.1234567")
    file = write_csv(
        tmp_path / "usage.csv",
        "at,customer,in,out,region",
        f"{rfc3339(60)},ann,1.5,2,eu",
        f"{plain},ann,0.000000000000001,0,eu",
        f"{NOW_S - 40},bob,10,-3,us",
        f"{(NOW_S - 30) * 1000},bob,1,1,",
        "",
        f'{rfc3339(20)},"carol",7,0,"u,s"',
    )
    columns = ("--meter", "csv_tokens", "--customer", "customer", "--timestamp", "at")
    done = importer.run(file, *columns, "--value", "in+out", "--dimension", "region")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert figures(done.stdout) == summary(counted=5)
    assert importer.total(meter, "ann", NOW_S) == Decimal("3.500000000000001")
    assert importer.total(meter, "bob", NOW_S) == 9
    assert importer.total(meter, "carol", NOW_S) == 7


def test_ndjson_with_dotted_paths_and_exact_numbers(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("json_tokens")
    rows = [
        f'{{"at": {NOW_S - 60}.5, "who": {{"id": 41}}, "usage": {{"n": 0.1}}}}',
        f'{{"at": {NOW_S - 50}, "who": {{"id": "41"}}, "usage": {{"n": 123456789012.123}}}}',
        "",
        f'{{"at": "{rfc3339(10)}", "who.id": "41", "usage": {{"n": "2"}}, "more": [1]}}',
    ]
    file = tmp_path / "usage.ndjson"
    file.write_text("\n".join(rows))
    columns = ("--customer", "who.id", "--value", "usage.n", "--timestamp", "at")
    done = importer.run(file, "--meter", "json_tokens", *columns)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert figures(done.stdout) == summary(counted=3)
    assert importer.total(meter, "41", NOW_S) == Decimal("123456789014.223")


def test_a_meter_that_counts_needs_no_value(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("calls", "count")
    file = write_csv(tmp_path / "my calls.csv", "at", *[rfc3339(n) for n in range(7)])
    columns = ("--meter", "calls", "--timestamp", "at", "--customer", "row%3")
    done = importer.run(file, *columns)
    assert figures(done.stdout) == summary(counted=7)
    totals = [importer.total(meter, f"my_calls_{hand}", NOW_S) for hand in range(3)]
    assert totals == [3, 2, 2]
    refused = importer.run(file, *columns, "--value", "at")
    assert refused.returncode == 1
    assert "leave --value out" in refused.stderr


def test_a_second_run_counts_nothing(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("twice")
    file = write_csv(
        tmp_path / "twice.csv", "at,customer,tokens", *[f"{rfc3339(n)},ann,2" for n in range(9)]
    )
    command = ("--meter", "twice", *CSV_COLUMNS[2:], *TOKENS)
    assert figures(importer.run(file, *command).stdout) == summary(counted=9)

    again = importer.run(file, *command)
    assert "Nothing was sent" in again.stdout
    assert again.returncode == 0

    restarted = importer.run(file, *command, "--restart", "--batch", "4")
    assert figures(restarted.stdout) == summary(counted=0, repeated=9)

    elsewhere = Importer(importer.server, tmp_path / "another home")
    assert figures(elsewhere.run(file, *command).stdout) == summary(counted=0, repeated=9)
    assert importer.total(meter, "ann", NOW_S) == 18


def test_single_row_again_with_another_shift(importer: Importer, tmp_path: Path) -> None:
    """The same identifier with another time is a repeated row, never an error."""
    importer.create_meter("single")
    file = write_csv(tmp_path / "single.csv", "at,customer,tokens", "2020-01-01 00:00:00,ann,2")
    command = ("--meter", "single", *CSV_COLUMNS[2:], *TOKENS, "--rebase", "now")
    assert figures(importer.run(file, *command).stdout) == summary(counted=1)
    again = importer.run(file, *command, "--restart")
    assert figures(again.stdout) == summary(counted=0, repeated=1)


def test_rebase_keeps_the_distances(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("rebased")
    file = write_csv(
        tmp_path / "old.csv",
        "at,customer,tokens",
        "2023-11-16 18:00:00.250,ann,1",
        "2023-11-16 19:59:00.250,ann,10",
        "2023-11-16 20:00:00.250,ann,100",
    )
    command = ("--meter", "rebased", *CSV_COLUMNS[2:], *TOKENS)
    begun_s = int(time.time())
    done = importer.run(file, *command, "--rebase", "now")
    assert figures(done.stdout) == summary(counted=3)
    (state,) = importer.states()
    newest_ms = 1_700_164_800_250 + state["shift_ms"]
    assert begun_s * 1000 - 1000 <= newest_ms <= time.time() * 1000
    for minutes_ago, value in ((0, 100), (1, 10), (120, 1)):
        minute = newest_ms // 60_000 * 60 - minutes_ago * 60
        span = [("customer", "ann"), ("start_time", f"{minute}"), ("end_time", f"{minute + 60}")]
        path = f"/v1/billing/meters/{meter}/event_summaries"
        (window,) = importer.ask("GET", path, span)["data"]
        assert window["aggregated_value"] == value


# --- what is wrong -----------------------------------------------------------------------------


def test_bad_rows_do_not_stop_the_rest(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("flawed")
    file = tmp_path / "flawed.csv"
    rows = [
        b"at,customer,tokens",
        f"{rfc3339(1)},ann,1".encode(),
        f"{rfc3339(1)},ann,many".encode(),
        f"{rfc3339(1)},ann".encode(),
        f"{rfc3339(1)},,4".encode(),
        b"yesterday,ann,5",
        b"2020-02-30 00:00:00,ann,6",
        b"2020-01-01 00:00:00,ann,7",
        f'{rfc3339(1)},"ann",\n8'.encode(),
        rfc3339(1).encode() + b",\xff\xfe,9",
        f"{rfc3339(1)},ann,1234567890123456".encode(),
        f"{rfc3339(1)},ann,20".encode(),
    ]
    file.write_bytes(b"\n".join(rows))
    refused = tmp_path / "refused.ndjson"
    command = ("--meter", "flawed", *CSV_COLUMNS[2:], *TOKENS, "--batch", "3")
    done = importer.run(file, *command, "--refused", str(refused))
    assert done.returncode == 3
    assert figures(done.stdout) == summary(counted=2, refused=10)
    assert "line 3: tokens must be a number such as 25, -3 or 0.5, not 'many'." in done.stdout
    found = [json.loads(line) for line in refused.read_text().splitlines()]
    assert [entry["line"] for entry in found] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert found[5]["code"] == "timestamp_too_far_in_past"
    assert found[0]["record"]["tokens"] == "many"
    assert importer.total(meter, "ann", NOW_S) == 21


def test_refused_rows_can_be_imported_after_a_repair(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("repaired")
    file = write_csv(
        tmp_path / "broken.csv", "at,customer,tokens", f"{rfc3339(1)},ann,1", f"{rfc3339(1)},ann,x"
    )
    refused = tmp_path / "refused.ndjson"
    command = ("--meter", "repaired", *CSV_COLUMNS[2:], *TOKENS)
    importer.run(file, *command, "--refused", str(refused))
    refused.write_text(refused.read_text().replace('"x"', '"5"'))
    columns = ("--customer", "record.customer", "--timestamp", "record.at")
    done = importer.run(refused, "--meter", "repaired", *columns, "--value", "record.tokens")
    assert figures(done.stdout) == summary(counted=1)
    assert importer.total(meter, "ann", NOW_S) == 6


def test_unknown_customers_are_not_always_made(importer: Importer, tmp_path: Path) -> None:
    importer.create_meter("strict")
    file = write_csv(tmp_path / "strict.csv", "at,customer,tokens", f"{rfc3339(1)},nobody,1")
    command = ("--meter", "strict", *CSV_COLUMNS[2:], *TOKENS)
    done = importer.run(file, *command, "--no-create-customers")
    assert done.returncode == 3
    assert "line 2: No such customer: 'nobody'." in done.stdout


def test_ids_that_no_customer_can_have(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("odd_ids")
    rows = [f"{rfc3339(1)},{id_},1" for id_ in ("ann", "a/n/n", "bob", "a/n/n")]
    file = write_csv(tmp_path / "odd.csv", "at,customer,tokens", *rows)
    done = importer.run(file, "--meter", "odd_ids", *CSV_COLUMNS[2:], *TOKENS)
    assert figures(done.stdout) == summary(counted=2, refused=2)
    assert "line 3: The customer 'a/n/n' cannot be created. An id can have" in done.stdout
    assert importer.total(meter, "bob", NOW_S) == 1


def test_broken_json_is_told_with_its_line(importer: Importer, tmp_path: Path) -> None:
    importer.create_meter("lines")
    file = tmp_path / "lines.ndjson"
    good = json.dumps({"at": NOW_S, "customer": "ann", "tokens": 1})
    file.write_text(f'{good}\n\n{{"at": \n[1]\n{good}\n{json.dumps({"at": NOW_S})}\n')
    command = (
        "--meter",
        "lines",
        *CSV_COLUMNS[2:],
        *TOKENS,
        "--refused",
        f"{tmp_path / 'r.ndjson'}",
    )
    done = importer.run(file, *command)
    assert figures(done.stdout) == summary(counted=2, refused=3)
    found = [json.loads(line) for line in (tmp_path / "r.ndjson").read_text().splitlines()]
    assert [entry["line"] for entry in found] == [3, 4, 6]
    assert "not a JSON object" in found[1]["message"]


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"--customer": "custmer"}, "no column 'custmer'. Did you mean 'customer'?"),
    ({"--timestamp": "when"}, "It has: at, customer, tokens."),
    ({"--value": "tokens+more"}, "no column 'more'"),
    ({"--meter": "missing"}, 'billing.meters.create({"event_name": "missing"'),
    ({"--meter": "missing"}, "Active meters: "),
    ({"--url": "http://127.0.0.1:9"}, "tripmeter serve"),
    ({"--api-key": "sk_test_wrong_key_of_mine"}, "Invalid API Key provided: sk_test_****mine"),
    ({"--dimension": "tokens=value"}, "no column 'value'"),
]


@pytest.mark.parametrize(("change", "said"), MISTAKES)
def test_mistakes_are_explained(
    change: dict[str, str], said: str, importer: Importer, tmp_path: Path
) -> None:
    meters = importer.ask("GET", "/v1/billing/meters", [("limit", "100")])["data"]
    if not any(meter["event_name"] == "mistaken" for meter in meters):
        importer.create_meter("mistaken")
    file = write_csv(tmp_path / "usage.csv", "at,customer,tokens", f"{rfc3339(1)},ann,1")
    columns = {"--meter": "mistaken", "--customer": "customer", "--timestamp": "at"}
    options = {**columns, "--value": "tokens", **change}
    done = importer.run(file, *[word for option in options.items() for word in option])
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert importer.states() == []


def test_other_endings_and_missing_files(importer: Importer, tmp_path: Path) -> None:
    command = ("--meter", "tokens", *CSV_COLUMNS[2:])
    assert "must end in" in importer.run(tmp_path / "usage.xlsx", *command).stderr
    assert "No such file" in importer.run(tmp_path / "usage.csv", *command).stderr


# --- interruptions -----------------------------------------------------------------------------

ROWS, CUSTOMERS, BATCH = 12_000, 7, 60


def long_file(path: Path) -> tuple[Path, Counter[str]]:
    """A file that takes a while in small batches, and its exact totals."""
    totals: Counter[str] = Counter()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "customer", "tokens"])
        for row in range(ROWS):
            customer, tokens = f"customer_{row * row % CUSTOMERS}", row % 997
            totals[customer] += tokens
            writer.writerow([rfc3339(ROWS - row), customer, tokens])
    return path, totals


def wait_for_rows(importer: Importer, rows: int) -> dict[str, Any]:
    """The state once so many rows are acknowledged, in the middle of the import."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = importer.states()
        if states and states[0]["rows"] >= rows:
            assert states[0]["rows"] < ROWS, "too late: the import has ended"
            return states[0]
        time.sleep(0.002)
    raise AssertionError("the import does not come forward")


def test_a_killed_import_goes_on(importer: Importer, tmp_path: Path) -> None:
    meter = importer.create_meter("interrupted")
    file, totals = long_file(tmp_path / "long.csv")
    command = ("--meter", "interrupted", *CSV_COLUMNS[2:], *TOKENS)
    for rows in (BATCH * 10, ROWS // 2):
        process = importer.start(file, *command, "--batch", f"{BATCH}")
        wait_for_rows(importer, rows)
        process.kill()
        process.communicate()
    done = importer.run(file, *command, "--batch", "1000")
    assert "Going on after row" in done.stdout
    said = figures(done.stdout)
    assert said["counted"] + said["repeated"] == ROWS
    assert said["repeated"] <= 2 * BATCH
    assert {c: importer.total(meter, c, NOW_S) for c in totals} == totals


def test_another_rebase_in_the_middle_is_refused(importer: Importer, tmp_path: Path) -> None:
    importer.create_meter("undecided")
    file, _ = long_file(tmp_path / "long.csv")
    command = ("--meter", "undecided", *CSV_COLUMNS[2:], *TOKENS, "--batch", f"{BATCH}")
    process = importer.start(file, *command)
    wait_for_rows(importer, BATCH)
    process.kill()
    process.communicate()
    done = importer.run(file, *command, "--rebase", "now")
    assert done.returncode == 1
    assert "begun without --rebase now" in done.stderr


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        importer = Importer(server, tmp_path / "state")
        meter = importer.create_meter("tokens")
        file, totals = long_file(tmp_path / "long.csv")
        process = importer.start(file, *CSV_COLUMNS, *TOKENS, "--batch", f"{BATCH}")
        for rows in (BATCH * 10, ROWS // 3, ROWS * 2 // 3):
            wait_for_rows(importer, rows)
            server.kill()
            time.sleep(0.5)
            server.restart()
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
        (state,) = importer.states()
        assert state["counted"] + state["repeated"] == ROWS
        assert {c: importer.total(meter, c, NOW_S) for c in totals} == totals


def test_ctrl_c_tells_how_to_go_on(importer: Importer, tmp_path: Path) -> None:
    importer.create_meter("stopped")
    file, _ = long_file(tmp_path / "long.csv")
    command = ("--meter", "stopped", *CSV_COLUMNS[2:], *TOKENS, "--batch", f"{BATCH // 10}")
    process = importer.start(file, *command)
    wait_for_rows(importer, BATCH)
    process.send_signal(2)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"the same command goes on after them" in errors
