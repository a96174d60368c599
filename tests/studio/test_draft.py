"""The text of a theory while it is written: marks and sliders."""

from pathlib import Path

import pytest

from tests.shipped import FOLDER
from workbench.spec import SpecError, load_theory
from workbench.studio.changes import changed
from workbench.studio.draft import Draft, read_draft, sliders

TEXT = (FOLDER / "curve-detectors.yaml").read_text()
FILE = FOLDER / "curve-detectors.yaml"


def test_a_theory_without_problems_has_no_marks():
    draft = read_draft(TEXT, FILE)
    assert draft.spec is not None
    assert draft.marks == ()


@pytest.mark.parametrize(
    ("old", "new", "underlined"),
    [
        ("rectify: full", "rectifi: full", "rectifi: full"),
        ("    window_px: 7", "    window_px: -7", "window_px: -7"),
        ("theory: curve-detectors", "theory: [", "poses:"),
    ],
)
def test_a_problem_is_marked_where_check_places_it(tmp_path, old, new, underlined):
    text = TEXT.replace(old, new, 1)
    draft = read_draft(text, FILE)
    assert draft.spec is None
    (tmp_path / "theory.yaml").write_text(text)
    with pytest.raises(SpecError) as refused:
        load_theory(tmp_path / "theory.yaml")
    lines = [str(problem) for problem in refused.value.problems]
    shown = [mark.message.replace(str(FILE), str(tmp_path / "theory.yaml")) for mark in draft.marks]
    assert [line for line in shown if line not in lines and "ledger" not in line] == []
    first = draft.marks[0]
    assert text.count("\n", 0, first.start) == first.line - 1
    if underlined != "poses:":  # bad syntax is at another line than its cause
        assert text[first.start : first.end] == underlined


@pytest.mark.parametrize("text", ["", "\n\n", "theory:", "é: [", "a: 1\n\tb: 2"])
def test_every_mark_lies_within_the_text(text):
    for mark in read_draft(text, Path("mine.yaml")).marks:
        assert 0 <= mark.start <= mark.end <= len(text)
        assert mark.end > mark.start or not text.strip("\n")


def test_each_tunable_number_has_a_slider_within_its_bounds():
    rows = list(sliders(load_theory(FILE)))
    assert len(rows) == TEXT.count("{tune: ")
    assert all(slider.low <= slider.value <= slider.high for slider in rows)
    (first, *_) = rows
    assert (first.key, first.family) == ("families.gabor.reads.input[0].wavelength_px", "gabor")


def line(old: str, new: str) -> str:
    before, after = (read_draft(text, FILE) for text in (TEXT, TEXT.replace(old, new, 1)))
    return changed(before.spec, after.spec, before.text, after.text)


def test_a_changed_number_is_named():
    assert line("tune: 7.832", "tune: 8") == (
        "Changed since the last save: families.gabor.reads.input[0].wavelength_px 7.832 → 8."
    )


def test_other_changes_are_counted_in_lines():
    assert line("    window_px: 7\n", "    window_px: 9\n    # wide\n") == (
        "Changed since the last save: 2 lines added, 1 removed."
    )
    draft = Draft(TEXT)
    assert changed(None, None, TEXT, draft.text) == "Nothing has changed since the last save."
