"""What a claim expects of a figure, on curves whose figures are known."""

import math

import numpy as np
import pytest

from workbench.analyses.claims.figures import measured
from workbench.analyses.claims.measure import ClaimCurves
from workbench.spec.language import Expect
from workbench.vision.tuning import ARCS

# radius pose unit: the first unit falls to a half of its peak and gains an echo of the same size,
# the second falls silent at the small radius
POSES = np.arange(0.0, 360.0, 90.0)
BEFORE = np.zeros((2, 4, 2))
BEFORE[:, 0] = 4
AFTER = np.zeros((2, 4, 2))
AFTER[:, 0, 0] = AFTER[:, 1:, 0] = 2
AFTER[1, 0, 1] = 4


def asked(**expect):
    return measured(Expect(**expect), BEFORE, AFTER, ClaimCurves(POSES, ARCS, {}, {}))


@pytest.mark.parametrize(
    ("expect", "before", "after", "came_true"),
    [
        ({"figure": "peak", "above": 0.4}, 1, 0.5, True),
        ({"figure": "peak", "above": 0.5}, 1, 0.5, False),  # no more than the bound
        ({"figure": "peak", "below": 0.6}, 1, 0.5, True),
        ({"figure": "peak", "falls_by": 0.4}, 1, 0.5, True),
        ({"figure": "peak", "falls_by": 0.6}, 1, 0.5, False),
        ({"figure": "peak", "rises_by": 0.0}, 1, 0.5, False),
        ({"figure": "peak", "radius": "smallest", "below": 0.3}, 1, 0.25, True),
        ({"figure": "peak", "radius": "smallest", "below": 0.3, "of": "every"}, 1, 0.25, False),
        ({"figure": "peak", "radius": "smallest", "below": 0.6, "of": "every"}, 1, 0.25, True),
        ({"figure": "peak", "radius": "largest", "above": 0.7}, 1, 0.75, True),
        ({"figure": "echo", "rises_by": 0.4}, 0, 0.5, True),
        ({"figure": "echo", "falls_by": 0.0}, 0, 0.5, False),
        ({"figure": "width_deg", "above": 200}, 90, (360 + 90) / 2, True),
    ],
)
def test_the_mean_of_the_units_or_every_one_keeps_to_the_bound(expect, before, after, came_true):
    result = asked(**expect)
    assert (result.before, result.after, result.came_true) == (before, after, came_true)


def test_a_silent_unit_has_no_echo_and_nothing_holds_of_it():
    result = asked(figure="echo", radius="smallest", below=2, of="every")
    assert (result.silent, result.holds, result.came_true) == (1, 1, False)
    assert math.isnan(result.unit_figures[1][1])
    assert result.after == result.unit_figures[0][1] == 1


def test_silent_units_alone_make_nothing_true():
    none = ClaimCurves(POSES, ARCS, {}, {})
    result = measured(Expect(figure="width_deg", below=400), BEFORE, np.zeros_like(BEFORE), none)
    assert (result.silent, result.holds, result.came_true) == (2, 0, False)
    assert math.isnan(result.after)
