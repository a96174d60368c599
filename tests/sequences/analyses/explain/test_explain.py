"""Trained tables next to the rule's, in networks whose circuit is planted and in others."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from tests.sequences.analyses.opened import request_of
from tests.sequences.planted import THEORY, copying_circuit, planted_host
from tests.sequences.sums import FREQUENCY, MODULUS, NEURONS, sum_circuit, sum_host
from tests.sequences.sums import THEORY as SUM_THEORY
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import transformer_host
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences import subject
from workbench.sequences.analyses.explain import heads
from workbench.sequences.analyses.explain.compare import explained_by, factor_of
from workbench.sequences.analyses.explain.run import run as explain_tokens
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.sites import pattern_site


@pytest.fixture
def explained(tmp_path: Path, monkeypatch):
    """A function of a network, its circuit and a theory, which gives the tables by their names."""

    def run(host, circuit, theory=THEORY) -> dict:
        request = request_of(tmp_path, monkeypatch, host, circuit, theory)
        result = explain_tokens(request, tmp_path / "out")
        return {(table.family, table.unit, table.kind): table for table in result.tables}

    return run


def test_every_table_of_a_planted_circuit_is_explained(explained):
    host = planted_host()
    tables = explained(host, copying_circuit(host))
    rule = {
        ("previous", "0.0", "score by offset"),
        ("previous", "0.0", "score by places"),
        ("follower", "1.0", "token carried by previous"),
        ("follower", "all", "token copied to answer"),
    }
    assert tables.keys() == rule | {("input", "all", "token to answer")}
    for name in rule:
        assert tables[name].explained > 0.95, name
        assert max(tables[name].controls.values()) < 0.2, name
        assert tables[name].ahead
    assert tables["follower", "1.0", "token carried by previous"].right == 1


def test_a_wrong_theory_explains_little(explained):
    host = planted_host()
    wrong = THEORY.replace("at: 1", "at: 2").replace("of: previous", "of: input")
    tables = explained(host, copying_circuit(host), wrong)
    assert tables["previous", "0.0", "score by offset"].explained < 0.1
    assert tables["follower", "1.0", "token matched"].explained < 0.1
    assert not tables["previous", "0.0", "score by places"].ahead


def test_noise_is_not_explained(explained):
    host = planted_host(planted=False)
    for name, table in explained(host, copying_circuit(host)).items():
        assert table.explained < 0.3, name


def test_waves_of_planted_neurons_are_explained_and_the_next_frequency_is_not(explained):
    host = sum_host()
    tables = explained(host, sum_circuit(host), SUM_THEORY)
    for kind in ("number read", "answer"):
        table = tables["sum", f"frequency {FREQUENCY}", kind]
        assert table.trained.shape == (MODULUS, NEURONS)
        assert table.explained > 0.99
        assert table.controls["control.next_frequency"] < 0.1
        assert table.controls["control.phases_permuted"] < 0.7
    assert table.controls["control.phase_not_doubled"] < 0.7


def test_neurons_that_follow_no_frequency_of_the_circuit_have_no_table(explained):
    host = sum_host()
    tables = explained(host, sum_circuit(host, FREQUENCY + 1), SUM_THEORY)
    assert not [name for name in tables if name[0] == "sum"]


def test_scores_are_those_whose_softmax_is_the_pattern():
    """With rotary positions and grouped keys too."""
    for options in ({}, {"positions": "rotary", "key_heads": 2}):
        shape = TransformerShape(7, 12, 1, 16, heads=4, d_head=4, **options)
        torch.manual_seed(0)
        weights = Transformer(shape).state_dict()
        host = transformer_host("tiny", shape, weights, 12)
        tokens = torch.randint(7, (1, 12), generator=torch.Generator().manual_seed(0))
        sites = [pattern_site(0), *heads.vector_sites(0)]
        run = _run(host, tokens, sites)
        seen = torch.ones(12, 12, dtype=torch.bool).tril()
        score_table = heads._trained(host, run, 0, (0, 1, 2, 3), seen)
        pattern = score_table.masked_fill(~seen, -1e9).softmax(-1)
        assert torch.allclose(pattern.float(), run.seen[pattern_site(0)][0], atol=1e-5)


def _run(host, tokens, sites):
    answers, seen = host.run(tokens, *sites)
    return NaturalRun(tokens, answers, seen, torch.ones_like(tokens, dtype=torch.bool))


def test_means_by_offset_are_of_the_pairs_that_count():
    table = np.arange(9.0).reshape(3, 3)
    mean, count = heads.by_offset(table, np.tril(np.ones((3, 3))), 0)
    assert count.tolist() == [[3, 2, 1]]
    assert mean + 28 / 6 == pytest.approx(np.array([[4, 5, 6]]))  # 28 is the sum of all six


def test_a_rule_of_the_opposite_sign_explains_nothing():
    table = np.array([[1.0, -1.0], [2.0, -2.0]])
    assert explained_by(table, 3 * table) == pytest.approx(1)
    assert factor_of(table, 3 * table) == pytest.approx(1 / 3)
    assert explained_by(table, -table) == 0
    assert explained_by(0 * table, table) == 0


def test_networks_that_are_not_covered_are_refused_in_one_line(explained):
    host = sum_host()
    shape = replace(host.network.shape, norm="layer")
    weights = Transformer(shape).state_dict()
    normed = transformer_host("normed", shape, weights, 3)
    look, other = "{place: offset, at: 1, gain: 20}", "{match: same, of: input, gain: 1}"
    theory = SUM_THEORY.replace(look, other)
    theory = theory.replace("      - {place: offset, at: 2, gain: 20}\n", "")
    with pytest.raises(WorkbenchError, match=r"no table to compare .*normed has norms \(layer\)"):
        explained(normed, sum_circuit(normed), theory)


def test_the_command_prints_the_table_and_writes_its_folder(tmp_path, monkeypatch):
    host = planted_host()
    monkeypatch.setattr(subject, "load", lambda name: host)
    (tmp_path / "copying.yaml").write_text(THEORY)
    content = copying_circuit(host).model_dump(mode="json", exclude_none=True)
    (tmp_path / "circuit.yaml").write_text(yaml.safe_dump(content))
    words = ["explain", str(tmp_path / "copying.yaml"), "-o", str(tmp_path / "out")]
    refused = CliRunner().invoke(main, words)
    assert "a theory of tokens: no circuit" in " ".join(refused.output.split())
    words += ["--circuit", str(tmp_path / "circuit.yaml")]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines()[:-2])) <= 80
    document = json.loads((tmp_path / "out" / "explain.json").read_text())
    assert document["tables"][0]["kind"] == "score by offset"
    assert len(document["tables"][0]["trained"][0]) == 24
    assert (tmp_path / "out" / "explain.png").stat().st_size > 10_000
