"""Answers of neurons in another order: no symmetry, and a control that fails."""

import pytest
import torch

from tests.sequences.sums import sum_circuit, sum_host, sums_spec
from workbench.sequences.neuron_controls import kept, other_order
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.score import score_loaded

NAME = "control.phases_permuted"


def doubled(every: float) -> torch.Tensor:
    """The angles of the answers of neurons at even phases."""
    return 2 * torch.arange(0, 360, every, dtype=torch.float64)


@pytest.mark.parametrize(("every", "most"), [(30, 0.35), (45, 0.01), (60, 0.51)])
def test_the_order_is_a_permutation_that_keeps_little_of_the_relation(every, most):
    angles = doubled(every)
    order = other_order(angles, 0)
    assert sorted(order.tolist()) == list(range(len(angles)))
    assert kept(angles, order[None]).item() < most


def test_no_answer_stays_among_eight_even_phases():
    angles = doubled(45)
    moved = (angles[other_order(angles, 0)] - angles) % 360
    assert set(moved.tolist()) == {90, 270}


@pytest.mark.parametrize("places", [0, 1, 3])
def test_answers_that_are_turned_or_mirrored_keep_the_relation(places):
    angles, at = doubled(45), torch.arange(8)
    for order in (at.roll(places), at.flip(0).roll(places)):
        assert kept(angles, order[None]).item() == pytest.approx(1)


@pytest.mark.parametrize("every", [120, 180, 360])
def test_there_is_no_order_where_all_are_symmetries(every):
    assert other_order(doubled(every), 0) is None


def test_permuted_phases_explain_none_of_the_logits_of_a_planted_sum():
    host = sum_host()
    circuit = sum_circuit(host)
    card = score_loaded(sums_spec(), circuit, host, prompts_of(circuit.prompts, host))
    for name in ("mlp", "whole"):
        part = card.part(name)
        assert part.row("spliced").quantities["logit_r2"] > 0.9, name
        assert part.row(NAME).quantities["logit_r2"] < 0, name
        assert part.row(NAME).recovered.value < 0, name
