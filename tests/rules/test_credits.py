"""How credits pay for invoices, and what a ledger must add up to."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from support.samples import credit_entry, credit_grant, invoice, invoice_line
from tripmeter.model.credit import CreditGrant, CreditKind
from tripmeter.model.invoice import Applied, InvoiceLine
from tripmeter.rules.credits import (
    Standing,
    Use,
    apply_credits,
    held_by_drafts,
    in_order,
    is_eligible,
    ledger_balance,
    ledger_faults,
    left_of,
    payable,
    pays,
)

END_MS = 9_000
PRICES = ("price_1", "price_2", "price_3")

amounts = st.integers(0, 10**14)
moments = st.integers(END_MS - 2, END_MS + 2)


@st.composite
def lines(draw: st.DrawFn) -> list[InvoiceLine]:
    """Lines of an invoice: metered or not, with discounts, some of them taking it all."""
    made = []
    for number in range(draw(st.integers(0, 5))):
        amount = draw(st.one_of(st.integers(-5, 20), amounts))
        discount = draw(st.integers(0, max(0, amount)))
        discounts = (Applied("di_1", discount),) if discount else ()
        own: dict[str, Any] = {
            "window": draw(st.one_of(st.none(), st.just(number))),
            "price": draw(st.sampled_from(PRICES)),
            "discounts": discounts,
        }
        made.append(invoice_line(f"il_{number}", amount, **own))
    return made


@st.composite
def standings(draw: st.DrawFn) -> list[Standing]:
    """Grants, in any state, and what is left of them."""
    made = []
    for number in range(draw(st.integers(0, 6))):
        amount = draw(st.one_of(st.integers(1, 20), st.integers(1, 10**14)))
        grant = credit_grant(
            f"credgr_{number}",
            amount=amount,
            currency=draw(st.sampled_from(["usd", "usd", "usd", "eur"])),
            priority=draw(st.integers(0, 2)),
            category=draw(st.sampled_from(["paid", "promotional"])),
            effective_ms=draw(moments),
            expires_ms=draw(st.one_of(st.none(), moments)),
            voided_ms=draw(st.sampled_from([None, None, None, 5])),
            prices=tuple(draw(st.lists(st.sampled_from(PRICES), max_size=2, unique=True))),
            created_ms=draw(st.integers(1, 2)),
        )
        made.append(Standing(grant, draw(st.integers(0, amount))))
    return made


def applied(uses: tuple[Use, ...], member: str) -> Counter[str]:
    sums: Counter[str] = Counter()
    for use in uses:
        sums[getattr(use, member)] += use.amount
    return sums


@given(lines(), standings())
def test_no_line_is_paid_twice_and_no_grant_spends_what_it_has_not(
    lines: list[InvoiceLine], standings: list[Standing]
) -> None:
    uses = apply_credits(lines, standings, END_MS, "usd")
    by_line, by_grant = applied(uses, "line"), applied(uses, "grant")
    assert all(by_line[line.id] <= payable(line) for line in lines)
    assert all(by_grant[grant.id] <= left for grant, left in standings)
    assert by_line.total() == by_grant.total() == sum(use.amount for use in uses)
    assert all(use.amount > 0 for use in uses)
    assert len({(use.line, use.grant) for use in uses}) == len(uses)


@given(lines(), standings())
def test_only_grants_that_may_pay_do_and_only_usage(
    lines: list[InvoiceLine], standings: list[Standing]
) -> None:
    grants = {grant.id: grant for grant, _ in standings}
    metered = {line.id: line for line in lines}
    for use in apply_credits(lines, standings, END_MS, "usd"):
        grant, line = grants[use.grant], metered[use.line]
        assert (grant.currency, grant.voided_ms) == ("usd", None)
        assert grant.effective_ms <= END_MS < (grant.expires_ms or END_MS + 1)
        assert line.window is not None
        assert line.price in (grant.prices or PRICES)


@given(lines(), standings())
def test_what_is_not_applied_could_not_have_been(
    lines: list[InvoiceLine], standings: list[Standing]
) -> None:
    uses = apply_credits(lines, standings, END_MS, "usd")
    by_line, by_grant = applied(uses, "line"), applied(uses, "grant")
    for line in lines:
        for grant, left in standings:
            if is_eligible(grant, "usd", END_MS) and pays(grant, line):
                open_ = payable(line) - by_line[line.id]
                assert open_ == 0 or left == by_grant[grant.id]


@given(lines(), standings())
def test_lines_are_gone_through_in_order_and_grants_in_theirs(
    lines: list[InvoiceLine], standings: list[Standing]
) -> None:
    """A grant that is used beside one that comes before it finds that one used up, or barred."""
    uses = apply_credits(lines, standings, END_MS, "usd")
    line_order = {line.id: place for place, line in enumerate(lines)}
    ordered = in_order(standings)
    grant_order = {standing.grant.id: place for place, standing in enumerate(ordered)}
    places = [(line_order[use.line], grant_order[use.grant]) for use in uses]
    assert places == sorted(places)
    spent: Counter[str] = Counter()
    for use in uses:
        line = lines[line_order[use.line]]
        for grant, left in ordered[: grant_order[use.grant]]:
            if is_eligible(grant, "usd", END_MS) and pays(grant, line):
                assert left == spent[grant.id]
        spent[use.grant] += use.amount


@given(lines(), standings(), st.randoms())
def test_the_order_in_which_grants_are_read_is_of_no_account(
    lines: list[InvoiceLine], standings: list[Standing], random: Any
) -> None:
    expected = apply_credits(lines, standings, END_MS, "usd")
    random.shuffle(standings)
    assert apply_credits(lines, standings, END_MS, "usd") == expected


ORDER: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("priority before expiry", {"priority": 1}, {"priority": 2, "expires_ms": 9_001}),
    ("expiry before category", {"expires_ms": 9_001}, {"category": "promotional"}),
    ("no expiry comes last", {"expires_ms": 10**15}, {"expires_ms": None}),
    (
        "promotional before effect",
        {"category": "promotional", "effective_ms": 2},
        {"effective_ms": 1},
    ),
    (
        "effect before creation",
        {"effective_ms": 1, "created_ms": 9},
        {"effective_ms": 2, "created_ms": 1},
    ),
    ("creation last of all", {"created_ms": 1}, {"created_ms": 2}),
]


@pytest.mark.parametrize(("first", "second"), [o[1:] for o in ORDER], ids=[o[0] for o in ORDER])
def test_the_order_of_use(first: dict[str, Any], second: dict[str, Any]) -> None:
    earlier, later = credit_grant("credgr_z", **first), credit_grant("credgr_a", **second)
    found = in_order([Standing(later, 1), Standing(earlier, 1)])
    assert [standing.grant for standing in found] == [earlier, later]


@pytest.mark.parametrize(
    ("effective_ms", "expires_ms", "eligible"),
    [
        (END_MS, None, True),
        (END_MS + 1, None, False),
        (1, END_MS + 1, True),
        (1, END_MS, False),
    ],
)
def test_a_grant_is_good_from_its_effect_until_just_before_its_expiry(
    effective_ms: int, expires_ms: int | None, eligible: bool
) -> None:
    grant = credit_grant(effective_ms=effective_ms, expires_ms=expires_ms)
    assert is_eligible(grant, "usd", END_MS) is eligible


def test_what_credits_paid_already_is_not_paid_again() -> None:
    line = invoice_line(amount=100, credits=(Applied("cbtxn_1", 60),))
    used = apply_credits([line], [Standing(credit_grant(), 1_000)], END_MS, "usd")
    assert used == (Use("il_1", "credgr_1", 40),)


def test_drafts_take_one_after_the_other() -> None:
    drafts = [invoice(id_, lines=(invoice_line(f"il_{id_}", 700),)) for id_ in ("in_1", "in_2")]
    first, second = credit_grant("credgr_1", priority=1), credit_grant("credgr_2", priority=2)
    held = held_by_drafts(drafts, [Standing(first, 1_000), Standing(second, 300)])
    assert held == {"credgr_1": 1_000, "credgr_2": 300}


# --- ledgers ------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> tuple[CreditGrant, list[Any]]:
    """A grant and a ledger as moves write them: used, given back, and at an end or not."""
    grant = credit_grant(amount=draw(st.integers(1, 50)))
    entries, used, left = [credit_entry(amount=grant.amount)], [0, 0], grant.amount
    for at in draw(st.lists(st.integers(0, 1), max_size=6)):
        entry: dict[str, Any] = {
            "invoice": f"in_{at}",
            "invoice_line": f"il_{at}",
            "id": f"x_{len(entries)}",
        }
        if used[at]:
            kind, amount = CreditKind.GIVEN_BACK, used[at]
            left, used[at] = left + amount, 0
        elif left:
            kind, amount = CreditKind.APPLIED, draw(st.integers(1, left))
            left, used[at] = left - amount, amount
        else:
            continue
        entries.append(credit_entry(kind=kind, amount=amount, **entry))
    if left and draw(st.booleans()):
        grant = structs.replace(grant, expires_ms=5_000)
        gone: dict[str, Any] = {"kind": CreditKind.EXPIRED, "amount": left, "effective_ms": 5_000}
        entries.append(credit_entry("x_end", **gone))
    return grant, entries


@given(histories())
def test_a_ledger_that_moves_wrote_adds_up(history: tuple[CreditGrant, list[Any]]) -> None:
    grant, entries = history
    assert list(ledger_faults(grant, entries)) == []
    assert 0 <= left_of(entries) <= grant.amount


@given(histories())
def test_a_grant_that_is_twice_there_or_never_was_is_found(
    history: tuple[CreditGrant, list[Any]],
) -> None:
    """What was given back twice may be as well what was applied twice: a sum cannot tell."""
    grant, entries = history
    (granted,) = (at for at, entry in enumerate(entries) if entry.kind is CreditKind.GRANTED)
    assert list(ledger_faults(grant, [*entries[: granted + 1], *entries[granted:]])) != []
    assert list(ledger_faults(grant, entries[:granted] + entries[granted + 1 :])) != []


GRANTED = credit_entry()
FAULTY: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "nothing was granted": ({}, [], "what was granted"),
    "too much was granted": ({}, [credit_entry(amount=2_000)], "20.00 USD"),
    "more went than there was": (
        {},
        [GRANTED, credit_entry("x", kind=CreditKind.APPLIED, amount=1_001)],
        "-0.01 USD",
    ),
    "more came back than had gone": (
        {},
        [
            GRANTED,
            credit_entry("x", kind=CreditKind.APPLIED, amount=9, invoice="in_1"),
            credit_entry("y", kind=CreditKind.GIVEN_BACK, amount=9, invoice="in_2"),
        ],
        "invoice in_2",
    ),
    "another currency": ({"currency": "eur"}, [GRANTED], "cus_1 eur"),
    "another customer": ({"customer": "cus_2"}, [GRANTED], "cus_2 usd"),
    "a debit of nothing": (
        {},
        [GRANTED, credit_entry("x", kind=CreditKind.APPLIED, amount=0)],
        "more than 0",
    ),
    "voided without an entry": ({"voided_ms": 5}, [GRANTED], "nothing left"),
    "an entry of what was not voided": (
        {},
        [GRANTED, credit_entry("x", kind=CreditKind.VOIDED, amount=1_000)],
        "not voided",
    ),
    "expired too early": (
        {"expires_ms": 5_000},
        [GRANTED, credit_entry("x", kind=CreditKind.EXPIRED, amount=9, effective_ms=4_999)],
        "not before expires_at",
    ),
}


@pytest.mark.parametrize(("fields", "entries", "told"), FAULTY.values(), ids=FAULTY)
def test_a_ledger_that_cannot_be_is_told_in_words(
    fields: dict[str, Any], entries: list[Any], told: str
) -> None:
    faults = list(ledger_faults(credit_grant(**fields), entries))
    assert told in " ".join(" ".join(fault) for fault in faults), faults


def test_a_pending_grant_has_no_balance_before_its_effect() -> None:
    entries = [credit_entry(effective_ms=5_000)]
    assert ledger_balance(entries, 4_999) == 0
    assert ledger_balance(entries, 5_000) == 1_000
    voided = [*entries, credit_entry("x", kind=CreditKind.VOIDED, effective_ms=2_000)]
    assert ledger_balance(voided, 4_999) == ledger_balance(voided, 9_999) == 0
