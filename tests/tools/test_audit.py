"""The audit of dependencies, against a database of known vulnerabilities on this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from support.loopback import listening
from support.server import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
RUN_LOCK: Final = ROOT / "requirements" / "run.lock"
PINNED: Final = f"starlette==1.10.0 --hash=sha256:{'0' * 64}\n"

FLAW: Final = {
    "id": "PYSEC-2026-1",
    "aliases": ["CVE-2026-12345"],
    "summary": "A request of one kind is taken for one of another.",
    "affected": [
        {
            "package": {"name": "starlette", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


@contextmanager
def database(answers: dict[str, bytes], otherwise: bytes = b"{}") -> Iterator[tuple[str, set[str]]]:
    """Speaks the query interface of OSV; its URL, and the packages that were asked about."""
    asked: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = query["package"]["name"]
            asked.add(f"{name}=={query['version']}")
            body = answers.get(name, otherwise)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing goes to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with listening(server):
        yield f"http://127.0.0.1:{server.server_port}/v1/query", asked


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock file with one dependency."""
    path = tmp_path / "some.lock"
    path.write_text(PINNED)
    return path


def audit(lock: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run the tool as `make check` does, with another database."""
    command = [sys.executable, str(ROOT / "tools" / "audit.py"), str(lock), url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_everything_that_is_locked_is_asked_about() -> None:
    with database({}) as (url, asked):
        done = audit(RUN_LOCK, url)
    pins = [line.split()[0] for line in RUN_LOCK.read_text().splitlines() if "==" in line]
    assert done.returncode == 0, done
    assert f"0 known vulnerabilities in {len(asked)} dependencies" in done.stdout
    assert len(asked) > 20
    assert asked <= set(pins)
    assert {pin for pin in pins if pin.startswith("starlette==")} <= asked


def test_a_known_vulnerability_fails_the_check_and_is_named(lock: Path) -> None:
    with database({"starlette": json.dumps({"vulns": [FLAW]}).encode()}) as (url, _):
        done = audit(lock, url)
    assert done.returncode == 1
    assert "PYSEC-2026-1, CVE-2026-12345 (fixed in 99.0)" in done.stdout
    assert "starlette 1.10.0" in done.stdout
    assert "1 known vulnerabilities in 1 dependencies" in done.stdout


def assert_loud(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done
    assert "WARNING:" in done.stderr
    assert "was NOT audited" in done.stderr
    assert "known vulnerabilities" not in done.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_database_that_cannot_be_reached_fails_nothing_but_is_told(lock: Path, host: str) -> None:
    assert_loud(audit(lock, f"http://{host}:{free_port()}/"))


@pytest.mark.parametrize("answer", [b"<html>Log in to the guest network</html>", b'{"a": 1}'])
def test_so_is_an_answer_that_is_none(lock: Path, answer: bytes) -> None:
    with database({}, otherwise=answer) as (url, _):
        assert_loud(audit(lock, url))


@pytest.mark.parametrize(
    "text", ["starlette==1.10.0\n", f"{PINNED}anyio==4.0.0\n", "starlette>=1\n", "%%%\n"]
)
def test_a_lock_file_without_hashes_fails_the_check(lock: Path, text: str) -> None:
    lock.write_text(text)
    done = audit(lock, f"http://127.0.0.1:{free_port()}/")
    assert done.returncode == 1
    assert "cannot be audited" in done.stderr
