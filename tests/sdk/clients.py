"""What tests use to knock at the engine's door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import stripe

from support.recorder import Recorder

ROOT: Final = Path(__file__).resolve().parents[2]
NODE: Final = ROOT / "tests" / "sdk" / "node"
NODE_TOOL: Final = (str(ROOT / "tools" / "node.py"), "--cwd", str(NODE))
"""Arguments to Python for what runs Node, whichever the machine has."""
CLI_SHIM: Final = str(NODE / "node_modules" / "@stripe" / "cli" / "bin" / "shim.js")


class Key(NamedTuple):
    """An API key and its id."""

    id: str
    secret: str


@asynccontextmanager
async def connected(key: str, recorder: Recorder) -> AsyncIterator[stripe.StripeClient]:
    """A client of the same SDK that sends with httpx."""
    http: Any = stripe.HTTPXClient()
    bases: Any = {"api": recorder.url, "meter_events": recorder.url}
    yield stripe.StripeClient(key, base_addresses=bases, http_client=http)
    await http.close_async()
