"""Edits of a text that the browser and the studio exchange."""

from random import Random

import pytest

from workbench.studio.edits import difference, edited

LETTERS = "ab\né😀"  # the last one has two units


@pytest.mark.parametrize(
    ("text", "change", "expected"),
    [
        ("abc", [3], "abc"),
        ("", [[0, "a", "b"]], "a\nb"),
        ("abc", [1, [1], 1], "ac"),
        ("abc", [1, [1, "x", ""], 1], "ax\nc"),
        ("a😀c", [3, [1, "d"]], "a😀d"),
        ("a😀c", [1, [2, "é"], 1], "aéc"),
        ("abc", [[0, "x"], 1, [0, "y"], 2], "xaybc"),
    ],
)
def test_a_change_of_the_editor_is_applied(text, change, expected):
    assert edited(text, change) == expected


@pytest.mark.parametrize("change", [[2], [4], [[3, "x"], 1], []])
def test_a_change_of_another_text_is_refused(change):
    with pytest.raises(ValueError, match="units, not 3"):
        edited("abc", change)


def test_a_difference_leads_from_one_text_to_the_other_and_leaves_the_rest():
    random = Random(0)
    for _ in range(500):
        before, after = ("".join(random.choices(LETTERS, k=random.randrange(6))) for _ in "12")
        start, stop, inserted = difference(before, after)
        length = len(before.encode("utf-16-le")) // 2
        change = [start, [stop - start, *inserted.split("\n")], length - stop]
        assert edited(before, change) == after
    assert difference("gain: 0.2 # ü", "gain: 0.25 # ü") == (9, 9, "5")
    assert difference("😀a", "😀b") == (2, 3, "b")
