"""The count of theories asked on the same pictures: what counts, and that none is lost."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.score.test_document import card as made_card
from workbench.report.conditions import left_out
from workbench.score.asked import FOLDER, MANY, asked, recorded
from workbench.score.document import document
from workbench.score.scorecard import Scorecard


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def card(theory: str = "t", images: str = "i", circuit: str = "c", host: str = "h") -> Scorecard:
    whole = made_card()
    header = replace(
        whole.header,
        host={"name": host, "fingerprint": host},
        spec={**whole.header.spec, "sha256": theory},
        images={**whole.header.images, "sha256": images},
        circuit={**whole.header.circuit, "sha256": circuit},
    )
    return replace(whole, header=header)


def test_every_other_theory_or_circuit_file_counts_once():
    counts = [asked(card(theory)) for theory in ("a", "b", "a", "c", "b")]
    assert counts == [1, 2, 2, 3, 3]
    assert asked(card("a", circuit="other poses")) == 4
    assert asked(card("d"), compared=["e", "a"]) == 6


@pytest.mark.parametrize("other", [{"images": "j"}, {"host": "g"}])
def test_other_pictures_and_hosts_are_counted_apart(other):
    assert asked(card("a")) == 1
    assert asked(card("b", **other)) == 1
    assert asked(card("b")) == 2


def test_other_units_are_counted_apart():
    assert asked(card("a")) == 1
    whole = card("b")
    assert asked(replace(whole, units=(replace(whole.units[0], unit="fire5:4"),))) == 1


def test_a_record_that_cannot_be_written_is_no_error(cache, monkeypatch):
    cache.mkdir()
    (cache / FOLDER).write_text("a file in the place of the folder")
    assert asked(card()) is None
    monkeypatch.setenv("WORKBENCH_CACHE", str(cache / FOLDER))
    assert asked(card()) is None


def test_a_line_that_was_cut_is_not_counted_and_breaks_no_other(tmp_path):
    file = tmp_path / "record"
    assert recorded(file, ["a" * 64]) == 1
    with open(file, "a") as record:
        record.write("b" * 20)
    assert recorded(file, ["c" * 64]) == 2
    assert recorded(file, ["a" * 64, "c" * 64]) == 2


@pytest.mark.full
def test_processes_that_write_at_once_lose_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path; from workbench.score.asked import recorded\n"
        "for i in range(20): recorded(Path(sys.argv[1]), [f'{int(sys.argv[2]) + i:064d}'])"
    )
    file = tmp_path / "record"
    words = [[sys.executable, "-c", code, str(file), str(100 * i)] for i in range(3)]
    for process in [subprocess.Popen(word) for word in words]:
        assert process.wait() == 0
    assert recorded(file, ["0" * 64]) == 60  # the first of the first process is that line


@pytest.mark.parametrize(("count", "shown"), [(None, False), (MANY - 1, False), (MANY, True)])
def test_the_table_says_how_often_from_the_tenth_time_on(count, shown):
    whole = replace(made_card(), asked=count)
    sentences = [sentence for sentence in left_out(whole) if "the best of many tries" in sentence]
    assert len(sentences) == shown
    assert document(whole)["asked"] == count
    if shown:
        assert sentences[0].startswith(f"{MANY} theories of these units")
