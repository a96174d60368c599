"""`workbench propose` from end to end: the reads of a planted theory are found again."""

import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.planted import EDGES, THEORY, planted
from workbench.analyses.propose.figures import Proposal, proposal_json
from workbench.analyses.propose.run import ProposeRequest, propose
from workbench.analyses.propose.table import proposal_table
from workbench.errors import WorkbenchError
from workbench.matching.subject import SubjectFiles
from workbench.rebuild import RebuildRequest, run
from workbench.score.bits import theory_bits
from workbench.spec import dump_circuit, load_circuit, load_theory
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

EMPTY = THEORY.partition("      gabor:\n")[0] + (
    "      gabor: {along: point, match: any}\n"  # no theory of the curves
)


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as patch:
        host = planted().host
        for module in ("workbench.matching.subject", "workbench.rebuild"):
            patch.setattr(f"{module}.load", lambda name: host)
        yield patch


@pytest.fixture(scope="module")
def files(tmp_path_factory, patch) -> SubjectFiles:
    folder = tmp_path_factory.mktemp("propose")
    (folder / "empty.yaml").write_text(EMPTY)
    dump_circuit(planted().trained, folder / "curve.yaml")
    return SubjectFiles(folder / "empty.yaml", folder / "curve.yaml")


@pytest.fixture(scope="module")
def found(files) -> tuple[Proposal, Path]:
    output = files.spec.parent / "out"
    return propose(ProposeRequest(files, drawn(32, seed=1)), output, Work()), output


def test_propose_finds_planted_units_again_and_controls_do_not(found):
    result, _ = found
    at = result.atoms - 1
    assert result.pearson[at] > 0.9
    assert result.labels_permuted[at] < result.pearson[at] - 0.2
    assert result.poses_permuted[at] < result.pearson[at] - 0.2
    assert result.before < result.pearson[at] - 0.2
    assert any(term["along"] == "arc" for _, term in result.terms)


def test_propose_writes_a_theory_that_scores_on_other_pictures_and_on_none_of_its_own(found, files):
    result, output = found
    spec = load_theory(output / result.theory)
    assert result.theory == "empty-proposed.yaml"
    assert spec.theory.theory == "planted-proposed"
    scored = RebuildRequest(
        [(output / result.theory, files.circuit)], drawn(12, seed=2), drawn(12, seed=3), quick=True
    )
    conditions = run(scored).card.conditions
    assert conditions["spliced"].pearson.value > 0.85
    again = RebuildRequest(scored.files, drawn(32, seed=1)[:4], drawn(12, seed=3), quick=True)
    with pytest.raises(WorkbenchError, match="tuning the spec"):
        run(again)
    bits = theory_bits(spec.theory, load_circuit(files.circuit))
    assert result.bits["proposed"] == pytest.approx(bits.total, abs=1)


def test_propose_drive_of_the_search_is_that_of_the_compiled_theory(found, files):
    """The held-out correlation of the written theory, measured as SPEC's own, is the search's."""
    result, output = found
    proposed = SubjectFiles(output / result.theory, files.circuit)
    again = propose(
        ProposeRequest(proposed, drawn(32, seed=1), most=1), output.parent / "again", Work()
    )
    assert again.before == pytest.approx(result.pearson[result.atoms - 1], abs=0.01)


def test_propose_document_and_table(found):
    result, output = found
    assert json.loads((output / "propose.json").read_text()) == json.loads(proposal_json(result))
    console = Console(width=80)
    with console.capture() as capture:
        console.print(proposal_table(result))
    assert f"of {result.candidates:,} candidates" in " ".join(capture.get().split())
    assert (output / "propose.png").stat().st_size > 10_000
    assert len(list(output.glob("empty-proposed.tuned-*.yaml"))) == 1


def test_propose_of_few_pictures_or_one_family_is_refused(files, tmp_path):
    with pytest.raises(WorkbenchError, match="8 or more"):
        propose(ProposeRequest(files, drawn(4, seed=1)), tmp_path / "out", Work())
    (tmp_path / "edges.yaml").write_text(EDGES.replace("edge:", "curve:"))
    alone = SubjectFiles(tmp_path / "edges.yaml", files.circuit)
    with pytest.raises(WorkbenchError, match="a theory of one family"):
        propose(ProposeRequest(alone, drawn(8, seed=1)), tmp_path / "out", Work())
    assert not (tmp_path / "out").exists()


def test_propose_with_another_order_of_rows_is_seeded(files, tmp_path):
    torch.manual_seed(5)  # nothing global is drawn from
    first, second = (
        propose(ProposeRequest(files, drawn(8, seed=1), most=3), tmp_path / name, Work(seed=3))
        for name in "ab"
    )
    assert proposal_json(first) == proposal_json(second)
