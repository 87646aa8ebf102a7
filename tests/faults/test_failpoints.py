"""Failpoints: where they are, how one is named, and that nothing happens unless one is."""

import ast
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.forking import Fork
from support.server import Server, run
from tripmeter.failpoints import POINTS, FailpointUnknown, arm, reach
from tripmeter.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]


def reached() -> Iterator[str]:
    """Every point that the source can come to."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "reach":
                yield ast.literal_eval(node.args[0])


def test_every_point_is_somewhere_and_nowhere_is_another() -> None:
    assert set(reached()) == POINTS.keys()


def test_contributors_find_every_point_in_the_docs() -> None:
    page = (ROOT / "docs/failpoints.md").read_text()
    rows = re.findall(r"^\| `(.+)` \| (.+) \|$", page, re.MULTILINE)
    assert dict(rows) == POINTS


def test_none_is_armed_unless_it_is_named() -> None:
    assert read_settings({}).failpoint is None
    assert read_settings({"TRIPMETER_FAILPOINT": ""}).failpoint is None
    for point in POINTS:
        reach(point)


@pytest.mark.parametrize("order", ["nowhere", "batch.written:0", "batch.written:", "batch", ":1"])
def test_an_unknown_one_is_refused_with_the_list_of_all(order: str) -> None:
    with pytest.raises(FailpointUnknown) as refused:
        arm(order)
    assert all(point in str(refused.value) for point in POINTS)


def test_an_engine_does_not_start_with_an_unknown_one(tmp_path: Path) -> None:
    changes = {"TRIPMETER_FAILPOINT": "batch.writen"}
    ended = run("serve", "--data", str(tmp_path), "--port", "0", changes=changes)
    assert ended.code == 1
    assert ended.err.startswith("tripmeter: TRIPMETER_FAILPOINT must be one of these")
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir()), "nothing was begun"


def test_the_nth_time_is_counted(tmp_path: Path) -> None:
    server = Server(tmp_path, fork=Fork())
    server.dies_at("command.kept:3")
    server.start()
    with server.client() as client:
        for n in range(2):
            key = {"Idempotency-Key": f"key_{n}"}
            assert client.post("/v1/customers", headers=key).status_code == 200
        with pytest.raises(Exception, match="disconnected"):
            client.post("/v1/customers", headers={"Idempotency-Key": "key_2"})
    assert server.wait() == -signal.SIGKILL
    assert "tripmeter: dies at failpoint command.kept:3\n" in server.log
