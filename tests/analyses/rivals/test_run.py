"""`workbench rivals` from end to end: planted units that read three weights are found by rivals."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.planted import LATE, THEORY, THEORY_OF_LATE, planted, write_late
from workbench.analyses.rivals.figures import Rivals, rivals_json
from workbench.analyses.rivals.part import open_questions, verdict
from workbench.analyses.rivals.run import RivalsRequest, rivals
from workbench.analyses.rivals.table import rivals_table, sentences
from workbench.errors import WorkbenchError
from workbench.matching.subject import SubjectFiles
from workbench.score.bits import PRECISION
from workbench.score.uncertainty import Figure
from workbench.spec import dump_circuit
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

READ = 3  # weights of each planted unit
OTHERS = (0, 2, 5)  # channels of the site before that they read, none of the theory's


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> tuple[Rivals, Path]:
    """A host whose units read READ single weights from channels that the theory does not name."""
    folder = tmp_path_factory.mktemp("rivals")
    host, files = write_late(folder)
    convolution = host.module("consumers")[0]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for unit in LATE:
            kernel = torch.zeros_like(convolution.weight[unit.unit])
            for channel in OTHERS:
                row, column = torch.randint(kernel.shape[1], (2,), generator=generator)
                kernel[channel, row, column] = 3.0
            convolution.weight[unit.unit], convolution.bias[unit.unit] = kernel, -0.2
    (folder / "late-spec.yaml").write_text(THEORY_OF_LATE)
    request = RivalsRequest(
        SubjectFiles(folder / "late-spec.yaml", files["late"]), drawn(24, seed=2), drawn(24, seed=1)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.matching.subject.load", lambda name: host)
        return rivals(request, folder / "out", Work()), folder / "out"


def kl(result: Rivals, condition: str) -> float:
    return result.row(condition).quantities["kl"].value


def test_rivals_single_weights_recover_units_that_read_three(result):
    found, _ = result
    assert found.row("single.5").pearson.value > 0.98
    assert kl(found, "single.5") < 0.1 * kl(found, "single.1")
    assert kl(found, "single.1") < kl(found, "mean")


def test_rivals_all_trained_weights_at_four_bits_are_nearly_the_network(result):
    found, _ = result
    assert found.row("quantised.4").pearson.value > 0.99
    assert found.row("quantised.4").recovered.value > 0.95
    assert found.row("mean").pearson.value < 0.01


def test_rivals_theory_of_other_channels_loses_at_equal_bits(result):
    found, _ = result
    assert found.row(found.best_at_bits).way in ("single weights", "trained weights, pruned")
    assert found.row(found.best_at_bits).bits <= found.theory.bits
    assert found.against.ci95[1] < 0
    assert verdict(found).passed is False
    assert found.fewest_as_good == "mean"  # a theory of other channels is no better than that
    (sentence,) = open_questions(found)
    assert "mean has as low a KL" in sentence


def test_rivals_verdict_passes_where_the_interval_is_above_zero(result):
    found = replace(result[0], against=Figure(0.4, (0.1, 0.6)))
    assert verdict(found).passed is True
    assert verdict(replace(found, against=Figure(0.4, (-0.1, 0.6)))).passed is False
    assert verdict(replace(found, best_at_bits=None)).passed is None


def test_rivals_have_a_wrong_theory_that_is_no_rival(result):
    found, _ = result
    wrong = found.row("control.permuted")
    assert wrong.bits == found.theory.bits
    assert wrong.way not in (found.row(found.best_at_bits).way, "theory")
    assert abs(wrong.pearson.value) < 0.3


def test_rivals_bits_rise_with_each_setting(result):
    for way, rows in result[0].ways.items():
        settings = [row.bits for row in rows if row.way != "regression"]
        assert settings == sorted(set(settings)), way
    assert sum(value for key, value in result[0].theory_bits.items() if key != "total") == (
        pytest.approx(result[0].theory.bits)
    )


def test_rivals_document_and_table_agree(result):
    found, folder = result
    document = json.loads((folder / "rivals.json").read_text())
    assert document == json.loads(rivals_json(found))
    assert document["rows"][0]["condition"].startswith("theory.")
    assert document["precision"] == PRECISION
    console = Console(width=80, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(rivals_table(found))
    text = capture.get()
    assert f"{found.theory.bits:,.0f}" in text
    assert max(map(len, text.splitlines())) <= 80
    assert sentences(found)[0].split(".")[0] in " ".join(text.split())
    assert (folder / "rivals.png").stat().st_size > 10_000


def test_rivals_at_a_first_site_or_an_unknown_block_are_refused(tmp_path, monkeypatch):
    host, trained, _ = planted()
    monkeypatch.setattr("workbench.matching.subject.load", lambda name: host)
    spec, circuit = tmp_path / "theory.yaml", tmp_path / "circuit.yaml"
    spec.write_text(THEORY)
    dump_circuit(trained, circuit)
    request = RivalsRequest(SubjectFiles(spec, circuit), drawn(4, seed=2), drawn(4, seed=1))
    with pytest.raises(WorkbenchError, match="the way to unit 1 is not known"):
        rivals(request, tmp_path / "out", Work())
    assert not (tmp_path / "out").exists()
