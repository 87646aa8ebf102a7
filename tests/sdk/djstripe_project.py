"""A Django project with dj-stripe, unmodified, in an environment of its own: see `django_project`.

dj-stripe wants an older release of the SDK than the other tests have.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2

from sdk.clients import ROOT
from support.server import free_port

PYTHON: Final = ROOT / ".venv-djstripe" / "bin" / "python"
_PROJECT: Final = ROOT / "tests" / "sdk" / "django_project"
_PATIENCE_S: Final = 120


class Said(NamedTuple):
    """What a command printed, and its exit status."""

    code: int
    out: str
    err: str


class Project:
    """The project, with a database in `folder`, pointed at an engine."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        self._environment = {
            **os.environ,
            "ENGINE_URL": url,
            "ENGINE_KEY": key,
            "PROJECT_DATABASE": str(folder / "django.db"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def manage(self, *words: str) -> Said:
        """Run a management command."""
        return self._run("manage.py", *words)

    def read(self, attributes: Mapping[str, Iterable[str]]) -> dict[str, dict[Any, list[Any]]]:
        """What dj-stripe has of some models: attributes of each object, by its id.

        Those of related objects, and members of JSON, have dots.
        """
        wanted = {model: list(names) for model, names in attributes.items()}
        told: dict[str, dict[Any, list[Any]]] = self._ask("read", json.dumps(wanted))
        return told

    def syncable(self) -> set[str]:
        """The models that dj-stripe's command would sync."""
        return set(self._ask("syncable"))

    def create_endpoint(self, base_url: str, event_type: str) -> str:
        """Make a webhook endpoint with dj-stripe's own means; its id."""
        made: str = self._ask("create_endpoint", base_url, event_type)
        return made

    @contextmanager
    def served(self, log: Path) -> Iterator[str]:
        """Serve the project for the length of a block; the address.

        It answers one request after the other: of two that write, SQLite would refuse one.
        """
        at = f"127.0.0.1:{free_port()}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [PYTHON, "manage.py", "runserver", "--noreload", "--nothreading", at],
                cwd=_PROJECT,
                env=self._environment,
                stdout=out,
                stderr=out,
            )
            try:
                _wait_for(f"http://{at}", process)
                yield f"http://{at}"
            finally:
                process.terminate()
                process.wait(_PATIENCE_S)

    def _ask(self, *words: str) -> Any:
        said = self._run("ask.py", *words)
        assert said.code == 0, said.err
        return json.loads(said.out)

    def _run(self, *words: str) -> Said:
        done = subprocess.run(
            [PYTHON, *words],
            cwd=_PROJECT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until something answers at an address, whatever it says."""
    deadline = time.monotonic() + _PATIENCE_S
    while not _answers(url):
        assert process.poll() is None, "the project is not served; its log says why"
        assert time.monotonic() < deadline, f"nothing listens at {url}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, trust_env=False)
    except httpx2.TransportError:
        return False
    return True
