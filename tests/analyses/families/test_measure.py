"""Pairs on pictures: one grid for both, and moments that do not depend on the batch."""

import numpy as np
import pytest
import torch

from tests.planted import SITE, UNITS, planted
from workbench.analyses.families.measure import compare
from workbench.compiler import compile_spec
from workbench.compiler.respond import Cells
from workbench.matching.matched import Matched, matched, on_one_grid
from workbench.matching.nearest import Nearest
from workbench.score.agreement import pearson
from workbench.vision.pictures.drawn import drawn

ROUNDING = 1e-9  # of float64 sums in another order


def square(offset_px: int, stride_px: int, count: int) -> tuple[Cells, Cells]:
    return (Cells(offset_px, stride_px, count),) * 2


def test_on_one_grid_takes_the_highest_within_half_a_cell_of_the_coarser_grid():
    fine, coarse = torch.zeros(1, 1, 16, 16), torch.arange(16.0).reshape(1, 1, 4, 4)
    fine[0, 0, 7, 5] = (
        1.0  # pixels 14, 10: next to the coarse cell 1, 1 that is centred on pixels 12, 12
    )
    fine[0, 0, 2, 2] = 2.0  # pixels 4, 4: on the coarse cell 0, 0
    for a, b in (
        ((fine, square(0, 2, 16)), (coarse, square(4, 8, 4))),
        ((coarse, square(4, 8, 4)), (fine, square(0, 2, 16))),
    ):
        first, second = on_one_grid(a, b)
        met = first if a[0] is fine else second
        assert (second if a[0] is fine else first) is coarse
        assert met.shape == coarse.shape
        assert met[0, 0, 1, 1] == 1
        assert met[0, 0, 0, 0] == 2
        assert met.sum() == 3


def test_on_one_grid_of_equal_grids_changes_nothing():
    a, b = torch.rand(2, 3, 5, 5), torch.rand(2, 3, 5, 5)
    first, second = on_one_grid((a, square(3, 8, 5)), (b, square(3, 8, 5)))
    assert torch.equal(first, a)
    assert torch.equal(second, b)


def test_matched_wrong_units_are_others_of_the_same_family():
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host)
    every = np.arange(12)
    nearest = {
        "planted": Nearest(every % 2, every % 6, np.full(12, 0.9), np.full(12, 0.9)),
        "retina": Nearest(*[np.zeros(6, int)] * 4),
    }
    pairs = matched(circuit, nearest, seed=0)
    assert [(pair.family, pair.site, pair.units.tolist()) for pair in pairs] == [
        ("gabor", "planted", [0, 2, 4, 6, 8, 10]),
        ("curve", "planted", [1, 3, 5, 7, 9, 11]),
    ]
    for pair in pairs:
        assert pair.poses.tolist() == (pair.units % 6).tolist()
        assert (pair.wrong != pair.poses).all()
        assert len(set(pair.wrong)) == len(set(pair.poses))


def test_compare_planted_units_agree_with_their_family_units_and_not_with_wrong_ones():
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host)
    units, order = np.array([unit.unit for unit in UNITS]), np.arange(len(UNITS))
    pairs = [Matched("curve", SITE, units, order, np.roll(order, 3))]
    (rows,) = compare(host, circuit, pairs, drawn(5, seed=4), size=2)
    (whole,) = compare(host, circuit, pairs, drawn(5, seed=4), size=5)
    for kind in ("matched", "permuted"):
        assert rows[kind].shape == (5, len(UNITS), 6)
        assert rows[kind] == pytest.approx(
            whole[kind], rel=1e-4, abs=1e-4
        )  # float32 of another batch
    right, wrong = (pearson(rows[kind].mean(0)) for kind in ("matched", "permuted"))
    assert right.min() > 0.95  # the planted bias cuts some of it
    assert (
        right - wrong
    ).min() > 0.25  # the wrong unit is the opposite curve, which runs along the same line
