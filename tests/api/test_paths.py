"""Every path of Stripe's API that this engine is to answer, it answers: `paths.txt` is the list."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from support.door import Door, open_door

HERE: Final = Path(__file__).resolve().parent
REFERENCE: Final = HERE.parents[2] / "shared" / "reference" / "stripe_paths.json"
"""Where the list comes from, if it is at hand."""


def _listed() -> list[str]:
    lines = (HERE / "paths.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(tmp_path) as opened:
        yield opened


async def test_every_path_answers(door: Door) -> None:
    """With what was asked for, or with what is wrong about it; never that it knows no such path."""
    silent = []
    for method, path in (line.split() for line in _listed()):
        answer = await door.ask(method, re.sub(r"\{\w+\}", "unknown", path))
        error = answer.json().get("error", {}) if answer.content else {}
        names_something = answer.status_code == 200 or "code" in error or "param" in error
        if answer.status_code not in (200, 400, 401, 404) or not names_something:
            silent.append(f"{method} {path}: {answer.status_code} {error.get('message')}")
    assert not silent, "\n".join(silent)


def test_the_list_has_all_of_the_reference() -> None:
    if not REFERENCE.exists():
        pytest.skip(f"{REFERENCE.name} is not beside this repository")
    tiers = json.loads(REFERENCE.read_text(encoding="utf-8"))
    wanted = {
        f"{one['method']} {one['path']}" for tier in ("core", "support") for one in tiers[tier]
    }
    assert sorted(wanted) == sorted(_listed())
