"""The survey of neurons, on waves that are planted."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.cli import survey as command
from workbench.errors import WorkbenchError
from workbench.hosts.null import null_host
from workbench.sequences.survey import FAMILIES, survey, survey_neurons
from workbench.sequences.survey.neurons import key_frequencies, neuron_rows

MODULUS = 31
DEGREES = 1e-6  # of an angle in float64
SHARE = 1e-9


def waves(frequency: int, a_deg: float, b_deg: float, ratio: float = 1.0) -> np.ndarray:
    """The drive of a neuron over all pairs."""
    angle = 360 * frequency * np.arange(MODULUS) / MODULUS
    first, second = (np.cos(np.radians(angle - phase)) for phase in (a_deg, b_deg))
    return (3 + 2 * (ratio * first[:, None] + second[None, :])).ravel()


def rows_of(*drives: np.ndarray) -> list:
    drive = np.stack(drives, 1)
    return neuron_rows(0, MODULUS, drive, np.maximum(drive, 0))


@pytest.mark.parametrize(
    ("frequency", "a", "b"), [(3, 40.0, 40.0), (15, 350.0, 10.0), (1, 0.5, 200)]
)
def test_frequency_and_phases_are_those_of_the_waves(frequency, a, b):
    (row,) = rows_of(waves(frequency, a, b))
    assert row.frequency == frequency
    assert row.phase_a_deg == pytest.approx(a, abs=DEGREES)
    assert row.phase_b_deg == pytest.approx(b, abs=DEGREES)
    assert row.explained == pytest.approx(1, abs=SHARE)
    assert row.amplitude_ratio == pytest.approx(1)
    assert row.follows


def test_what_one_frequency_does_not_explain_is_measured():
    both = waves(3, 40, 40) + waves(5, 10, 10)
    product = waves(3, 40, 40) * waves(3, 90, 90)
    noise = np.random.default_rng(0).normal(size=MODULUS**2)
    half, mixed, none = rows_of(both, product, noise)
    assert half.explained == pytest.approx(0.5)
    assert 0.3 < mixed.explained < 0.99
    assert none.explained < 0.05
    assert not none.follows
    (louder,) = rows_of(waves(3, 40, 40, ratio=2.0))
    assert louder.amplitude_ratio == pytest.approx(2)


def test_a_neuron_that_does_not_vary_is_not_alive():
    alive, quiet, dead = rows_of(waves(3, 0, 0), 0.01 * waves(3, 0, 0), np.full(MODULUS**2, -1.0))
    assert (alive.alive, quiet.alive, dead.alive) == (True, False, False)
    assert dead.explained == 0


def test_key_frequencies_are_those_of_several_neurons():
    rows = rows_of(*(waves(3, 90 * i, 90 * i) for i in range(4)), waves(7, 0, 0), waves(7, 9, 9))
    assert key_frequencies(rows) == (3,)
    assert key_frequencies([replace(row, explained=0.4) for row in rows]) == ()


def test_the_command_lists_the_families():
    assert tuple(FAMILIES) == command.TOKEN_FAMILIES


@pytest.mark.shared
def test_the_published_network_has_its_frequencies(modular_addition):
    found = survey_neurons(modular_addition)
    assert found.frequencies == (14, 35, 41, 42, 52)
    assert (found.operation, found.accuracy) == ("addition", 1.0)
    assert found.followed > 0.85
    apart = [
        abs((row.phase_a_deg - row.phase_b_deg + 180) % 360 - 180)
        for row in found.rows
        if row.follows
    ]
    assert np.median(apart) < 1
    circuit = survey(modular_addition, "sum").circuit
    assert circuit.families["sum"].frequency == found.frequencies
    assert circuit.families["number"].numbers == 113


@pytest.mark.shared
def test_shuffled_weights_are_not_this_mechanism(modular_addition):
    with pytest.raises(WorkbenchError, match=r"not this mechanism: .* of the living"):
        survey(null_host(modular_addition), "sum")


@pytest.mark.shared
def test_a_host_without_numbers_or_neurons_is_refused(induction):
    with pytest.raises(
        WorkbenchError, match="host induction: not this mechanism: it answers no numbers at `=`"
    ):
        survey(induction, "sum")
