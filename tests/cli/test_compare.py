"""`workbench score --compare-with`: paired differences, and the page of the comparison."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.cli.planted_files import Files, invoke, planted_files
from tests.conftest import without_page
from tests.planted import STRAIGHT, THEORY, planted
from workbench.report.comparison import FILE, Change, changes
from workbench.spec import theory_from_text

SAME = THEORY.replace("theory: planted", "theory: same")
WRONG = STRAIGHT.replace("theory: planted", "theory: straight")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Iterator[Files]:
    """A score of the planted theory against itself and against straight lines."""
    with pytest.MonkeyPatch.context() as patch:
        without_page(patch)
        made = planted_files(tmp_path_factory.mktemp("compare"), planted(), patch)
        (made.folder / "same.yaml").write_text(SAME)
        (made.folder / "straight.yaml").write_text(WRONG)
        others = [("--compare-with", made.folder / name) for name in ("same.yaml", "straight.yaml")]
        result = invoke(*made.words, *others[0], *others[1])
        assert result.exit_code == 0, result.output
        (made.folder / "table.txt").write_text(result.stdout)
        yield made


def test_differences_are_paired(files):
    document = json.loads((files.out / "score.json").read_text())
    others, conditions = document["others"], document["conditions"]
    assert list(others) == ["same", "straight"]
    for figure in others["same"].values():
        assert (figure["value"], figure["ci95"]) == (0, [0, 0])
    pearson = others["straight"]["pearson"]
    gain = conditions["spliced"]["pearson"] - conditions["compared"]["straight"]["pearson"]
    assert pearson["value"] == pytest.approx(gain)
    assert pearson["ci95"][0] > 0.1


def test_the_table_has_a_line_for_each(files):
    table = " ".join((files.folder / "table.txt").read_text().split())
    assert "more than compared.same: 0.00 of recovered KL, 0.00 of mean Pearson" in table
    assert re.search(r"more than compared\.straight: \S+ \(.*?\) of recovered KL, 0\.", table)
    assert table.endswith(FILE)


def test_the_page_has_figures_changes_and_kernels_of_each_theory(files):
    page = (files.out / FILE).read_text()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "<p>The same values.</p>" in page  # of `same`
    assert re.search(r"<code>families.curve.reads.gabor\[0\].along</code></td><td>arc", page)
    for family in ("gabor", "curve"):
        for i in range(3):
            assert f'id="kernels-{i}-{family}"' in page


def test_theories_of_one_name_are_refused(files):
    twice = ("--compare-with", files.folder / "same.yaml")
    result = invoke(*files.words, *twice, *twice)
    assert result.exit_code == 2
    assert "are both named same" in result.stderr


def test_changes_are_values_as_written_and_whole_families():
    spec = theory_from_text(THEORY, path="a.yaml")
    text = THEORY.replace("{tune: 20, min: 10, max: 40}", "{tune: 21, min: 5, max: 40}")
    text = text.replace("extent_px: 10, match: tangent", "extent_px: 12, match: tangent")
    text = text.replace("theory: planted", "theory: other\nabout: text")
    assert changes(spec, theory_from_text(text, path="b.yaml")) == [
        Change("families.curve.reads.gabor[0].radius_px", "20", "21"),
        Change("families.curve.reads.gabor[0].extent_px", "10", "12"),
    ]
    renamed = THEORY.replace("gabor:", "filter:")
    listed = changes(spec, theory_from_text(renamed, path="b.yaml"))
    assert Change("families.gabor", "a family", "–") in listed
    assert Change("families.filter", "–", "a family") in listed
    assert not [change for change in listed if change.key.startswith("families.gabor.")]
