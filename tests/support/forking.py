"""Commands of `tripmeter` as forks of a process that has imported everything.

An interpreter of their own would spend its first two seconds on imports, which is nearly all that a
start costs; a campaign of kills cannot afford that. A fork is a process like any other: it has a
pid, ends with a code, and can be killed.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Final, NamedTuple

PRELOADED: Final = (
    *("tripmeter.cli", "tripmeter.app", "tripmeter.demo", "tripmeter.pipeline.audit"),
    *("tripmeter.store.postgres", "uvicorn", "uvicorn.lifespan.on", "uvicorn.loops.uvloop"),
    *("uvicorn.protocols.http.httptools_impl", "rich.console", "rich.progress", "rich.table"),
    *("pytest", "support.forking"),
)


class Fork(NamedTuple):
    """What is different in a fork, for what no test could wait for."""

    table_size: int | None = None
    """So many identifiers fill a table of the tier: its files are written and merged all along."""
    clock: Path | None = None
    """A file that says by how many milliseconds its clock is ahead."""


class ClockAhead:
    """The machine's clock, ahead by what a file says at the moment."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000 + int(self._file.read_text())

    def elapsed_ms(self) -> int:
        """Milliseconds since some moment, by the machine's other clock."""
        return time.monotonic_ns() // 1_000_000


class Forked:
    """A command on its way: the part of `subprocess.Popen` that `Server` needs."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        output: Path,
        fork: Fork = Fork(),  # noqa: B008 - it never changes
    ) -> None:
        """Start it; what it says is added to `output`."""
        arguments = (list(words), dict(environment), str(output), fork)
        self._process = _server().Process(target=_run, args=arguments)
        self._process.start()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, if it has ended; the number of a signal as a negative one."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit code, once it has ended. Raises TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutExpired("tripmeter", timeout)
        self._process.close()
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def run_forked(
    words: Sequence[str], environment: Mapping[str, str], patience_s: float
) -> tuple[int, str]:
    """Run a command to its end: its exit code, and all that it said."""
    with tempfile.NamedTemporaryFile() as output:
        code = Forked(words, environment, Path(output.name)).wait(patience_s)
        return code, Path(output.name).read_text(errors="replace")


@cache
def _server() -> ForkServerContext:
    """Starts once it is needed, and ends with this process."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _run(words: list[str], environment: dict[str, str], output: str, fork: Fork) -> None:
    """The child: become what a shell would have started."""
    os.environ.clear()
    os.environ.update(environment)
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    sys.argv = ["tripmeter", *words]
    sys.modules.pop("pytest", None)  # cyclopts looks for it, and warns
    from tripmeter import app, cli
    from tripmeter.store.identifiers import TieredIdentifiers

    if fork.table_size is not None:
        vars(app)["TieredIdentifiers"] = partial(
            TieredIdentifiers, table_size=fork.table_size, segment_size=30 * fork.table_size
        )
    if fork.clock is not None:
        vars(app)["SystemClock"] = partial(ClockAhead, fork.clock)
    cli.main()
