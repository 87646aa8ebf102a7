"""What an import says at its end."""

from collections.abc import Iterator

from tripmeter.importer.run import Outcome
from tripmeter.importer.state import Progress
from tripmeter.wire.times import rfc3339


def summary(outcome: Outcome) -> Iterator[str]:
    """The lines that tell what became of the rows."""
    done = outcome.progress
    if outcome.was_finished:
        yield f"This import was finished at {rfc3339(done.finished_ms or 0)}. Nothing was sent."
    else:
        seconds = outcome.elapsed_ms / 1000
        sent = done.rows - outcome.first_row
        rate = sent * 1000 // outcome.elapsed_ms
        yield f"{sent:,} rows in {seconds:.1f} s ({rate:,} rows/s)"
    yield from _figures(done)
    yield from _reasons(done)
    if outcome.was_finished:
        yield f"State: {outcome.state}. See --restart in `tripmeter import --help`."


def _figures(done: Progress) -> Iterator[str]:
    width = len(f"{done.rows:,}")
    yield f"  counted   {done.counted:>{width},}"
    yield f"  repeated  {done.repeated:>{width},}" + _note(done.repeated, "were there already")
    yield f"  refused   {done.refused:>{width},}" + _note(done.refused, "the first of them:")


def _note(number: int, text: str) -> str:
    return f"  {text}" if number else ""


def _reasons(done: Progress) -> Iterator[str]:
    for reason in done.reasons:
        yield f"    line {reason.line}: {reason.message}"
    if done.refused and done.refused_file:
        yield f"  All refused rows: {done.refused_file}"
    if done.too_old and not done.rebase:
        yield "  To try out old usage, shift it to now: --rebase now (with --restart here)."
