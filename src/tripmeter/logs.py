"""How the log is written: as text or JSON, on standard error, without what exceptions quote.

An exception's message repeats what went wrong with, and that may be what a caller sent: a value, a
name, a row of the database. So the log has every traceback with the types of its exceptions, and
none of their messages.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import structlog


def set_up_logging(form: str) -> None:
    """Log as `text` or `json` from now on, other libraries' warnings included."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutMessages("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(lambda exc_info: outline(exc_info[1])),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def outline(error: BaseException) -> str:
    """Where an exception comes from: its traceback and those of its causes, oldest first."""
    return "\n".join(_outlined(error))


def _outlined(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _outlined(cause)
        yield "which led to:"
    yield "".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield f"one of the {type(error).__qualname__}:"
            yield from _outlined(one)


class _WithoutMessages(logging.Formatter):
    """Formats what libraries log by the standard library's means."""

    def formatException(self, ei: Any) -> str:
        return outline(ei[1])
