"""Neurons of numbers as shifts of one another, planted and not."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from tests.sequences.planted import copying_circuit, planted_host
from tests.sequences.sums import FREQUENCY, MODULUS, NEURONS, sum_circuit, sum_host
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.sequences.analyses.equivariance import run
from workbench.sequences.analyses.equivariance.run import (
    TokenEquivarianceRequest,
    activations_of,
    equivariance_of_tokens,
)
from workbench.sequences.analyses.equivariance.shifts import (
    circle,
    explained_by_others,
    in_frames,
    shifts_of,
)
from workbench.sequences.survey.neurons import survey_neurons


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """A function of a network and its circuit, which gives the result."""

    def of(host, circuit):
        monkeypatch.setattr(run, "load", lambda name: host)
        content = circuit.model_dump(mode="json", exclude_none=True)
        (tmp_path / "circuit.yaml").write_text(yaml.safe_dump(content))
        request = TokenEquivarianceRequest(tmp_path / "circuit.yaml")
        return equivariance_of_tokens(request, tmp_path / "out")

    return of


def test_planted_neurons_are_shifts_of_one_another(measured):
    host = sum_host()
    (neurons,) = measured(host, sum_circuit(host)).circles
    assert len(neurons.neurons) == neurons.copies == NEURONS
    assert neurons.mean > 0.9  # a whole shift is up to 14 degrees from the phase
    assert max(neurons.unshifted, neurons.permuted) < 0.3
    assert neurons.best < neurons.mean
    assert neurons.p < 0.01


def test_wrong_phases_explain_little():
    host = sum_host()
    rows = survey_neurons(host).rows
    tables = activations_of(host, 0, MODULUS)
    wrong = [replace(row, phase_a_deg=(3 * row.phase_a_deg) % 360) for row in rows]
    right, turned = (circle(tables, these, FREQUENCY, 0) for these in (rows, wrong))
    assert turned.mean < 0.4 < 0.9 < right.mean
    next_frequency = circle(tables, rows, FREQUENCY + 1, 0)
    assert next_frequency.mean < 0.4


def test_a_shift_is_exact():
    table = np.random.default_rng(0).random((7, 7))
    moved = np.stack([np.roll(table, (i, 2 * i), (0, 1)) for i in range(3)])
    shifts = np.array([(0, 0), (1, 2), (2, 4)])
    assert np.array_equal(in_frames(moved, shifts), np.stack([table] * 3))
    assert explained_by_others(in_frames(moved, shifts)) == pytest.approx(1)
    assert explained_by_others(np.stack([table, -table])) == pytest.approx(0)


def test_the_shift_is_the_number_at_the_phase():
    (row, *_) = survey_neurons(sum_host()).rows
    at = 5
    degrees = 360 * FREQUENCY * at / MODULUS % 360
    turned = replace(row, phase_a_deg=degrees, phase_b_deg=(degrees + 1) % 360)
    assert shifts_of([turned], FREQUENCY, MODULUS).tolist() == [[at, at]]


def test_networks_and_circuits_without_such_neurons_are_refused(measured):
    host = sum_host()
    with pytest.raises(WorkbenchError, match="not this mechanism: no frequency of it"):
        measured(host, sum_circuit(host, FREQUENCY + 1))
    noise = sum_host(planted=False)
    with pytest.raises(WorkbenchError, match="not this mechanism"):
        measured(noise, sum_circuit(noise))
    heads = planted_host()
    with pytest.raises(WorkbenchError, match="no neurons of numbers"):
        measured(heads, copying_circuit(heads))


def test_the_command_prints_the_table(tmp_path, monkeypatch):
    host = sum_host()
    monkeypatch.setattr(run, "load", lambda name: host)
    content = sum_circuit(host).model_dump(mode="json", exclude_none=True)
    (tmp_path / "circuit.yaml").write_text(yaml.safe_dump(content))
    words = ["equivariance", str(tmp_path / "circuit.yaml"), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines()[:-2])) <= 80
    document = json.loads((tmp_path / "out" / "equivariance.json").read_text())
    (frequency,) = document["frequencies"]
    assert frequency["explained"] > 0.9
    assert (tmp_path / "out" / "equivariance.png").stat().st_size > 10_000
    refused = CliRunner().invoke(main, [*words, "--pictures", "3"])
    assert "--pictures: has no meaning for a theory of tokens" in " ".join(refused.output.split())
