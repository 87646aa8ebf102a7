"""Holds what taste cannot: the clock, exact numbers, printing, lengths, docstrings, addresses.

Each rule is a function from one file to its findings, so that the last tests here can show every
rule a text that breaks it. A finding names file, line and the remedy.
"""

import ast
import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = PurePosixPath("src/tripmeter")

LONGEST_FUNCTION = 60
LONGEST_MODULE = 500

WALL_CLOCK = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "time.time",
    "time.time_ns",
}
STEADY_CLOCK = {"time.monotonic", "time.monotonic_ns"}
MAY_MEASURE = {"notify", "middleware"}
EXACT_ROOMS = {"model", "pipeline", "rules"}
MAY_PRINT = {"cli", "demo", "importer"}
FIX_ME = re.compile(r"\b(FIX" + r"ME|TO" + r"DO|XX" + r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$}-])/(work|root)/")
PIN = re.compile(r"[a-z0-9._-]+==[^\s;]+(\s*;[^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+")
SRI = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")
ADDRESS = re.compile(r"\bhttps?://", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Finding:
    """One breach of a rule: where it is, and what to do."""

    path: PurePosixPath
    line: int
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.remedy}"


@dataclass(frozen=True)
class File:
    """A text file of the repository; `path` is relative to its root."""

    path: PurePosixPath
    text: str

    @property
    def room(self) -> str:
        """The folder or module directly under `src/tripmeter` that the file belongs to."""
        return PurePosixPath(self.path.relative_to(SOURCE).parts[0]).stem

    @property
    def tree(self) -> ast.Module:
        """The parsed Python source."""
        return ast.parse(self.text, filename=str(self.path))

    def finding(self, line: int, remedy: str) -> Finding:
        """A finding in this file."""
        return Finding(self.path, line, remedy)


Rule = Callable[[File], Iterable[Finding]]


# --- rules for one Python module ---------------------------------------------------------------


def only_the_clock_reads_the_clock(file: File) -> Iterator[Finding]:
    """C7, time is given: `now` is an argument. Who talks to others may measure time."""
    steady_too = file.room in MAY_MEASURE
    banned = WALL_CLOCK if steady_too else WALL_CLOCK | STEADY_CLOCK
    if file.room == "clock":
        return
    for line, name in used_names(file.tree):
        if name in banned:
            yield file.finding(line, f"{name}: take `now` as an argument, or ask the Clock port")


def no_floats(file: File) -> Iterator[Finding]:
    """C6, exact: no float touches a quantity, a rate or an amount."""
    if file.room not in EXACT_ROOMS:
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield file.finding(node.lineno, f"{node.value}: write an int or a Decimal from text")
        if isinstance(node, ast.Call) and called_name(node) == "float":
            yield file.finding(node.lineno, "float(...): use int or decimal.Decimal")


def no_print(file: File) -> Iterator[Finding]:
    """Only what a person runs by hand talks to the terminal."""
    if file.room in MAY_PRINT:
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and called_name(node) == "print":
            yield file.finding(node.lineno, "print(...): log it, or return it to the CLI")


def short_functions(file: File) -> Iterator[Finding]:
    """A function is read at one glance."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                remedy = f"{node.name} has {length} lines: split it, {LONGEST_FUNCTION} is the most"
                yield file.finding(node.lineno, remedy)


def short_modules(file: File) -> Iterator[Finding]:
    """A module is about one thing."""
    length = len(file.text.splitlines())
    if length > LONGEST_MODULE:
        yield file.finding(
            length, f"{length} lines: split the module, {LONGEST_MODULE} is the most"
        )


def module_docstring(file: File) -> Iterator[Finding]:
    """A module opens by saying what it owns and what it does not."""
    if ast.get_docstring(file.tree) is None:
        yield file.finding(1, "no docstring: say what this module owns and what it does not")


def called_name(call: ast.Call) -> str | None:
    """The plain name that is called: `print` in `print(x)`; None for anything with a dot."""
    return call.func.id if isinstance(call.func, ast.Name) else None


def used_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every imported name that is used, with its line, spelt in full whatever it was imported as.

    Both `from time import time as t; t()` and `import time; time.time()` give `time.time`, and so
    does handing the function on without calling it.
    """
    origin = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, *rest = dotted(node)
            if first in origin:
                yield node.lineno, ".".join([origin[first], *rest])


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `{"t": "time.time"}` for `from time import time as t`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname}
            names |= {root: root for a in node.names if (root := a.name.partition(".")[0])}
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def dotted(node: ast.expr) -> list[str]:
    """`["a", "b", "c"]` for `a.b.c`; `[""]` for what is not a chain of names."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [*dotted(node.value), node.attr]
    return [""]


# --- rules for any text file -------------------------------------------------------------------


def no_fix_me(file: File) -> Iterator[Finding]:
    """What is left to do is an issue, not a comment."""
    for number, line in enumerate(file.text.splitlines(), start=1):
        if match := FIX_ME.search(line):
            yield file.finding(number, f"{match[0]}: do it now, or file an issue and drop the note")


def no_machine_path(file: File) -> Iterator[Finding]:
    """The repository works wherever it is cloned."""
    for number, line in enumerate(file.text.splitlines(), start=1):
        if match := MACHINE_PATH.search(line):
            yield file.finding(number, f"{match[0]}...: a path of one machine; make it relative")


def no_address_in_lock(file: File) -> Iterator[Finding]:
    """A lock file pins by version and hash; which registry serves it is the reader's choice."""
    for number, line in locked_lines(file):
        if ADDRESS.search(line):
            yield file.finding(
                number,
                "an address: regenerate it with `make lock`, or npm with this folder's .npmrc",
            )


def no_pin_without_a_hash(file: File) -> Iterator[Finding]:
    """What is installed is what was locked, byte for byte, wherever it comes from.

    npm notes no hash for a platform that its registry does not carry: see `.npmrc` of the tests.
    """
    remedy = "no hash: regenerate it with `make lock`, or npm"
    if file.path.name == "package-lock.json":
        for name, package in json.loads(file.text).get("packages", {}).items():
            elsewhere = package.get("optional") and "integrity" not in package
            if name and not elsewhere and not SRI.fullmatch(package.get("integrity", "")):
                line = file.text[: file.text.index(f'"{name}"')].count("\n") + 1
                yield file.finding(line, f"{name}: {remedy}")
        return
    for number, pin in pins(file.text):
        if not PIN.fullmatch(pin):
            yield file.finding(number, f"{pin.split()[0]}: {remedy}")


def pins(text: str) -> Iterator[tuple[int, str]]:
    """What each entry of a requirements file says, with the number of its first line."""
    number = 1
    for entry in re.sub(r"\\\n", "\0", text).splitlines():
        if entry.strip() and not entry.lstrip().startswith("#"):
            yield number, entry.replace("\0", "").partition(" #")[0].rstrip()
        number += 1 + entry.count("\0")


def locked_lines(file: File) -> Iterator[tuple[int, str]]:
    """The numbered lines of a lock file, less npm's `funding` notes, which are not sources."""
    lines = list(enumerate(file.text.splitlines(), start=1))
    if file.path.name != "package-lock.json":
        yield from lines
        return
    packages = json.loads(file.text).get("packages", {}).values()
    notes = set(re.findall(r'https?://[^"\s]+', json.dumps([p.get("funding") for p in packages])))
    yield from ((n, line) for n, line in lines if not any(note in line for note in notes))


PYTHON_RULES: list[Rule] = [
    only_the_clock_reads_the_clock,
    no_floats,
    no_print,
    short_functions,
    short_modules,
    module_docstring,
]


# --- the repository ----------------------------------------------------------------------------


def repository_files() -> list[PurePosixPath]:
    """What git tracks or would track: every path, relative to the root, that still exists."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = sorted({PurePosixPath(name) for name in listing.split("\0") if name})
    return [path for path in paths if (ROOT / path).is_file()]


def read(path: PurePosixPath) -> File | None:
    """The file as text; None when it is not text."""
    try:
        return File(path, (ROOT / path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return None


def texts(paths: Iterable[PurePosixPath]) -> list[File]:
    """Those of the files that are text."""
    return [file for path in paths if (file := read(path)) is not None]


def is_lock(path: PurePosixPath) -> bool:
    """Whether a file pins dependencies."""
    return path.name.endswith((".lock", ".lock.txt")) or path.name == "package-lock.json"


@pytest.fixture(scope="module")
def everything() -> list[PurePosixPath]:
    """Every path of the repository."""
    return repository_files()


@pytest.fixture(scope="module")
def source(everything: list[PurePosixPath]) -> list[File]:
    """Every text file under `src/tripmeter`."""
    return texts(path for path in everything if path.is_relative_to(SOURCE))


def hold(findings: Iterable[Finding]) -> None:
    """Fail with the list of findings, one on a line, when there are any."""
    if found := sorted(set(findings)):
        pytest.fail("\n".join(["", *map(str, found)]), pytrace=False)


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_modules(rule: Rule, source: list[File]) -> None:
    modules = [file for file in source if file.path.suffix == ".py"]
    assert modules, f"no module under {SOURCE}"
    hold(finding for file in modules for finding in rule(file))


def test_nothing_is_left_to_fix(source: list[File]) -> None:
    hold(finding for file in source for finding in no_fix_me(file))


def test_no_machine_paths(everything: list[PurePosixPath]) -> None:
    hold(finding for file in texts(everything) for finding in no_machine_path(file))


def test_lock_files_name_no_registry(everything: list[PurePosixPath]) -> None:
    locks = texts(filter(is_lock, everything))
    assert locks, "no lock file"
    hold(finding for file in locks for finding in no_address_in_lock(file))


def test_lock_files_pin_by_hash(everything: list[PurePosixPath]) -> None:
    locks = texts(filter(is_lock, everything))
    assert len(list(pins("\n".join(file.text for file in locks)))) > 50, "no pin was found"
    hold(finding for file in locks for finding in no_pin_without_a_hash(file))


def test_rooms_have_a_readme(source: list[File]) -> None:
    inside = {file.path.relative_to(SOURCE).parts for file in source}
    rooms = {parts[0] for parts in inside if len(parts) > 1}
    missing = [SOURCE / room / "README.md" for room in rooms if (room, "README.md") not in inside]
    hold(
        Finding(path, 1, "missing: say what the room owns and what it does not") for path in missing
    )


def test_packages_are_packages(source: list[File]) -> None:
    """A folder without `__init__.py` would escape import-linter."""
    paths = {file.path for file in source}
    folders = {path.parent for path in paths if path.suffix == ".py"}
    missing = [folder / "__init__.py" for folder in folders if folder / "__init__.py" not in paths]
    hold(Finding(path, 1, "missing: import-linter sees packages only") for path in missing)


# --- every rule bites --------------------------------------------------------------------------

HASHED = f"a==1 ; python_full_version < '3.13' \\\n    --hash=sha256:{'0' * 64}\n    # via b"

BREACHES: list[tuple[Rule, str, str]] = [
    (only_the_clock_reads_the_clock, "api/a.py", "import time\ntime.time()"),
    (only_the_clock_reads_the_clock, "api/a.py", "from time import time_ns as t\nt()"),
    (only_the_clock_reads_the_clock, "api/a.py", "import datetime as d\nd.datetime.now()"),
    (only_the_clock_reads_the_clock, "api/a.py", "from datetime import datetime\ndatetime.now"),
    (only_the_clock_reads_the_clock, "api/a.py", "import time\nbegun = time.monotonic()"),
    (only_the_clock_reads_the_clock, "notify/a.py", "import time\ntime.time()"),
    (no_floats, "rules/a.py", "\nrate = float(text)"),
    (no_floats, "model/a.py", "\nrate = 1.5"),
    (no_floats, "pipeline/a.py", "\nrate = 1e3"),
    (no_print, "api/a.py", "\nprint('here')"),
    (short_functions, "api/a.py", "\ndef f():\n" + "    pass\n" * LONGEST_FUNCTION),
    (short_modules, "api/a.py", "\n" * (LONGEST_MODULE + 1)),
    (module_docstring, "api/a.py", "import json"),
    (no_fix_me, "api/a.sql", "\n-- FIX" + "ME later"),
    (no_machine_path, "api/a.md", "\nsee /ro" + "ot/notes"),
    (no_address_in_lock, "a.lock", "\n--index-url https://registry.example/simple"),
    (no_address_in_lock, "package-lock.json", '{"packages": {"a": {"resolved": "http://b/c"}}}'),
    (no_pin_without_a_hash, "a.lock", f"{HASHED}\nb==2"),
    (no_pin_without_a_hash, "a.lock", f"{HASHED}\nb>=2 --hash=sha256:{'0' * 64}"),
    (no_pin_without_a_hash, "a.lock", f"{HASHED}\nb==2 --hash=sha256:{'0' * 63}"),
    (no_pin_without_a_hash, "a.lock", f"{HASHED}\nb==2 --hash=md5:{'0' * 32}"),
    (no_pin_without_a_hash, "a.lock", "\n--index-url somewhere"),
    (no_pin_without_a_hash, "package-lock.json", '{"packages": {\n    "a": {}}}'),
]

ACCEPTED: list[tuple[Rule, str, str]] = [
    (only_the_clock_reads_the_clock, "clock.py", "import time\ntime.time()"),
    (only_the_clock_reads_the_clock, "notify/a.py", "import time\ntime.monotonic()"),
    (only_the_clock_reads_the_clock, "api/a.py", "def f(time):\n    return time.time()"),
    (no_floats, "notify/a.py", "timeout = 1.5"),
    (no_floats, "rules/a.py", "def f(x):\n    return isinstance(x, float)"),
    (no_print, "cli.py", "print('here')"),
    (short_functions, "api/a.py", "def f():\n" + "    pass\n" * (LONGEST_FUNCTION - 1)),
    (short_modules, "api/a.py", "\n" * LONGEST_MODULE),
    (module_docstring, "api/a.py", '"""Owns a."""'),
    (no_machine_path, "api/a.md", "see src/work/notes and /workers/"),
    (no_address_in_lock, "package-lock.json", '{"packages": {"a": {"funding": "http://b/c"}}}'),
    (no_pin_without_a_hash, "a.lock", HASHED),
]


@pytest.mark.parametrize(("rule", "path", "text"), BREACHES)
def test_a_breach_is_found(rule: Rule, path: str, text: str) -> None:
    (found,) = set(rule(File(SOURCE / path, text)))
    assert found.line == max(1, len(text.splitlines())) or rule is short_functions
    assert str(found).startswith(f"src/tripmeter/{path}:")


@pytest.mark.parametrize(("rule", "path", "text"), ACCEPTED)
def test_what_is_fine_is_left_alone(rule: Rule, path: str, text: str) -> None:
    assert list(rule(File(SOURCE / path, text))) == []
