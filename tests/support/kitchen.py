"""A live engine on a clock that the test holds, with a mail server and HTTP receivers; and what
cooks with it: pages of documentation, whose code is run as it stands.

with open_kitchen(tmp_path) as kitchen:
    recipe = Recipe(PAGES / "tell-sales.md", kitchen)
    recipe.cook()
    kitchen.postbox.wait_for_number(1)
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2

from support.clock import SettableClock
from support.hooks import Hooks, open_hooks
from support.inbox import Inbox, open_inbox
from support.postbox import Postbox, open_postbox
from support.server import API_KEY, free_port
from tripmeter.app import Engine
from tripmeter.settings import Settings

BASE: Final = "https://billing.example.com"
PATIENCE_S: Final = 30
SHELL: Final = ("bash", "-euo", "pipefail", "-c")

_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)

JQ: Final = """#!{python}
import json, sys
option, path = sys.argv[1:]
found = json.load(sys.stdin)
for name in filter(None, path.split(".")):
    found = found[name]
print(found if isinstance(found, str) else json.dumps(found))
"""
"""As much of jq as recipes need, where there is none."""


class Kitchen:
    """The engine, and all that it talks to."""

    def __init__(self, engine: Engine, clock: SettableClock, tools: Path) -> None:
        self.engine = engine
        self.clock = clock
        self.tools = tools
        self.url = f"http://127.0.0.1:{engine.settings.port}"
        self.postbox: Postbox
        self.hooks: Hooks
        self.inbox: Inbox
        self._closing = ExitStack()

    def when_closed(self, do: Callable[[], object]) -> None:
        """Have something done when the kitchen closes."""
        self._closing.callback(do)

    def close(self) -> None:
        """Do what is to be done then."""
        self._closing.close()

    @property
    def environment(self) -> dict[str, str]:
        """What pages say that there is."""
        return {
            "URL": self.url,
            "KEY": API_KEY,
            "SLACK_URL": f"{self.hooks.url}/slack",
            "WEBHOOK_URL": self.inbox.url,
        }

    def get(self, path: str, **params: Any) -> Any:
        """What the engine answers to a GET."""
        with self.client() as client:
            answer = client.get(f"/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def client(self) -> httpx2.Client:
        """A plain HTTP client with the key."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        return httpx2.Client(
            base_url=self.url, headers=headers, timeout=PATIENCE_S, trust_env=False, verify=False
        )

    def at(self, now_ms: int) -> None:
        """Make it a certain time, and have the engine notice."""
        self.clock.set(now_ms)
        self.engine.sender.wake()

    def until(self, path: str, is_wanted: Any, **params: Any) -> Any:
        """What a GET answers, once that is as wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_wanted(found := self.get(path, **params)):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found


@contextmanager
def open_kitchen(folder: Path, **settings: Any) -> Iterator[Kitchen]:
    """A kitchen for as long as the block lasts."""
    with open_postbox() as postbox, open_hooks() as hooks, open_inbox() as inbox:
        given = {
            "allow_private_webhooks": True,
            "base_url": BASE,
            "mail_from": "Example <billing@example.com>",
            "seller": "Example & Co",
            "smtp_url": postbox.url,
            **settings,
        }
        clock = SettableClock()
        made = Settings(data=folder / "data", api_key=API_KEY, port=free_port(), **given)
        engine = Engine(made, clock=clock)
        with _serving(engine):
            kitchen = Kitchen(engine, clock, _tools(folder))
            kitchen.postbox, kitchen.hooks, kitchen.inbox = postbox, hooks, inbox
            try:
                yield kitchen
            finally:
                kitchen.close()
                hooks.released.set()


@contextmanager
def _serving(engine: Engine) -> Iterator[None]:
    engine.prepare()
    server = engine.server(engine.app)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the engine did not start"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _tools(folder: Path) -> Path:
    """A folder with the commands that recipes need and the machine may lack."""
    tools = folder / "tools"
    tools.mkdir()
    if shutil.which("jq") is None:
        (tools / "jq").write_text(JQ.format(python=sys.executable))
        (tools / "jq").chmod(0o755)
    return tools


class Block(NamedTuple):
    """A piece of code on a page."""

    heading: str
    language: str
    code: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    """All code of a page, in its order."""
    text = page.read_text("utf-8")
    bare = _BLOCK.sub(
        lambda found: "\n" * found[0].count("\n"), text
    )  # comments look like headings
    lines = {bare.count("\n", 0, one.start()): one[1] for one in _HEADING.finditer(bare)}
    found = []
    for one in _BLOCK.finditer(text):
        line = text.count("\n", 0, one.start())
        heading = lines[max(at for at in lines if at < line)]
        found.append(Block(heading, one[1], one[2], line + 2))
    return found


class Recipe:
    """A page in the making: its blocks share their names, in either language."""

    def __init__(self, page: Path, kitchen: Kitchen) -> None:
        self.page = page
        self.left = blocks_of(page)
        self.names: dict[str, Any] = {}
        self.printed: list[str] = []
        """What each block in the shell has printed."""
        self._kitchen = kitchen
        self._shell: dict[str, str] = {}

    def cook(self, heading: str | None = None) -> None:
        """Run the blocks that are left up to those of a heading, that one's too; or all."""
        names = [block.heading for block in self.left]
        assert heading is None or heading in names, f"no code under {heading!r}: {names}"
        last = len(names) if heading is None else len(names) - names[::-1].index(heading)
        for _ in range(last):
            self._run(self.left.pop(0))

    def id(self, name: str) -> str:
        """The id of what a block has made, in either language."""
        made = self.names.get(name)
        return str(made.id) if made is not None else self._shell[name.upper()]

    def _run(self, block: Block) -> None:
        if block.language == "python":
            code = "\n" * (block.line - 1) + block.code  # so that errors name the page's lines
            exec(compile(code, str(self.page), "exec"), self.names)
        else:
            assert block.language == "sh", f"{self.page}:{block.line} is neither python nor sh"
            self._run_shell(block)

    def _run_shell(self, block: Block) -> None:
        ids = {
            name.upper(): str(made.id)
            for name, made in self.names.items()
            if isinstance(getattr(made, "id", None), str)
        }
        noted = self._kitchen.tools / "noted"
        done = subprocess.run(
            [*SHELL, f"{block.code}\n(set -o posix; set) >{noted}\n"],
            env={
                **os.environ,
                "PATH": f"{self._kitchen.tools}:{os.environ['PATH']}",
                "no_proxy": "*",
                **self._kitchen.environment,
                **ids,
                **self._shell,
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        where = f"{self.page.name}:{block.line}"
        assert done.returncode == 0, f"{where}\n{done.stdout}\n{done.stderr}"
        self.printed.append(done.stdout)
        for name in re.findall(r"^([A-Z]+)=", block.code, re.MULTILINE):
            (value,) = re.findall(rf"^{name}=(\S+)$", noted.read_text(), re.MULTILINE)
            assert value != "null", f"{where}: no {name}"
            self._shell[name] = value
