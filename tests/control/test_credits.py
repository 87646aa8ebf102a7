"""What becomes of credits as time goes on and invoices are finalized and voided."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec import structs

from support import samples
from support.engine import SCOPE, Engine
from support.server import run
from tripmeter.control.credits import (
    apply_to_invoice,
    create_grant,
    end_grant,
    expire_grant,
    give_back,
    update_grant,
    void_grant,
)
from tripmeter.model.agenda import Due, Task
from tripmeter.model.credit import CreditGrant, CreditKind, CreditTransaction
from tripmeter.model.errors import ParameterInvalid, StateConflict
from tripmeter.model.invoice import Invoice, InvoiceLine
from tripmeter.model.scope import Caller
from tripmeter.pipeline.audit import audit
from tripmeter.ports import Session, Work
from tripmeter.rules.credits import UNUSED_LIMIT, left_of
from tripmeter.store.sqlite import SqliteStore

HOUR_MS = 3_600_000
METERED: dict[str, Any] = {"scope": {"price_type": "metered"}}


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with the customer `cus_1`, whose ledgers add up in the end."""
    with Engine() as engine:
        engine.create_customer("cus_1")
        yield engine
        engine.assert_sound()


def grant(engine: Engine, value: int = 1_000, **params: Any) -> CreditGrant:
    """Give `cus_1` dollars."""
    amount = {"type": "monetary", "monetary": {"currency": "usd", "value": value}}
    given = {"customer": "cus_1", "amount": amount, "applicability_config": METERED, **params}
    made: CreditGrant = engine.command(create_grant, given)
    return made


def seconds(engine: Engine, hours: int) -> int:
    """The time in so many hours, as the API has it."""
    return (engine.clock.now_ms() + hours * HOUR_MS) // 1000


def entries(engine: Engine, made: CreditGrant) -> list[CreditTransaction]:
    """A grant's ledger, the oldest first."""

    def run(_: Any, session: Any, __: int) -> list[CreditTransaction]:
        found = session.credit_transactions.every(SCOPE, credit_grant=made.id)
        return [kept.value for kept in found][::-1]

    return engine.query(run)


def moves(engine: Engine, made: CreditGrant) -> list[tuple[str, int]]:
    return [(entry.kind.value, entry.amount) for entry in entries(engine, made)]


def left(engine: Engine, made: CreditGrant) -> int:
    return left_of(entries(engine, made))


def agenda(engine: Engine, clock: str | None = None) -> list[Due]:
    """All that is planned, whenever it is due."""

    def run(_: Any, session: Any, __: int) -> list[Due]:
        if clock is not None:
            return list(session.agenda.due_on_clock(SCOPE, clock, 2**52, 99))
        return list(session.agenda.due(2**52, 99))

    return engine.query(run)


def invoiced(engine: Engine, *lines: InvoiceLine, **fields: Any) -> Invoice:
    """An invoice of `cus_1` for a period that ends now, finalized as far as credits go."""
    own = {"lines": lines, "period_end_ms": engine.clock.now_ms(), **fields}

    def change(work: Work, _: Caller) -> Invoice:
        applied = apply_to_invoice(work, samples.invoice(own.pop("id", "in_1"), SCOPE, **own))
        work.session.invoices.insert(applied)
        return applied

    made: Invoice = engine.command(change)
    return made


def voided(engine: Engine, invoice: Invoice) -> None:
    engine.command(lambda work, _: give_back(work, invoice))


def expired(engine: Engine, made: CreditGrant) -> None:
    """As the agenda has it done."""
    engine.command(
        lambda work, _: expire_grant(work, work.session.credit_grants.get(SCOPE, made.id).value)
    )


# --- invoices -----------------------------------------------------------------------------------


def test_an_invoice_takes_credits_and_voiding_it_gives_them_back(engine: Engine) -> None:
    first, second = grant(engine, 100, priority=1), grant(engine, 1_000)
    line, fee = samples.invoice_line("il_1", 250), samples.invoice_line("il_2", 70, window=None)
    invoice = invoiced(engine, line, fee)
    paid, unpaid = invoice.lines
    assert [one.amount for one in paid.credits] == [100, 150]
    assert unpaid == fee
    assert [e.id for g in (first, second) for e in entries(engine, g)[1:]] == [
        one.id for one in paid.credits
    ]
    assert (left(engine, first), left(engine, second)) == (0, 850)
    engine.assert_sound()
    for _ in range(2):  # again, as a retry would
        voided(engine, invoice)
    returned = CreditKind.GIVEN_BACK.value
    assert moves(engine, first)[-1] == (returned, 100)
    assert moves(engine, second)[-1] == (returned, 150)
    assert (left(engine, first), left(engine, second)) == (100, 1_000)
    (entry, *_) = entries(engine, first)[::-1]
    assert (entry.invoice, entry.invoice_line) == ("in_1", "il_1")


def test_what_goes_back_to_an_expired_grant_expires_at_once(engine: Engine) -> None:
    made = grant(engine, 100, expires_at=seconds(engine, 1))
    invoice = invoiced(engine, samples.invoice_line(amount=60))
    engine.clock.advance(2 * HOUR_MS)
    expired(engine, made)
    voided(engine, invoice)
    assert moves(engine, made) == [
        ("credits_granted", 100),
        ("credits_applied", 60),
        ("credits_expired", 40),
        ("credits_application_invoice_voided", 60),
        ("credits_expired", 60),
    ]
    assert entries(engine, made)[-1].effective_ms == engine.clock.now_ms()


def test_a_pending_grant_pays_for_periods_that_end_after_its_effect(engine: Engine) -> None:
    made = grant(engine, 100, effective_at=seconds(engine, 1))
    assert invoiced(engine, samples.invoice_line()).lines[0].credits == ()
    (entry,) = entries(engine, made)
    assert entry.effective_ms == made.effective_ms > entry.created_ms
    engine.clock.advance(HOUR_MS)
    later = invoiced(engine, samples.invoice_line(), id="in_2")
    assert [one.amount for one in later.lines[0].credits] == [100]


def test_applying_again_takes_nothing_more(engine: Engine) -> None:
    made = grant(engine)
    invoice = invoiced(engine, samples.invoice_line(amount=60))
    again = engine.command(lambda work, _: apply_to_invoice(work, invoice))
    assert again == invoice
    assert left(engine, made) == 940


def test_every_move_of_the_ledger_is_told_in_its_transaction(engine: Engine) -> None:
    made = grant(engine)
    voided(engine, invoiced(engine, samples.invoice_line(amount=60)))
    told = [e for e in engine.events() if e.type == "billing.credit_balance_transaction.created"]
    assert [e.object_id for e in told] == [entry.id for entry in entries(engine, made)]


# --- the end of a grant -------------------------------------------------------------------------


def test_a_grant_expires_by_the_agenda(engine: Engine) -> None:
    made = grant(engine, expires_at=seconds(engine, 1))
    assert made.expires_ms is not None
    assert agenda(engine) == [Due(SCOPE, Task.CREDIT_EXPIRES, made.id, made.expires_ms)]
    expired(engine, made)  # too early
    assert left(engine, made) == 1_000
    engine.clock.advance(5 * HOUR_MS)  # late
    for _ in range(2):
        expired(engine, made)
    assert moves(engine, made)[1:] == [("credits_expired", 1_000)]
    assert entries(engine, made)[-1].effective_ms == made.expires_ms
    assert agenda(engine) == []


def test_the_agenda_follows_what_becomes_of_the_expiry(engine: Engine) -> None:
    made = grant(engine, expires_at=seconds(engine, 1))
    engine.command(update_grant, made.id, {"expires_at": seconds(engine, 2)})
    assert [due.due_ms for due in agenda(engine)] == [seconds(engine, 2) * 1000]
    engine.command(update_grant, made.id, {"expires_at": None})
    assert agenda(engine) == []
    engine.command(update_grant, made.id, {"expires_at": seconds(engine, 3)})
    engine.command(void_grant, made.id)
    assert agenda(engine) == []


def test_a_grant_ends_by_hand(engine: Engine) -> None:
    made = grant(engine, expires_at=seconds(engine, 9))
    ended = engine.command(end_grant, made.id)
    assert ended.expires_ms == engine.clock.now_ms()
    assert moves(engine, made)[1:] == [("credits_expired", 1_000)]
    assert agenda(engine) == []
    for move in (end_grant, void_grant):
        with pytest.raises(StateConflict, match="has expired"):
            engine.command(move, made.id)
    with pytest.raises(StateConflict, match="has expired"):
        engine.command(update_grant, made.id, {"expires_at": None})
    assert engine.command(update_grant, made.id, {"metadata": {"k": "v"}}).metadata == {"k": "v"}


def test_a_grant_is_voided_only_while_nothing_of_it_was_applied(engine: Engine) -> None:
    untouched, used = grant(engine, priority=2), grant(engine, priority=1)
    invoice = invoiced(engine, samples.invoice_line(amount=1))
    voided(engine, invoice)
    with pytest.raises(StateConflict, match=r"invoice in_1.*/expire"):
        engine.command(void_grant, used.id)
    assert engine.command(void_grant, untouched.id).voided_ms == engine.clock.now_ms()
    assert moves(engine, untouched)[1:] == [("credits_voided", 1_000)]
    pending = grant(engine, effective_at=seconds(engine, 5))
    engine.command(void_grant, pending.id)
    assert left(engine, pending) == 0


def test_there_is_room_for_a_hundred_unused_grants(engine: Engine) -> None:
    made = [grant(engine, 10, priority=at) for at in range(UNUSED_LIMIT)]
    with pytest.raises(StateConflict, match="100 unused credit grants"):
        grant(engine)
    invoiced(engine, samples.invoice_line(amount=10))  # uses the first one up
    grant(engine)
    engine.command(void_grant, made[50].id)
    grant(engine)
    with pytest.raises(StateConflict, match="100 unused"):
        grant(engine, effective_at=seconds(engine, 1))


# --- test clocks --------------------------------------------------------------------------------


def test_the_time_of_a_customer_on_a_test_clock_is_the_clocks(engine: Engine) -> None:
    start_ms = 1_000_000_000_000  # in 2001

    def attach(work: Work, _: Caller) -> None:
        work.session.test_clocks.insert(samples.clock("clock_1", SCOPE, frozen_ms=start_ms))
        kept = work.session.customers.get(SCOPE, "cus_1")
        work.session.customers.replace(kept.no, structs.replace(kept.value, clock="clock_1"))

    def turn(work: Work, _: Caller) -> None:
        no, clock = work.session.test_clocks.get(SCOPE, "clock_1")
        work.session.test_clocks.replace(no, structs.replace(clock, frozen_ms=start_ms + HOUR_MS))

    engine.command(attach)
    with pytest.raises(ParameterInvalid, match="future"):
        grant(engine, expires_at=start_ms // 1000)
    made = grant(engine, expires_at=start_ms // 1000 + 3600)
    assert (made.created_ms, made.effective_ms, made.clock) == (start_ms, start_ms, "clock_1")
    assert agenda(engine) == []
    (due,) = agenda(engine, "clock_1")
    assert (due.subject, due.due_ms) == (made.id, start_ms + HOUR_MS)
    expired(engine, made)
    assert left(engine, made) == 1_000
    engine.command(turn)
    expired(engine, made)
    assert left(engine, made) == 0
    assert entries(engine, made)[-1].clock == "clock_1"


# --- doctor -------------------------------------------------------------------------------------

TAMPERED: dict[str, tuple[str, str, str]] = {
    "an amount": ("credit_transactions", '"amount":60', '"amount":61'),
    "a kind": ("credit_transactions", "credits_applied", "credits_granted"),
    "a lost entry": ("credit_transactions", "credits_granted", ""),
    "a grant": ("credit_grants", '"amount":100', '"amount":99'),
    "a lost grant": ("credit_grants", "credgr_", ""),
}
"""Table, what a row of it says, and what that is made; nothing, for a row that is deleted."""


@pytest.mark.parametrize(("table", "old", "new"), TAMPERED.values(), ids=TAMPERED)
def test_doctor_finds_what_was_tampered_with(
    tmp_path: Path, table: str, old: str, new: str
) -> None:
    store = SqliteStore(tmp_path / "tripmeter.db")
    with closing(store), Engine() as engine:
        engine.create_customer("cus_1")
        made = grant(engine, 100)
        invoiced(engine, samples.invoice_line(amount=40))
        engine.command(end_grant, made.id)
        report = engine.query(lambda _, session, __: audit(session))
        assert (report.grants, report.differences) == (1, [])
        store.migrate()
        with store.transaction():
            engine.query(lambda _, session, __: _copy(session, store.writer()))
    with closing(apsw.Connection(str(tmp_path / "tripmeter.db"))) as beside:
        assert run("doctor", "--data", str(tmp_path)).code == 0
        ((no, doc),) = [
            row for row in beside.execute(f"SELECT no, doc FROM {table}") if old in str(row[1])
        ]
        if new:
            changed = bytes(doc).replace(old.encode(), new.encode())
            beside.execute(f"UPDATE {table} SET doc = ? WHERE no = ?", (changed, no))
        else:
            beside.execute(f"DELETE FROM {table} WHERE no = ?", (no,))
    ended = run("doctor", "--data", str(tmp_path))
    assert ended.code == 1
    assert "credits" in ended.out


def _copy(source: Session, target: Session) -> None:
    for name in ("credit_grants", "credit_transactions"):
        for kept in [*getattr(source, name).every(SCOPE)][::-1]:
            getattr(target, name).insert(kept.value)
