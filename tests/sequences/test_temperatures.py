"""A temperature for each condition, fitted on calibration prompts."""

import pytest
import torch

from tests.sequences.planted import copying_circuit, copying_spec, planted_host
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.part import PartNumbers, TokenPart
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.sites import ANSWERS
from workbench.sequences.splice import condition
from workbench.sequences.subject import subject_of
from workbench.sequences.temperatures import TEMPERATURE, evenly
from workbench.splice.conditions import ConditionKind


@pytest.fixture(scope="module")
def made():
    """A subject, and the rows of its logits times 3 and of its logits in another order."""
    host = planted_host()
    circuit = copying_circuit(host)
    prompts = prompts_of(circuit.prompts, host)
    subject = subject_of(copying_spec(), circuit, host, prompts, 0)
    changes = {"scaled": lambda logits: 3 * logits, "shuffled": lambda logits: logits.roll(1, 1)}
    conditions = tuple(
        condition(name, ConditionKind.CONTROL, name, lambda run, change=change: {ANSWERS: change})
        for name, change in changes.items()
    )
    part = TokenPart("logits", "logits", PartNumbers(0), conditions)
    fitted, plain = (
        evaluate_parts(subject.host, [part], prompts.scored, [], calibration=run)[0].rows
        for run in (subject.run, None)
    )
    return subject, fitted, plain


def test_a_condition_is_not_punished_for_its_scale(made):
    subject, rows, _ = made
    unsure = subject.host.output.temperature
    assert rows["scaled"][TEMPERATURE][0] == pytest.approx(3 * unsure, rel=1e-4)
    assert rows["scaled"]["fitted_soft_kl"].max() < 1e-6
    assert rows["scaled"]["soft_kl"].mean() > 0.1
    assert rows["natural"]["fitted_soft_kl"].max() == 0
    assert rows["natural"][TEMPERATURE][0] == unsure


def test_shuffled_logits_are_far_at_any_temperature(made):
    _, rows, _ = made
    assert rows["shuffled"]["fitted_soft_kl"].mean() > 0.5
    assert rows["shuffled"]["fitted_soft_kl"].mean() < rows["shuffled"]["soft_kl"].mean()


def test_without_calibration_prompts_it_is_not_known(made):
    _, fitted, plain = made
    assert not (plain["scaled"]["fitted_soft_kl"] >= 0).any()
    assert TEMPERATURE not in plain["scaled"]
    for name in ("kl", "soft_kl", "logit_r2"):
        assert (plain["scaled"][name] == fitted["scaled"][name]).all()


def test_a_temperature_is_fitted_on_evenly_spaced_prompts(made, monkeypatch):
    subject, *_ = made
    count = len(subject.run.tokens)
    assert torch.equal(evenly(subject.run), torch.arange(count))
    places = int(subject.run.scored.sum())
    monkeypatch.setattr("workbench.sequences.temperatures.PLACES", places // 4)
    chosen = evenly(subject.run)
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    assert len(chosen) < count / 3
