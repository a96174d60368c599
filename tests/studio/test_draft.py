"""The text of a theory while it is written: marks and sliders."""

from pathlib import Path

import pytest

from tests.shipped import FOLDER
from workbench.spec import SpecError, load_theory
from workbench.studio.changes import changed
from workbench.studio.draft import Draft, read_draft, sliders
from workbench.studio.kinds import PICTURES, TOKENS, kind_of

TEXT = (FOLDER / "curve-detectors.yaml").read_text()
FILE = FOLDER / "curve-detectors.yaml"
COPYING = FOLDER / "tokens" / "copying.yaml"


def draft_of(text: str, path: Path = FILE) -> Draft:
    return read_draft(text, path, kind_of(text).read)


def test_a_theory_without_problems_has_no_marks():
    draft = draft_of(TEXT)
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
    draft = draft_of(text)
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
    for mark in draft_of(text, Path("mine.yaml")).marks:
        assert 0 <= mark.start <= mark.end <= len(text)
        assert mark.end > mark.start or not text.strip("\n")


def test_each_tunable_number_has_a_slider_within_its_bounds():
    rows = list(sliders(load_theory(FILE)))
    assert len(rows) == TEXT.count("{tune: ")
    assert all(slider.low <= slider.value <= slider.high for slider in rows)
    (first, *_) = rows
    assert (first.key, first.family) == ("families.gabor.reads.input[0].wavelength_px", "gabor")


def line(old: str, new: str) -> str:
    before, after = (draft_of(text) for text in (TEXT, TEXT.replace(old, new, 1)))
    return changed(before.spec, after.spec, before.text, after.text)


def test_a_changed_number_is_named():
    assert line("tune: 7.832", "tune: 8") == (
        "Changed since the last save: families.gabor.reads.input[0].wavelength_px 7.832 → 8."
    )


def test_other_changes_are_counted_in_lines():
    assert line("    window_px: 7\n", "    window_px: 9\n    # wide\n") == (
        "Changed since the last save: 2 lines added, 1 removed."
    )
    # as many lines added as removed, and a number among them
    number = TEXT.replace("tune: 7.832", "tune: 8", 1)
    before, after = (
        draft_of(TEXT),
        draft_of(number.replace("    window_px: 7\n", "    window_px: 9\n")),
    )
    assert changed(before.spec, after.spec, before.text, after.text) == (
        "Changed since the last save: 2 lines added, 2 removed."
    )
    draft = Draft(TEXT)
    assert changed(None, None, TEXT, draft.text) == "Nothing has changed since the last save."


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (COPYING.read_text(), TOKENS),
        (COPYING.read_text().replace("families:", "families: ["), TOKENS),
        ('{"theory": "x",\n"input": tokens}', TOKENS),
        ('{"theory": "x", "input": "tokens"}', TOKENS),
        ("theory: x\ninput: 'tokens'  # not pictures\n", TOKENS),
        ("theory: x\nvariants: {a: {input: tokens}}\n", PICTURES),
        ("[]", PICTURES),
        (TEXT, PICTURES),
        (TEXT.replace("about: >", "about: |\n  input: tokens are another kind"), PICTURES),
        ("", PICTURES),
    ],
)
def test_a_text_is_of_the_kind_that_it_names_also_where_it_has_problems(text, kind):
    assert kind_of(text) is kind


def test_a_theory_of_tokens_has_marks_sliders_and_changes():
    text = COPYING.read_text()
    wrong = draft_of(text.replace("units: heads", "units: head", 1), COPYING)
    assert text[wrong.marks[0].start :].startswith("units: heads")
    assert "Did you mean 'heads'?" in wrong.marks[0].message
    before = draft_of(text, COPYING)
    rows = list(sliders(before.spec))
    assert len(rows) == text.count("{tune: ")
    assert (rows[0].key, rows[0].family) == ("families.previous.looks[0].gain", "previous")
    after = draft_of(text.replace("tune: 27.5", "tune: 28"), COPYING)
    assert changed(before.spec, after.spec, before.text, after.text) == (
        "Changed since the last save: families.previous.looks[0].gain 27.5 → 28."
    )
