"""Sources of mails: the language that operators write them in, and what is wrong with one.

It is Jinja in a sandbox, of which only what a mail needs is left: variables, conditions, loops and
a few filters. Nothing can be called. The library is loaded with this module, which is imported when
the first mail is made.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from jinja2 import DictLoader, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.runtime import BlockReference
from jinja2.sandbox import ImmutableSandboxedEnvironment

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "alert": ("id", "title", "type"),
    "customer": ("id", "name", "email"),
    "period": ("start", "end"),
    "links": ("customer", "unsubscribe"),
    "facts": (),
    "headline": (),
    "language": (),
    "limit": (),
    "livemode": (),
    "message": (),
    "moment": (),
    "seller": (),
    "subject": (),
    "value": (),
}
"""What a source may name, and the members of those that have any; `facts` have `name` and
`value`."""

_OF_LAYOUT: Final = frozenset({"body", "others", "why", "words"})

FILTERS: Final = frozenset(
    "capitalize default e escape first join last length lower replace title trim truncate upper"
    " urlencode".split()
)

_QUOTED: Final = re.compile(r"'([^']*)'")
_ENDS: Final = {"end of statement block": "%}", "end of print statement": "}}"}
_LONGEST: Final = 500_000
"""Characters that a rendered mail may have."""


class Fault(NamedTuple):
    """What is wrong with a source, and where: lines and columns count from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.message}"


class SourceInvalid(Exception):
    """A source that cannot be rendered."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which nothing is called but blocks of the layout, and nothing is multiplied."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether an object may be called."""
        return isinstance(obj, BlockReference)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Work out `*`, `**` and `%`: of texts they could fill the memory."""
        raise TemplateError(f"'{operator}' cannot be used in mails")


@cache
def _environment(is_html: bool) -> _Sandbox:
    name = "mail_layout.html" if is_html else "mail_layout.txt"
    layout = resources.files("tripmeter.wire").joinpath(name).read_text("utf-8")
    made = _Sandbox(
        autoescape=is_html,
        undefined=StrictUndefined,
        loader=DictLoader({"layout": layout}),
        keep_trailing_newline=False,
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    return made


def rendered(source: str | None, variables: Mapping[str, Any], *, is_html: bool) -> str:
    """What a source, or without one the layout, says of variables. Raises SourceInvalid."""
    environment = _environment(is_html)
    text = source or "{% extends 'layout' %}"
    try:
        pieces = environment.from_string(text).generate(variables)
        return "".join(_within(pieces, _LONGEST))
    except TemplateSyntaxError as error:
        raise SourceInvalid(_syntax_fault(text, error)) from error
    except Exception as error:
        raise SourceInvalid(_fault_at(text, _line_of(error), str(error))) from error


def _within(pieces: Iterator[str], limit: int) -> Iterator[str]:
    for piece in pieces:
        limit -= len(piece)
        if limit < 0:
            raise TemplateError(f"the mail has more than {_LONGEST} characters")
        yield piece


def fault_of(source: str, example: Mapping[str, Any], *, is_html: bool) -> Fault | None:
    """What is wrong with a source, as far as reading it and an example tell; None if nothing."""
    try:
        tree = _environment(is_html).parse(source)
    except TemplateSyntaxError as error:
        return _syntax_fault(source, error)
    for check in (_unknown_names, _unknown_filters, _forbidden):
        found = next(check(source, tree), None)
        if found is not None:
            return found
    try:
        rendered(source, example, is_html=is_html)
    except SourceInvalid as error:
        return error.fault
    return None


def _unknown_names(source: str, tree: nodes.Template) -> Iterator[Fault]:
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    known = {*VARIABLES, *own, "loop", "self", "super", *_OF_LAYOUT}
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name not in known:
            yield _unknown(source, node.lineno, node.name, "variable", [*VARIABLES, *own])
    for member in tree.find_all(nodes.Getattr):
        whole = member.node
        members = VARIABLES.get(whole.name, ()) if isinstance(whole, nodes.Name) else ()
        if members and member.attr not in members:
            assert isinstance(whole, nodes.Name)
            wrong = f"{whole.name}.{member.attr}"
            yield _unknown(
                source, member.lineno, wrong, "variable", [f"{whole.name}.{one}" for one in members]
            )


def _unknown_filters(source: str, tree: nodes.Template) -> Iterator[Fault]:
    for node in tree.find_all(nodes.Filter):
        if node.name not in FILTERS:
            yield _unknown(source, node.lineno, node.name, "filter", sorted(FILTERS))


def _forbidden(source: str, tree: nodes.Template) -> Iterator[Fault]:
    kinds = (nodes.Import, nodes.FromImport, nodes.Include, nodes.Macro, nodes.CallBlock)
    for node in tree.find_all(kinds):
        what = type(node).__name__.lower()
        yield _fault_at(source, node.lineno, f"'{what}' cannot be used in mails")
    for call in tree.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == "super"):
            yield _fault_at(source, call.lineno, "nothing can be called in mails")
    for extends in tree.find_all(nodes.Extends):
        if not (isinstance(extends.template, nodes.Const) and extends.template.value == "layout"):
            yield _fault_at(source, extends.lineno, "only 'layout' can be extended")


def _unknown(source: str, line: int, name: str, kind: str, known: list[str]) -> Fault:
    close = get_close_matches(name, known, 1)
    hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(sorted(known))}."
    return _fault_at(source, line, f"unknown {kind} '{name}'. {hint}", name)


def _syntax_fault(source: str, error: TemplateSyntaxError) -> Fault:
    message = error.message or "it cannot be read"
    words = _QUOTED.findall(message)
    word = _ENDS.get(words[-1], words[-1]) if words else None
    if "end of template" in message:
        lines = source.splitlines() or [""]
        return Fault(len(lines), len(lines[-1]) + 1, message)
    return _fault_at(source, error.lineno, message, word)


def _fault_at(source: str, line: int, message: str, word: str | None = None) -> Fault:
    """A fault at a word of a line, or else at the first tag in it."""
    lines = source.splitlines() or [""]
    text = lines[min(max(line, 1), len(lines)) - 1]
    found = -1
    if word:
        whole = re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text)
        found = whole.start() if whole else text.find(word)
    if found < 0:
        found = min((at for tag in ("{{", "{%") if (at := text.find(tag)) >= 0), default=0)
    return Fault(max(line, 1), found + 1, message)


def _line_of(error: BaseException) -> int:
    """The line of the source that an error came from."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
