"""What is built: how much of it there is, what it leaves out, and its own tests."""

import gzip
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx2
import pytest

from dashboard.conftest import Stage
from support.browser import ROOT

pytestmark = pytest.mark.xdist_group("dashboard")

MOST_SCRIPT: Final = 150_000
"""Bytes of script in all, as gzip sends it."""

ELSEWHERE: Final = re.compile(r"(?:src|href)=\"(?:https?:)?//|url\((?:https?:)?//|@import")


def test_script_is_small(site: Path) -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in site.rglob("*.js")}
    assert sum(sizes.values()) < MOST_SCRIPT, sorted(sizes.items(), key=lambda one: -one[1])[:5]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert not ELSEWHERE.search(path.read_text()), path


def test_no_script_and_no_style_is_inline(site: Path) -> None:
    index = (site / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", index)


def test_the_policy_is_strict(stage: Stage) -> None:
    answer = httpx2.get(f"{stage.server.url}/dashboard/", trust_env=False)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_the_units_of_the_page() -> None:
    """vitest, with the Node.js that `make` uses."""
    command = [sys.executable, "tools/node.py", "--cwd", "dashboard", "npm", "test", "--silent"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
