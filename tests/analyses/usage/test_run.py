"""Usage as a part of the full report, on a planted host."""

import json
from pathlib import Path

import pytest

from tests.interrupted import quiet
from tests.planted import THEORY, planted
from workbench.analyses.usage.figures import Usage
from workbench.analyses.usage.part import open_questions
from workbench.analyses.usage.run import EXAMPLES, UNITS, UsageRequest, usage
from workbench.matching import subject
from workbench.matching.subject import SubjectFiles
from workbench.spec import dump_circuit
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Usage, Path]:
    folder = tmp_path_factory.mktemp("usage")
    host, trained, _ = planted()
    (folder / "planted.yaml").write_text(THEORY)
    dump_circuit(trained, folder / "curve.yaml")
    (folder / "out").mkdir()
    files = SubjectFiles(folder / "planted.yaml", folder / "curve.yaml")
    request = UsageRequest(files, drawn(8, seed=2), drawn(8, seed=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "load", lambda name: host)
        return usage(request, folder / "out", Work(quiet)), folder / "out"


def test_usage_of_a_planted_host_writes_its_document_and_pictures(run):
    result, output = run
    assert {path.name for path in output.iterdir()} == {
        "examples.json",
        "examples.png",
        "consumers.png",
        "readers.png",
    }
    document = json.loads((output / "examples.json").read_text())
    assert document.keys() == {"examples", "consumers", "readers"}
    assert len({example["unit"] for example in document["examples"]}) == UNITS
    assert len(document["examples"]) <= 2 * UNITS * EXAMPLES
    assert document["consumers"]["site"] == document["readers"]["site"] == "consumers"
    assert document["readers"]["units"] == result.readers.units.tolist()


def test_open_questions_of_readers_that_are_all_known_are_none(run):
    assert list(open_questions(run[0])) == []
