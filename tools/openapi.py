"""Write the API's description, as `/openapi.json` serves it, without starting an engine.

Usage: python tools/openapi.py FILE

`make dashboard` generates the page's types from it, so that the page does not build against an API
that is not there.
"""

import sys
from pathlib import Path

import msgspec

from tripmeter import __version__
from tripmeter.api.openapi import openapi
from tripmeter.api.table import ROUTES

USAGE = "usage: python tools/openapi.py FILE"


def main(arguments: list[str]) -> int:
    """Write the file; 2 when it was asked for wrongly."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    target = Path(arguments[0])
    target.parent.mkdir(parents=True, exist_ok=True)
    described = msgspec.json.format(msgspec.json.encode(openapi(ROUTES, __version__)))
    target.write_bytes(described)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
