"""Runs `tripmeter import` as a person does, and asks the server what it amounts to."""

import signal
import subprocess
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from support.server import Server, command, environment

DAY_S = 86_400
_answers = msgspec.json.Decoder(float_hook=Decimal)


class Importer:
    """The command, with a home of its own for its states."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server = server
        self.home = home

    def command(self, file: Path, *arguments: str) -> list[str]:
        """What is run."""
        where = [] if "--url" in arguments else ["--url", self.server.url]
        return command("import", str(file), *where, *arguments)

    @property
    def environment(self) -> dict[str, str]:
        """The process environment."""
        return environment({"XDG_STATE_HOME": str(self.home), "COLUMNS": "200"})

    def run(self, file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command(file, *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def start(self, file: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Run it in the background; Ctrl-C reaches it, whatever these tests were started by."""
        ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                self.command(file, *arguments),
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        finally:
            signal.signal(signal.SIGINT, ignored)

    def states(self) -> list[dict[str, Any]]:
        """The states of all imports so far."""
        paths = sorted((self.home / "tripmeter" / "imports").glob("*.json"))
        return [msgspec.json.decode(path.read_bytes()) for path in paths]

    def ask(self, method: str, path: str, fields: Sequence[tuple[str, str]] = ()) -> Any:
        """An API call with form fields, or with a query for GET; numbers come exactly."""
        with self.server.client() as client:
            if method == "GET":
                answer = client.get(path, params=list(fields))
            else:
                answer = client.post(path, data=dict(fields))
        assert answer.is_success, answer.text
        return _answers.decode(answer.content)

    def create_meter(self, event_name: str = "tokens", formula: str = "sum") -> str:
        """A meter; its id."""
        fields = [("event_name", event_name), ("display_name", event_name)]
        fields.append(("default_aggregation[formula]", formula))
        return str(self.ask("POST", "/v1/billing/meters", fields)["id"])

    def total(self, meter: str, customer: str, now_s: int) -> Decimal:
        """All that a customer used in the last 34 days and the next."""
        minute = now_s // 60 * 60
        fields = [("customer", customer), ("start_time", str(minute - 34 * DAY_S))]
        fields.append(("end_time", str(minute + DAY_S)))
        (summary,) = self.ask("GET", f"/v1/billing/meters/{meter}/event_summaries", fields)["data"]
        return Decimal(summary["aggregated_value"])
