"""Billing credits: what is left of a grant, which lines it pays, in which order, what adds up.

A grant's ledger is kept in double entry: what credits move in, debits move out, to an invoice's
line, to expiry or to nothing. So its balance is never stored, and never below zero or above the
grant's amount.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from tripmeter.model.credit import CreditGrant, CreditKind, CreditTransaction
from tripmeter.model.invoice import Invoice, InvoiceLine
from tripmeter.model.money import format_amount

UNUSED_LIMIT: Final = 100
"""Grants that a customer may have of which something is left, pending ones included (Stripe)."""

CREDITS: Final = frozenset({CreditKind.GRANTED, CreditKind.GIVEN_BACK})
"""Kinds of transaction that move into a grant's balance; the others move out of it."""

_NEVER: Final = 2**62


class Standing(NamedTuple):
    """A grant and what is left of it, in minor units."""

    grant: CreditGrant
    left: int


class Use(NamedTuple):
    """An amount of a grant that pays a part of a line."""

    line: str
    grant: str
    amount: int
    """Minor units, more than 0."""


class Fault(NamedTuple):
    """Something in a ledger that cannot be, in words."""

    where: str
    stored: str
    expected: str


# --- balances ----------------------------------------------------------------------------------


def signed(entry: CreditTransaction) -> int:
    """What a transaction adds to the balance of its grant, in minor units."""
    return entry.amount if entry.kind in CREDITS else -entry.amount


def left_of(entries: Iterable[CreditTransaction]) -> int:
    """What is left of a grant by its transactions, effective already or not."""
    return sum(map(signed, entries))


def ledger_balance(entries: Iterable[CreditTransaction], now_ms: int) -> int:
    """What is left of a grant by the transactions that are effective: a pending grant has none."""
    return max(0, sum(signed(entry) for entry in entries if entry.effective_ms <= now_ms))


def is_over(grant: CreditGrant, now_ms: int) -> bool:
    """Whether a grant is voided, or its expiry has come."""
    return grant.voided_ms is not None or has_expired(grant, now_ms)


def has_expired(grant: CreditGrant, now_ms: int) -> bool:
    """Whether a grant's expiry has come; at that very moment it has."""
    return grant.expires_ms is not None and grant.expires_ms <= now_ms


# --- which grants pay what ---------------------------------------------------------------------


def is_eligible(grant: CreditGrant, currency: str, period_end_ms: int) -> bool:
    """Whether a grant can pay on an invoice whose period ends at a time (Stripe)."""
    if grant.voided_ms is not None or grant.currency != currency:
        return False
    return grant.effective_ms <= period_end_ms < _expiry(grant)


def pays(grant: CreditGrant, line: InvoiceLine) -> bool:
    """Whether a line is one of metered usage whose price is in the grant's scope."""
    if line.window is None or line.price is None:
        return False
    return not grant.prices or line.price in grant.prices


def in_order(standings: Iterable[Standing]) -> list[Standing]:
    """In the order of their use (Stripe): priority, expiry, promotional ones, effect, creation."""
    return sorted(standings, key=lambda standing: _place(standing.grant))


def _place(grant: CreditGrant) -> tuple[int, int, bool, int, int, str]:
    return (
        grant.priority,
        _expiry(grant),
        grant.category != "promotional",
        grant.effective_ms,
        grant.created_ms,
        grant.id,  # of two made in the same millisecond, always the same first
    )


def _expiry(grant: CreditGrant) -> int:
    return _NEVER if grant.expires_ms is None else grant.expires_ms


def payable(line: InvoiceLine) -> int:
    """What credits may still pay of a line: its amount after discounts and credits, 0 or more."""
    taken = sum(one.amount for one in (*line.discounts, *line.credits))
    return max(0, line.amount - taken)


def apply_credits(
    lines: Sequence[InvoiceLine],
    standings: Sequence[Standing],
    period_end_ms: int,
    currency: str,
) -> tuple[Use, ...]:
    """Which grant pays how much of which line, going through the lines in the invoice's order.

    Credits come after discounts and before taxes (Stripe).
    """
    usable = [one for one in standings if is_eligible(one.grant, currency, period_end_ms)]
    left = {one.grant.id: one.left for one in usable}
    uses: list[Use] = []
    for line in lines:
        owed = payable(line)
        for grant, _ in in_order(usable):
            amount = min(owed, left[grant.id]) if pays(grant, line) else 0
            if amount > 0:
                left[grant.id] -= amount
                owed -= amount
                uses.append(Use(line.id, grant.id, amount))
    return tuple(uses)


def held_by_drafts(drafts: Iterable[Invoice], standings: Sequence[Standing]) -> Counter[str]:
    """What drafts will take of each grant, by its id, were they finalized now, the first first."""
    held: Counter[str] = Counter()
    for draft in drafts:
        rest = [Standing(grant, left - held[grant.id]) for grant, left in standings]
        for use in apply_credits(draft.lines, rest, draft.period_end_ms, draft.currency):
            held[use.grant] += use.amount
    return held


# --- checking a ledger -------------------------------------------------------------------------


def ledger_faults(grant: CreditGrant, entries: Sequence[CreditTransaction]) -> Iterator[Fault]:
    """Everything that is wrong with a grant's ledger; `entries` from the oldest on."""
    own = f"credit grant {grant.id}"
    granted = [entry.amount for entry in entries if entry.kind is CreditKind.GRANTED]
    if granted != [grant.amount] or entries[0].kind is not CreditKind.GRANTED:
        shown = ", ".join(_money(grant, amount) for amount in granted) or "nothing"
        yield Fault(
            f"{own}, what was granted", shown, f"{_money(grant, grant.amount)}, once, first"
        )
    yield from _strange_entries(grant, entries)
    yield from _running_balance(grant, entries)
    yield from _more_returned_than_applied(grant, entries)
    yield from _wrong_end(grant, entries)


def _strange_entries(grant: CreditGrant, entries: Sequence[CreditTransaction]) -> Iterator[Fault]:
    for entry in entries:
        facts = (entry.customer, entry.currency)
        if facts != (grant.customer, grant.currency):
            yield Fault(
                f"credit balance transaction {entry.id}",
                " ".join(facts),
                f"{grant.customer} {grant.currency}",
            )
        if entry.amount <= 0:
            yield Fault(f"credit balance transaction {entry.id}", str(entry.amount), "more than 0")


def _running_balance(grant: CreditGrant, entries: Sequence[CreditTransaction]) -> Iterator[Fault]:
    balance = 0
    for entry in entries:
        balance += signed(entry)
        if not 0 <= balance <= grant.amount:
            yield Fault(
                f"credit grant {grant.id}, balance after {entry.id}",
                _money(grant, balance),
                f"0 to {_money(grant, grant.amount)}",
            )


def _more_returned_than_applied(
    grant: CreditGrant, entries: Sequence[CreditTransaction]
) -> Iterator[Fault]:
    """At any time: what is applied later does not make up for what was given back too early."""
    standing: Counter[tuple[str | None, str | None]] = Counter()
    least: dict[tuple[str | None, str | None], int] = {}
    for entry in entries:
        place = entry.invoice, entry.invoice_line
        if entry.kind is CreditKind.APPLIED:
            standing[place] += entry.amount
        if entry.kind is CreditKind.GIVEN_BACK:
            standing[place] -= entry.amount
        least[place] = min(least.get(place, 0), standing[place])
    for (invoice, line), amount in least.items():
        if amount < 0:
            where = f"credit grant {grant.id}, invoice {invoice}, line {line}"
            yield Fault(where, f"{_money(grant, -amount)} too much given back", "what was applied")


def _wrong_end(grant: CreditGrant, entries: Sequence[CreditTransaction]) -> Iterator[Fault]:
    """That what ended a grant stands in its ledger, and the other way round."""
    own, kinds = f"credit grant {grant.id}", [entry.kind for entry in entries]
    if (CreditKind.VOIDED in kinds) != (grant.voided_ms is not None):
        told = "voided" if grant.voided_ms is not None else "not voided"
        yield Fault(own, f"{kinds.count(CreditKind.VOIDED)} credits_voided", f"as it is {told}")
    if grant.voided_ms is not None and left_of(entries) != 0:
        yield Fault(f"{own}, voided", _money(grant, left_of(entries)), "nothing left")
    for entry in entries:
        if entry.kind is CreditKind.EXPIRED and not has_expired(grant, entry.effective_ms):
            yield Fault(own, f"expired by {entry.id}", "expiry not before expires_at")


def _money(grant: CreditGrant, amount: int) -> str:
    return format_amount(amount, grant.currency)
