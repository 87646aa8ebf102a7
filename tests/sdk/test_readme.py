"""The README's example, word for word, against the demo that `make run` serves."""

import re
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from support.server import PATIENCE_S, Server, running_server
from tripmeter.demo import DEMO_KEY

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:4010"


def example() -> str:
    """The Python block of the README."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


def wait_for_demo(server: Server) -> None:
    """The demo sets its account up once the server answers."""
    until = time.monotonic() + PATIENCE_S
    with httpx2.Client(base_url=server.url, auth=(DEMO_KEY, "")) as client:
        while client.get("/v1/customers/cus_demo_acme").status_code != 200:
            assert time.monotonic() < until, server.log
            time.sleep(0.05)


def test_the_example_fires_the_alert_on_the_event_that_reaches_the_line(tmp_path: Path) -> None:
    with running_server(tmp_path, arguments=["--demo"]) as server:
        wait_for_demo(server)
        code = example().replace(ADDRESS, server.url)
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
    assert (ended.stdout, ended.stderr) == ("100 pages 100\n", "")


def test_the_example_has_about_ten_lines() -> None:
    statements = [line for line in example().splitlines() if line.strip()]
    assert len(statements) <= 13


@pytest.mark.parametrize("claim", ["make run", "make test", "not affiliated", "```mermaid"])
def test_the_readme_has_what_a_newcomer_needs(claim: str) -> None:
    text = README.read_text("utf-8")
    assert claim in text
    assert len(text.splitlines()) <= 120
