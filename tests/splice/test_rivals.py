"""Rivals without a theory: choices by brute force, weights by hand, drives by the network."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.host import Host
from workbench.splice.rivals import (
    as_small_floats,
    branch_drive,
    greedy,
    pruned,
    quantised,
    rectified_fit,
    tensors_of,
    with_tensors,
)

ROUNDING = 1e-4  # float32 sums of some hundred terms
UNITS = (3, 60, 100, 130, 255)  # of fire4: three of the 1x1 convolution, two of the 3x3 one


def features(rows: int, count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, count, generator=generator, dtype=torch.float64)
    values[:, 1:] += 0.7 * values[:, :-1]  # neighbours vary together
    return values - values.mean(0)


def error_of(values: torch.Tensor, chosen: list[int], target: torch.Tensor) -> float:
    fitted = torch.linalg.lstsq(values[:, chosen], target[:, None]).solution
    return float((values[:, chosen] @ fitted - target[:, None]).square().sum())


def test_small_floats_keep_small_weights_and_few_values():
    weight = torch.tensor([[1.9, -0.03, 0.2, 1e-4], [100.0, 60.0, -3.0, 0.0]])
    near = as_small_floats(weight, 6)
    assert torch.allclose(near[:, :3], weight[:, :3], rtol=0.13)
    assert near[1, 3] == 0
    many = as_small_floats(features(20_000, 1).T, 6)
    assert len(many.unique()) <= 2**6
    assert torch.equal(as_small_floats(near, 6), near)


def test_greedy_chooses_at_each_step_what_leaves_least():
    values = features(200, 12)
    target = torch.stack([values[:, [2, 5, 6, 9]].sum(1), values[:, 0] - 0.4 * values[:, 11]], 1)
    target = target + 0.3 * features(200, 2, seed=1)
    chosen = greedy(values.T @ values, target.T @ values, 4)
    for unit, picked in enumerate(chosen.tolist()):
        for step in range(4):
            others = [i for i in range(12) if i not in picked[:step]]
            best = min(others, key=lambda i: error_of(values, [*picked[:step], i], target[:, unit]))
            assert picked[step] == best, (unit, step)


def test_greedy_takes_no_feature_twice_and_no_copy():
    values = features(100, 5)
    values = torch.cat([values, values[:, :2], torch.zeros(100, 1, dtype=values.dtype)], 1)
    target = values[:, 0] + values[:, 1] + values[:, 2] + values[:, 3] + values[:, 4]
    (picked,) = greedy(values.T @ values, (target @ values)[None], 5).tolist()
    assert sorted(i % 5 for i in picked) == [0, 1, 2, 3, 4]


def test_rectified_fit_finds_planted_weights_through_the_relu():
    values = features(2_000, 3).float()
    target = F.relu(values @ torch.tensor([1.0, -2.0, 0.5]) - 1.5)
    fitted = rectified_fit(values, target)
    assert torch.allclose(fitted, torch.tensor([1.0, -2.0, 0.5]), atol=0.05)
    plain = torch.linalg.lstsq(values, target[:, None]).solution[:, 0]
    assert not torch.allclose(plain, fitted, atol=0.2)


def test_pruned_keeps_the_largest_by_what_they_add():
    weight = torch.tensor([[3.0, 0.1], [-2.0, 1.0]])[:, :, None, None]
    assert torch.equal(pruned(weight, 2)[:, :, 0, 0], torch.tensor([[3.0, 0.0], [-2.0, 0.0]]))
    spread = torch.tensor([0.1, 10.0])
    assert torch.equal(
        pruned(weight, 2, spread)[:, :, 0, 0], torch.tensor([[0.0, 0.1], [0.0, 1.0]])
    )


@pytest.mark.parametrize(("bits", "values"), [(2, 3), (3, 7), (4, 15), (6, 63)])
def test_quantised_rows_have_few_values_and_little_error(bits, values):
    weight = features(4, 3_000).view(4, 3_000, 1, 1)
    near = quantised(weight, bits)
    assert all(len(row.unique()) <= values for row in near.flatten(1))
    step = weight.abs().amax((1, 2, 3)) / max(1, 2 ** (bits - 1) - 1)
    if bits > 2:
        assert ((near - weight).abs().amax((1, 2, 3)) <= step / 2 + 1e-9).all()
    assert torch.equal(near.sign()[near != 0], weight.sign()[near != 0])


def test_branches_of_squeezenet_give_the_network_its_own_activation(squeezenet: Host):
    x = squeezenet.input.example()
    x = x + 20 * torch.randn(2, *x.shape[1:], generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        sites = squeezenet.activations(x, "fire3", "fire4")
        entering = squeezenet.network.get_submodule("maxpool3")(sites["fire3"])
        paths = branches(squeezenet, "fire3", "fire4", UNITS, CHANNELS_APART, own_pool=True)
        drive = branch_drive(paths, entering)
        same = branch_drive(with_tensors(paths, tensors_of(paths)), entering)
    expected = sites["fire4"][:, UNITS]
    assert (F.relu(drive) - expected).abs().max() < ROUNDING * expected.max()
    assert torch.equal(drive, same)
    assert expected.max() > 0


def test_weights_of_a_shared_bottleneck_are_counted_once(squeezenet: Host):
    paths = branches(squeezenet, "fire3", "fire4", UNITS, CHANNELS_APART, own_pool=True)
    assert len(paths) == 2
    sizes = [tuple(weight.shape) for weight in tensors_of(paths)]
    assert sizes == [(32, 128, 1, 1), (3, 32, 1, 1), (2, 32, 3, 3)]


def test_changed_weights_leave_the_network_alone(squeezenet: Host):
    paths = branches(squeezenet, "fire3", "fire4", UNITS, CHANNELS_APART, own_pool=True)
    before = [weight.clone() for weight in tensors_of(paths)]
    changed = with_tensors(paths, [torch.zeros_like(weight) for weight in before])
    assert all(not weight.any() for weight in tensors_of(changed))
    assert all(itertools.starmap(torch.equal, zip(tensors_of(paths), before, strict=True)))
