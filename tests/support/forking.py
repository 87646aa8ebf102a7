"""Commands of `tripmeter` as forks of a process that has imported everything.

An interpreter of their own would spend its first two seconds on imports, which is nearly all that a
start costs; a campaign of kills cannot afford that. A fork is a process like any other: it has a
pid, ends with a code, and can be killed.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Final

PRELOADED: Final = (
    *("tripmeter.cli", "tripmeter.app", "tripmeter.demo", "tripmeter.pipeline.audit"),
    *("tripmeter.store.postgres", "uvicorn", "uvicorn.lifespan.on", "uvicorn.loops.uvloop"),
    *("uvicorn.protocols.http.httptools_impl", "rich.console", "rich.progress", "rich.table"),
    *("pytest", "support.forking"),
)


class Forked:
    """A command on its way: the part of `subprocess.Popen` that `Server` needs."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        output: Path,
        table_size: int | None = None,
    ) -> None:
        """Start it; what it says is added to `output`.

        With `table_size`, so many identifiers fill a table of the identifier tier, so that its
        files are written and merged under a load that tests can make.
        """
        arguments = (list(words), dict(environment), str(output), table_size)
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


def _run(
    words: list[str], environment: dict[str, str], output: str, table_size: int | None
) -> None:
    """The child: become what a shell would have started."""
    os.environ.clear()
    os.environ.update(environment)
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    sys.argv = ["tripmeter", *words]
    from tripmeter import app, cli
    from tripmeter.store.identifiers import TieredIdentifiers

    if table_size is not None:
        small = partial(TieredIdentifiers, table_size=table_size, segment_size=30 * table_size)
        setattr(app, "TieredIdentifiers", small)  # noqa: B010 - a name that app only imports
    cli.main()
