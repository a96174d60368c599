"""Trained and handwritten weights: expansion, a coarser grid, and the kernel average as a loop."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.errors import WorkbenchError
from workbench.hosts import PictureInput, host_from_module
from workbench.hosts.branches import branches
from workbench.hosts.inception_blocks import ConvRelu, LocalResponseNorm, MaxPoolSame, Mixed
from workbench.matching.prediction import BY_TURNS, SIDES, fitted, splits, turned
from workbench.matching.weights import ConstantWeights, FamilyWeights, expanded, folded
from workbench.theory.poses import Units
from workbench.vision.geometry.angles import wrap_deg

ROUNDING = 1e-5  # float32 sums of some hundred terms about 1


@pytest.fixture(scope="module")
def chain():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stages = nn.Sequential(
            ConvRelu(3, 8, 3),
            LocalResponseNorm(),
            MaxPoolSame(),
            Mixed(8, 4, 5, 8, 6, 10, 3),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
    return host_from_module(
        stages,
        "chain",
        {"below": "0", "block": "3"},
        PictureInput(size_px=48, mean_rgb=(0.0, 0.0, 0.0)),
    )


def test_expanded_of_a_block_is_its_response_to_one_cell_without_relus(chain):
    units, block = [1, 5, 20], chain.module("block")
    weights = expanded(chain, "below", "block", units)
    assert weights.shape == (3, 8, 5, 5)
    spark = torch.zeros(8, 8, 9, 9)
    spark[range(8), range(8), 4, 4] = 1.0

    def through(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, block[name].weight, padding=block[name].kernel_size[0] // 2)

    three, five = (through(side, through(f"{side}_bottleneck", spark)) for side in ("3x3", "5x5"))
    for i, response in enumerate((through("1x1", spark)[:, 1], three[:, 5 - 4], five[:, 20 - 12])):
        torch.testing.assert_close(
            weights[i], response[:, 2:7, 2:7].flip(1, 2), rtol=0, atol=ROUNDING
        )


def test_expanded_passes_a_pool_that_branches_refuses(chain):
    with pytest.raises(WorkbenchError, match="no stage and the one just before it"):
        branches(chain, "below", "block", [1])
    with pytest.raises(WorkbenchError, match="the way to unit 23 is not known"):
        expanded(chain, "below", "block", [23])  # after the block's own pool


@pytest.mark.parametrize(("reach", "far"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_folded_responds_to_a_smooth_picture_as_the_fine_weights(reach, far):
    weight = torch.randn(
        1,
        1,
        2 * reach + 1,
        2 * reach + 1,
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(reach),
    )
    coarse = folded(weight, 2)
    assert coarse.shape[-1] == 2 * far + 1

    def slope(cells: int, step: int) -> torch.Tensor:
        line = step * torch.arange(-cells, cells + 1, dtype=torch.float64)
        return 2.0 + 3.0 * line[None, :] - line[:, None]

    assert float((coarse * slope(far, 2)).sum()) == pytest.approx(
        float((weight * slope(reach, 1)).sum())
    )


def test_folded_by_1_is_unchanged():
    weight = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    assert torch.equal(folded(weight, 1), weight)


def pair() -> FamilyWeights:
    generator = np.random.default_rng(0)
    centres, turns = (0.0, 100.0, 190.0, 275.0), (20.0, 95.0, 170.0)
    downstream = Units(
        tuple("abcd"),
        {"centre_deg": centres, "shift_x_px": (1.0, 0.0, -2.0, 3.0), "shift_y_px": (0.0,) * 4},
        {"unit": 4},
    )
    upstream = Units(
        tuple("xyz"),
        {"orientation_deg": turns, "shift_x_px": (0.0, 4.0, 0.0), "shift_y_px": (0.0, 0.0, -3.0)},
        {"unit": 3},
    )
    trained = generator.normal(size=(4, 3, 3, 3))
    return FamilyWeights(
        ("d", "u"), ("late", "early"), downstream, upstream, trained, trained, 8, False, 1.0
    )


def slowly(
    weights: FamilyWeights,
    trained: np.ndarray,
    seen: list[int],
    unit: int,
    spread: tuple[float, float],
) -> np.ndarray:
    """The kernel average over the seen units, a weight at a time."""

    def frame(d: int, u: int, row: int, column: int) -> tuple[np.ndarray, float]:
        shift = [
            weights.upstream.column(axis)[u] - weights.downstream.column(axis)[d]
            for axis in ("shift_x_px", "shift_y_px")
        ]
        angle = np.radians(weights.downstream.normal_deg[d])
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return turn @ (
            np.array([8.0 * (column - 1), 8.0 * (row - 1)]) + shift
        ), weights.upstream.normal_deg[u] - weights.downstream.normal_deg[d]

    cells = list(np.ndindex(3, 3, 3))
    known = [(*frame(d, *cell), trained[(d, *cell)]) for d in seen for cell in cells]
    average = np.zeros((3, 3, 3))
    for cell in cells:
        at, turn = frame(unit, *cell)
        near = [
            np.exp(
                -0.5
                * (
                    ((at - other) ** 2).sum() / (8 * spread[0]) ** 2
                    + (wrap_deg(np.float64(turn - turned), 180.0) / spread[1]) ** 2
                )
            )
            for other, turned, _ in known
        ]
        average[cell] = np.dot(near, [weight for *_, weight in known]) / (np.sum(near) + 1e-9)
    return average


def test_turned_of_units_in_any_order_is_the_kernel_average_of_a_plain_loop():
    weights, spread, orders = pair(), (0.5, 15.0), np.array([[0, 1, 2, 3], [2, 0, 3, 1]])
    by_split = turned(weights, orders, [spread])
    for name, halves in splits(weights.downstream).items():
        for order, predicted in zip(orders, by_split[name], strict=True):
            for seen, unseen in (halves, halves[::-1]):
                for unit in unseen:
                    np.testing.assert_allclose(
                        predicted[unit],
                        slowly(weights, weights.trained[order], seen, unit, spread),
                        atol=ROUNDING,
                    )


def test_turned_takes_the_spread_that_predicts_best_within_the_seen_half():
    weights, spreads = pair(), ((0.5, 15.0), (1.0, 30.0))
    unpermuted = np.arange(4)[None]
    predicted, alone = (
        turned(weights, unpermuted, spreads)[BY_TURNS][0],
        [turned(weights, unpermuted, [each])[BY_TURNS][0] for each in spreads],
    )
    for seen, unseen in (halves := splits(weights.downstream)[BY_TURNS], halves[::-1]):
        missed = [
            sum(
                (
                    (
                        slowly(weights, weights.trained, [d for d in seen if d != unit], unit, each)
                        - weights.trained[unit]
                    )
                    ** 2
                ).sum()
                for unit in seen
            )
            for each in spreads
        ]
        np.testing.assert_array_equal(predicted[unseen], alone[int(np.argmin(missed))][unseen])


def with_parts(*bounds: tuple[float, float]) -> FamilyWeights:
    weights, generator = pair(), np.random.default_rng(1)
    return replace(
        weights,
        parts=[
            ConstantWeights(generator.normal(size=weights.trained.shape), *each) for each in bounds
        ],
    )


def test_fitted_of_units_in_any_order_is_least_squares():
    weights, orders = (
        with_parts((-np.inf, np.inf), (-np.inf, np.inf)),
        np.array([[0, 1, 2, 3], [2, 0, 3, 1]]),
    )
    parts = np.stack([part.weights for part in weights.parts], -1)
    for name, halves in splits(weights.downstream).items():
        for order, predicted in zip(orders, fitted(weights, orders)[name], strict=True):
            for seen, unseen in (halves, halves[::-1]):
                constants, *_ = np.linalg.lstsq(
                    parts[seen].reshape(-1, 2), weights.trained[order][seen].ravel()
                )
                np.testing.assert_allclose(
                    predicted[unseen], parts[unseen] @ constants, atol=ROUNDING
                )


def test_fitted_constant_of_one_sign_stops_at_0():
    weights, order = with_parts((0.0, np.inf)), np.arange(4)[None]
    for sign in (1.0, -1.0):
        trained = sign * weights.parts[0].weights
        (predicted,) = fitted(replace(weights, trained=trained), order)[BY_TURNS]
        np.testing.assert_allclose(
            predicted, max(sign, 0.0) * weights.parts[0].weights, atol=ROUNDING
        )


def test_fitted_without_a_constant_predicts_0():
    assert not fitted(pair(), np.arange(4)[None])[BY_TURNS].any()


def test_splits_by_turns_have_all_directions_and_by_side_one_each():
    units = Units(
        tuple("abcdef"), {"centre_deg": (300.0, 0.0, 180.0, 60.0, 120.0, 240.0)}, {"unit": 6}
    )
    directions = {
        name: [sorted(units.column("centre_deg")[half].tolist()) for half in halves]
        for name, halves in splits(units).items()
    }
    assert directions == {
        BY_TURNS: [[0, 120, 240], [60, 180, 300]],
        SIDES: [[0, 60, 120], [180, 240, 300]],
    }
