"""Digests of identifiers: by the definition, and apart for whatever must be told apart."""

from hypothesis import given
from hypothesis import strategies as st

from tripmeter.model.digests import Digests
from tripmeter.model.scope import Scope
from tripmeter.pipeline.identity import Identity

SCOPE = Scope("acct_a", livemode=False)
IDENTITY = Identity(b"a secret of some length")

texts = st.lists(st.text(max_size=100), min_size=1, max_size=30)


def pairs(digests: Digests) -> list[tuple[int, int]]:
    return list(zip(digests.high.tolist(), digests.low.tolist(), strict=True))


def digests(*identifiers: str, scope: Scope = SCOPE, kind: str = "") -> list[tuple[int, int]]:
    return pairs(IDENTITY.digests(IDENTITY.origin(scope, kind), identifiers))


def by_definition(text: str) -> tuple[int, int]:
    """The three sums, in integers of any size."""
    raw = text.encode()
    words = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]
    lanes = []
    for lane, start in enumerate(IDENTITY.origin(SCOPE).tolist()):
        value = start + len(raw) * int(IDENTITY._of_length[lane])
        value += sum(word * int(IDENTITY._of_words[at, lane]) for at, word in enumerate(words))
        lanes.append(value % 2**64 >> 32)
    return lanes[0] << 32 | lanes[1], lanes[2]


@given(texts)
def test_a_column_holds_the_sums_of_each_identifier(some: list[str]) -> None:
    assert digests(*some) == [by_definition(text) for text in some]


@given(texts)
def test_company_makes_no_difference(some: list[str]) -> None:
    assert digests(*some) == [digests(text)[0] for text in some]


def test_different_identifiers_have_different_digests() -> None:
    names = ["", "a", "a\0", "a\0\0\0", "\0", "ab", "abcd", "abcde", "b", *map(str, range(10_000))]
    assert len(set(digests(*names))) == len(names)


def test_accounts_modes_kinds_and_stores_are_apart() -> None:
    own = digests("evt_1")
    assert digests("evt_1", scope=Scope("acct_a", livemode=True)) != own
    assert digests("evt_1", scope=Scope("acct_b", livemode=False)) != own
    assert digests("evt_1", kind="request") != own
    other = Identity(b"another secret of that length")
    assert pairs(other.digests(other.origin(SCOPE), ["evt_1"])) != own
    assert other.name != IDENTITY.name
