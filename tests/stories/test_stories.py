"""Scenarios in plain text, each played against a whole engine whose clock the story holds."""

from pathlib import Path

import pytest

from support.story import StoryFailed, play

STORIES = sorted(Path(__file__).parent.glob("*.story"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path) -> None:
    complaint = None
    try:
        play(path)
    except StoryFailed as failed:
        complaint = str(failed)
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)


BEGINNING = """\
# What goes before
2026-03-01        meter api_calls sums value
2026-03-01        alert "soft limit" when acme uses 100 api_calls

"""


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            '2026-03-02 10:00  acme uses 99 api_calls  -> alert "soft limit" fires',
            'expected alert "soft limit" fires, but nothing',
        ),
        (
            "2026-03-02 10:00  acme uses 100 api_calls",
            'expected nothing, but alert "soft limit" fires',
        ),
        (
            '2026-03-02 10:00  acme uses 100 api_calls  -> alert "soft limit" fires with 99',
            'expected alert "soft limit" fires with 99, but alert "soft limit" fires with 100',
        ),
        (
            "2026-03-02 10:00  acme uses 1.2.3 api_calls",
            'expected nothing, but refused: "The value in the event payload must be',
        ),
        ("2026-03-02 10:00  acme loses 1 api_calls", "no sentence that stories know"),
        ("2026-03-02 10:00  acme uses 1 ipa_calls", "nothing is called 'ipa_calls'"),
        ("2026-02-28        acme uses 1 api_calls", "time runs backwards"),
        ("On Monday acme uses 1 api_calls", "begin with a date"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(
    tmp_path: Path, line: str, complaint: str
) -> None:
    path = tmp_path / "wrong.story"
    path.write_text(BEGINNING + line + "\n")
    with pytest.raises(StoryFailed) as failed:
        play(path)
    assert str(failed.value).startswith(f"wrong.story:5: {complaint}")
