"""What tests use to knock at the engine's door."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import stripe

from support.recorder import Recorder

ROOT: Final = Path(__file__).resolve().parents[2]
NODE: Final = ROOT / "tests" / "sdk" / "node"
NODE_TOOL: Final = (str(ROOT / "tools" / "node.py"), "--cwd", str(NODE))
"""What runs Node, whichever the machine has."""
CLI_SHIM: Final = str(NODE / "node_modules" / "@stripe" / "cli" / "bin" / "shim.js")


def run_node(*arguments: str, environment: Mapping[str, str]) -> str:
    """Run a script of Node's in an environment with these changes; what it printed."""
    done = subprocess.run(
        [sys.executable, *NODE_TOOL, "node", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@asynccontextmanager
async def connected(key: str, recorder: Recorder) -> AsyncIterator[stripe.StripeClient]:
    """A client of the same SDK that sends with httpx."""
    http: Any = stripe.HTTPXClient()
    bases: Any = {"api": recorder.url, "meter_events": recorder.url}
    yield stripe.StripeClient(key, base_addresses=bases, http_client=http)
    await http.close_async()
