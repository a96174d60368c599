"""The full report of the planted host: its page, what it does not show, and interrupted runs."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.planted import THEORY, UNITS, planted
from workbench.analyses.request import PartResult, ReportRequest
from workbench.errors import WorkbenchError
from workbench.full_report import run as full_report
from workbench.full_report.arguments import sections
from workbench.full_report.parts import PartFunction, absent, parts
from workbench.full_report.run import report
from workbench.spec import dump_circuit
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

QUICK = ("score", "usage", "claims")  # parts that are enough to test a page, and do not take long


class Workshop:
    def __init__(self, folder: Path, patch: pytest.MonkeyPatch):
        self.folder, self.output = folder, folder / "out"
        self.spec_file, self.circuit_file = folder / "planted.yaml", folder / "curve.yaml"
        host = planted()
        self.spec_file.write_text(THEORY)
        dump_circuit(host.trained, self.circuit_file)
        patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
        for module in (
            "workbench.rebuild",
            "workbench.matching.subject",
            "workbench.full_report.run",
        ):
            patch.setattr(f"{module}.load", lambda name: host.host)
        self.parts: dict[str, PartFunction] = {name: parts()[name] for name in QUICK}
        patch.setattr(full_report, "parts", lambda: self.parts)
        self.stages: list[str] = []

    def stage(self, name: str, total: int):
        self.stages.append(name)
        return lambda *_: None

    def report(self, few: int = 4, seed: int = 0, label: str | None = None) -> str:
        pictures = [replace(picture, label=label) for picture in drawn(5, seed=2)]
        request = ReportRequest(
            spec_file=self.spec_file,
            circuit_file=self.circuit_file,
            bound={},
            compare_with=[],
            pictures=pictures,
            few=pictures[:few],
            calibration=drawn(4, seed=1),
            command="workbench report x",
        )
        return report(request, self.output, Work(stage=self.stage, seed=seed)).read_text()


def interrupt(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield Workshop(tmp_path_factory.mktemp("report"), patch)


@pytest.fixture(scope="module")
def page(workshop) -> str:
    return workshop.report()


def test_the_page_has_every_section_and_one_for_what_was_not_shown(page):
    for anchor in (
        "headline",
        *(section.anchor for section in sections()),
        "open",
        "not-shown",
        "made",
    ):
        assert f'<section id="{anchor}">' in page
        assert f'href="#{anchor}"' in page


def test_the_page_needs_no_network_and_no_script(page):
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:image/png;base64,|#)", page)
    Balanced().feed(page)


class Balanced(HTMLParser):
    """Raises if tags are not closed in the order in which they were opened."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self):
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_pictures_and_tables_of_the_parts_are_there_and_their_files_beside_the_page(page, workshop):
    for name in ("usage-examples", "usage-consumers", "usage-readers", "score-ledger"):
        assert f'<figure id="{name}">' in page
    assert "1.00 (1.00 to 1.00)" in page
    assert (workshop.output / "score" / "score.json").is_file()
    read = json.loads((workshop.output / "usage" / "examples.json").read_text())["readers"]
    assert (read["site"], read["known"], read["channels"]) == ("consumers", 16, 16)
    assert f"consumers:{read['units'][0]}" in page


def test_the_page_opens_with_the_headline_and_a_verdict_for_each_argument(page):
    first = page[page.index('<section id="headline">') : page.index('<section id="visualisation">')]
    assert "planted on planted:planted, 5 images: recovered KL 1.00 (1.00 to 1.00)" in first
    assert '<figure id="score-summary"><svg' in first
    row = r'<a href="#(\w+)">[^<]*</a></td><td>([^<]*)</td><td class="words">([^<]*)'
    verdicts = {anchor: (word, figures) for anchor, word, figures in re.findall(row, first)}
    assert list(verdicts) == [section.anchor for section in sections()]
    word, figures = verdicts["handwritten"]
    assert word == "passed"
    assert figures.startswith("The handwritten units recover 1.00 of the KL, the best baseline")
    assert verdicts["claims"] == ("no verdict", "Not shown.")
    assert verdicts["joint"] == ("no verdict", "Figures only.")
    word, figures = verdicts["use"]
    assert word == "passed"
    assert figures.startswith("The handwritten units restore 1.00 of the change in the 12 units")
    judged = [word for word, _ in verdicts.values() if word != "no verdict"]
    count = f"<strong>{judged.count('passed')} of {len(judged)}</strong> arguments"
    assert count in first


def test_the_threshold_of_a_verdict_is_in_its_section(page):
    use = page[page.index('<section id="use">') :].partition("</section>")[0]
    needs = "The handwritten units restore more than the units&#39; means and than permuted units."
    assert f"To pass: {needs}" in use
    assert "To pass" not in page[page.index('<section id="joint">') :].partition("</section>")[0]


def test_what_stays_open_is_apart_from_what_could_not_be_shown(page):
    left_open = page[page.index('<section id="open">') : page.index('<section id="not-shown">')]
    assert "Whether the theory is the only one." in left_open
    assert "no claims; expected" not in left_open
    assert "Whether the theory" not in page[page.index('<section id="not-shown">') :]


def test_a_part_that_cannot_be_made_is_named(page):
    """The planted theory makes no claims."""
    claims = page[page.index('<section id="claims">') :]
    assert "Not shown: claims:" in claims[: claims.index("</section>")]
    left = page[page.index('<section id="not-shown">') :]
    assert "no claims; expected the key claims" in left[: left.index("</section>")]


@pytest.mark.full
def test_the_page_of_a_wrong_theory_does_not_read_as_that_of_the_right_one(
    page, tmp_path, monkeypatch
):
    """Each unit at the pose of another."""
    wrong = Workshop(tmp_path, monkeypatch)
    units = [
        unit.model_copy(update={"centre_deg": UNITS[i].centre_deg})
        for unit, i in zip(UNITS, (2, 4, 0, 1, 5, 3), strict=True)
    ]
    dump_circuit(planted().trained.model_copy(update={"units": tuple(units)}), wrong.circuit_file)
    wrong_page = wrong.report()
    assert "1.00 (1.00 to 1.00)" in page
    assert "1.00 (1.00 to 1.00)" not in wrong_page
    score = json.loads((wrong.output / "score" / "score.json").read_text())
    assert score["recovered"]["kl"]["value"] < 0.7


@pytest.mark.full
def test_an_interrupted_run_continues_with_the_part_where_it_stopped(workshop, page, monkeypatch):
    with monkeypatch.context() as interrupted:
        interrupted.setitem(workshop.parts, "usage", interrupt)
        with pytest.raises(KeyboardInterrupt):
            workshop.report(seed=1)
    assert page == (workshop.output / "report.html").read_text()  # the earlier page is unchanged
    workshop.stages.clear()
    again = workshop.report(seed=1)
    assert "calibrate" in workshop.stages
    assert "score" not in workshop.stages
    assert "1.00 (1.00 to 1.00)" in again


def test_parts_of_an_interrupted_run_are_not_read_for_other_pictures(workshop, monkeypatch):
    """Nor for the same pictures with labels, by which answers are right or wrong."""
    scored: list[int] = []

    def score(request: ReportRequest, folder: Path, work: Work) -> PartResult:
        scored.append(len(request.few))
        return absent("nothing")

    monkeypatch.setattr(workshop, "parts", {"score": score, "usage": interrupt})
    for few, label in ((4, None), (4, None), (3, None), (3, "n00000001")):
        with pytest.raises(KeyboardInterrupt):
            workshop.report(few, seed=2, label=label)
    assert scored == [4, 3, 3]


def test_parts_of_a_host_that_was_changed_meanwhile_are_made_again(workshop, page, monkeypatch):
    made = list[str]()

    def score(request: ReportRequest, folder: Path, work: Work) -> PartResult:
        made.append("score")
        return absent("nothing")

    monkeypatch.setattr(workshop, "parts", {"score": score, "usage": interrupt})
    host = full_report.load("planted")
    for source, scores in (("a file", 1), ("a file", 1), ("another", 2)):
        changed = replace(host, source=source)
        monkeypatch.setattr(full_report, "load", lambda name, changed=changed: changed)
        with pytest.raises(KeyboardInterrupt):
            workshop.report(seed=2)
        assert len(made) == scores


def test_without_a_score_there_is_no_page(workshop, page, monkeypatch):
    def fails(request: ReportRequest, folder: Path, work: Work) -> PartResult:
        raise WorkbenchError("score", "does not work")

    monkeypatch.setitem(workshop.parts, "score", fails)
    with pytest.raises(WorkbenchError, match="does not work"):
        workshop.report(seed=9)


def test_every_part_is_on_the_page_and_every_section_is_of_a_part():
    shown = {
        part
        for section in sections()
        for part in (*section.tables, *(part for part, _ in section.pictures))
    }
    assert shown == set(parts())
