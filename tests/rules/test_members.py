"""Members, passwords and tries, as plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from support import samples
from tripmeter.model.member import Role
from tripmeter.rules.members import (
    BY_EMAIL,
    is_email,
    is_last_admin,
    tried,
    what_is_wrong_with,
)
from tripmeter.rules.rate_limit import NoRoom


@pytest.mark.parametrize("text", ["a@b", "ada.l+x@example.com", "ü@bücher.example"])
def test_what_may_be_an_address(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text", ["", "a", "@b", "a@", "a b@c", "a@b@c", "a\0@b", "<a@b>", "a@b\n", f"{'a' * 65}@b"]
)
def test_what_is_no_address(text: str) -> None:
    assert not is_email(text)


@pytest.mark.parametrize(
    ("password", "is_fine"),
    [
        ("abcdefghij", True),
        ("abcdefghi", False),
        ("aaaaaaaaaabbbbb", False),
        ("Ada@Example.com", False),
        ("päßwörter ✓", True),
        ("x" * 200 + "abcd", True),
        ("abcd" * 65, False),
    ],
)
def test_what_a_password_must_be(password: str, is_fine: bool) -> None:
    assert (what_is_wrong_with(password, "ada@example.com") is None) is is_fine


def test_the_last_admin_is_who_alone_can_manage() -> None:
    ada = samples.member("mbr_1")
    others = [
        samples.member("mbr_2", role=Role.VIEWER),
        samples.member("mbr_3", accounts=("acct_a",)),
        samples.member("mbr_4", password=None),
    ]
    assert is_last_admin([ada, *others], ada)
    assert not is_last_admin([ada, *others], others[0])
    assert not is_last_admin([ada, *others, samples.member("mbr_5")], ada)
    assert not is_last_admin([ada, *others], structs.replace(ada, role=Role.VIEWER))


@given(st.lists(st.integers(0, 100_000), max_size=60))
def test_no_more_than_so_many_are_tried_at_once_and_in_the_long_run(waits: list[int]) -> None:
    now, full_at, let_in = 0, 0, []
    for wait in waits:
        now += wait
        after = tried(full_at, BY_EMAIL, now)
        if isinstance(after, NoRoom):
            assert not isinstance(tried(full_at, BY_EMAIL, now + after.wait_ms), NoRoom)
        else:
            full_at = after
            let_in.append(now)
    for at, begin in enumerate(let_in):
        for span, end in enumerate(let_in[at:]):
            assert span + 1 <= BY_EMAIL.at_once + (end - begin) // BY_EMAIL.again_ms
