"""Billing against an oracle: one seed is one life of some subscriptions, to the cent.

    pytest tests/sim/test_billing_oracle.py                  300 lives, 40 of them on PostgreSQL too
    TRIPMETER_SCENARIOS=10000 pytest tests/sim/...           more of them (add -n 2 for two cores)
    TRIPMETER_POSTGRES_SCENARIOS=500 ...                     the same for PostgreSQL
    TRIPMETER_SEED=17 pytest tests/sim/...                   one of them, compared after every step

A failure tells the story up to the first difference, and the command that repeats it.
"""

import os
from traceback import format_exc
from typing import Any

import pytest

from sim.test_oracle import place, quiet
from support.billing_scenario import Play

__all__ = ["quiet"]

PER_TEST = 10
SCENARIOS = {
    "sqlite": int(os.environ.get("TRIPMETER_SCENARIOS", "300")),
    "postgres": int(os.environ.get("TRIPMETER_POSTGRES_SCENARIOS", "40")),
}
ONE_SEED = os.environ.get("TRIPMETER_SEED")
STEPS = 45

COMMAND = (
    "TRIPMETER_SEED={seed} .venv/bin/python -m pytest tests/sim/test_billing_oracle.py -k {store}"
)


def seeds() -> list[Any]:
    """The stores, and the seeds to be run on each, some in each test."""
    if ONE_SEED is not None:
        one = range(int(ONE_SEED), int(ONE_SEED) + 1)
        return [pytest.param(store, one, id=f"{store}-{ONE_SEED}") for store in SCENARIOS]
    return [
        pytest.param(store, range(at, min(at + PER_TEST, most)), id=f"{store}-{at}")
        for store, most in SCENARIOS.items()
        for at in range(0, most, PER_TEST)
    ]


@pytest.mark.parametrize(("store", "some"), seeds())
def test_invoices_are_what_the_oracle_says(store: str, some: range) -> None:
    for seed in some:
        failed = _played(seed, store, always=ONE_SEED is not None)
        if failed is not None and ONE_SEED is None:
            failed = _played(seed, store, always=True) or failed
        if failed is not None:
            pytest.fail(f"{failed}\n\nTo repeat: {COMMAND.format(seed=seed, store=store)}", False)


def _played(seed: int, store: str, *, always: bool) -> str | None:
    """The story up to what went wrong; None if nothing did."""
    with place(store) as url:
        play = Play(seed, url)
        with play.engine:
            try:
                _play(play, always=always)
            except Exception as error:
                story = "\n".join(play.story)
                where = "" if isinstance(error, AssertionError) else format_exc(limit=-6)
                return f"{story}\n\n{where}{type(error).__name__}: {error}"
    return None


def _play(play: Play, *, always: bool) -> None:
    play.open()
    for _ in range(STEPS):
        play.happen()
        if always:
            play.compare()
    play.compare()
    getattr(play.engine, "crash" if play.seed % 2 else "restart")()
    play.compare()
    play.engine.assert_sound()
