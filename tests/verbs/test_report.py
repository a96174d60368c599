"""Every argument on one page, of the planted host: what the page holds, what it says was not shown, and that an interrupted run goes on."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.planted import THEORY, UNITS, planted
from workbench.errors import WorkbenchError
from workbench.pictures.drawn import drawn
from workbench.report.arguments import ARGUMENTS
from workbench.spec import dump_circuit
from workbench.verbs import parts
from workbench.verbs import report as verb
from workbench.verbs.report import report

ROOT = Path(__file__).parents[2]
QUICK = ("score", "examples", "claims")  # that say all that there is to say about a page, in the time of a test


class Workshop:
    def __init__(self, folder: Path, patch: pytest.MonkeyPatch):
        self.folder, self.output = folder, folder / "out"
        self.spec_file, self.circuit_file = folder / "planted.yaml", folder / "curve.yaml"
        host = planted()
        self.spec_file.write_text(THEORY)
        dump_circuit(host.trained, self.circuit_file)
        patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
        for module in ("workbench.rebuild", "workbench.verbs.parts", "workbench.verbs.loaded", "workbench.verbs.report"):
            patch.setattr(f"{module}.load", lambda name: host.host)
        patch.setattr(verb, "PARTS", {name: parts.PARTS[name] for name in QUICK})
        self.stages: list[str] = []

    def stage(self, name: str, total: int):
        self.stages.append(name)
        return lambda *_: None

    def report(self, few: int = 4, seed: int = 0, label: str | None = None) -> str:
        files = self.spec_file, self.circuit_file
        pictures = [replace(picture, label=label) for picture in drawn(5, seed=2)]
        page = report(*files, {}, [], pictures, drawn(4, seed=1), self.output, self.stage, seed, few, "workbench report x")
        return page.read_text()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield Workshop(tmp_path_factory.mktemp("report"), patch)


@pytest.fixture(scope="module")
def page(workshop) -> str:
    return workshop.report()


def test_the_page_has_a_section_for_every_argument_and_for_what_was_not_shown(page):
    for anchor in (*(argument.anchor for argument in ARGUMENTS), "not-shown", "made"):
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
    for name in ("examples-examples", "examples-consumers", "examples-readers", "score-ledger"):
        assert f'<figure id="{name}">' in page
    assert "1.00 (1.00 to 1.00)" in page
    assert (workshop.output / "score" / "score.json").is_file()
    read = json.loads((workshop.output / "examples" / "examples.json").read_text())["readers"]
    assert (read["site"], read["known"], read["channels"]) == ("consumers", 16, 16)
    assert f"consumers:{read['units'][0]}" in page


def test_a_part_that_cannot_be_made_is_named(page):
    """The planted theory makes no claims."""
    claims = page[page.index('<section id="claims">') :]
    assert "Not shown: claims:" in claims[: claims.index("</section>")]
    left = page[page.index('<section id="not-shown">') :]
    assert "no claims; expected the key claims" in left[: left.index("</section>")]


def test_the_page_of_a_wrong_theory_does_not_read_as_that_of_the_right_one(page, tmp_path, monkeypatch):
    """Each unit at the pose of another."""
    wrong = Workshop(tmp_path, monkeypatch)
    units = [unit.model_copy(update={"centre_deg": UNITS[i].centre_deg}) for unit, i in zip(UNITS, (2, 4, 0, 1, 5, 3), strict=True)]
    dump_circuit(planted().trained.model_copy(update={"units": tuple(units)}), wrong.circuit_file)
    found = wrong.report()
    assert "1.00 (1.00 to 1.00)" in page
    assert "1.00 (1.00 to 1.00)" not in found
    score = json.loads((wrong.output / "score" / "score.json").read_text())
    assert score["recovered"]["kl"]["value"] < 0.7


def test_an_interrupted_run_goes_on_with_the_part_where_it_stopped(workshop, page, monkeypatch):
    def interrupt(ask, folder):
        raise KeyboardInterrupt

    monkeypatch.setitem(verb.PARTS, "examples", interrupt)
    with pytest.raises(KeyboardInterrupt):
        workshop.report(seed=1)
    assert page == (workshop.output / "report.html").read_text()  # the earlier page stands
    monkeypatch.setitem(verb.PARTS, "examples", parts.PARTS["examples"])
    workshop.stages.clear()
    again = workshop.report(seed=1)
    assert "calibrate" in workshop.stages
    assert "score" not in workshop.stages
    assert "1.00 (1.00 to 1.00)" in again


def test_other_pictures_are_another_run(workshop, monkeypatch):
    """What an interrupted run finished is not read back for them, nor for the same with labels, by which answers are right or wrong."""
    scored: list[int] = []

    def score(ask, folder):
        scored.append(len(ask.few))
        return parts.said_nothing("nothing")

    def interrupt(ask, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(verb, "PARTS", {"score": score, "examples": interrupt})
    for few, label in ((4, None), (4, None), (3, None), (3, "n00000001")):
        with pytest.raises(KeyboardInterrupt):
            workshop.report(few, seed=2, label=label)
    assert scored == [4, 3, 3]


def test_parts_of_a_host_that_was_changed_meanwhile_are_made_again(workshop, page, monkeypatch):
    def interrupt(ask, folder):
        raise KeyboardInterrupt

    made = list[str]()
    monkeypatch.setitem(verb.PARTS, "score", lambda ask, folder: (made.append("score"), parts.said_nothing("not asked"))[1])
    monkeypatch.setitem(verb.PARTS, "examples", interrupt)
    host = verb.load("planted")
    for source, scores in (("a file", 1), ("a file", 1), ("another", 2)):
        changed = replace(host, source=source)
        monkeypatch.setattr(verb, "load", lambda name, changed=changed: changed)
        with pytest.raises(KeyboardInterrupt):
            workshop.report(seed=2)
        assert len(made) == scores


def test_without_a_score_there_is_no_page(workshop, page, monkeypatch):
    def fails(ask, folder):
        raise WorkbenchError("score", "does not work")

    monkeypatch.setitem(verb.PARTS, "score", fails)
    with pytest.raises(WorkbenchError, match="does not work"):
        workshop.report(seed=9)


@pytest.mark.parametrize("name", parts.PARTS)
def test_every_part_is_on_the_page(name):
    told = {part for argument in ARGUMENTS for part in (*argument.told, *(part for part, _ in argument.shows))}
    assert name in told
    assert told <= set(parts.PARTS)
