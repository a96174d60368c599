"""Colours in the rule: blobs, and terms that read each channel by a unit's own part of it."""

import numpy as np
import pytest

from tests.theory import naive
from tests.theory.cases import motif, poses
from workbench.theory.poses import every_combination
from workbench.theory.rule import blob_weights, weights
from workbench.vision.geometry.gabor import OPPONENT

ROUNDING = 1e-12
LIKE = np.zeros(())
MIXED = poses(
    centre_deg=(0.0, 37.0, 200.0),
    luma=(0.5, 0.0, -0.2),
    **{"red-green": (0.3, -1.0, 0.0), "blue-yellow": (-0.2, 0.0, 0.8)},
)
SURVEYED = poses(
    shift_x_px=(0.0, 1.3, -0.6),
    shift_y_px=(0.4, 0.0, -1.2),
    scale=(1.0, 0.6, 1.5),
    envelope=(1.0, 1.2, 0.8),
    phase_deg=(0.0, 180.0, 0.0),
    luma=(0.5, 0.0, -0.2),
    **{"red-green": (0.3, -1.0, 0.0), "blue-yellow": (-0.2, 0.0, 0.8)},
)
ROUND = every_combination(
    {"phase_deg": (0.0, 180.0), "channel": ("luma", "red-green", "blue-yellow")}
)
EDGES = every_combination(
    {"centre_deg": (0.0, 90.0, 250.0), "channel": ("luma", "red-green", "blue-yellow")}
)
RING = {"spread_px": 4.0, "radius_px": 9.5}


@pytest.mark.parametrize("units", [SURVEYED, ROUND, MIXED], ids=["surveyed", "round", "mixed"])
@pytest.mark.parametrize("gain", [1.0, -0.7])
def test_blobs_are_those_of_the_naive_loop(units, gain):
    kernel = blob_weights(units, 1.4, gain, 7, LIKE)
    np.testing.assert_allclose(kernel, naive.blobs(units, 1.4, gain, 7), rtol=0, atol=ROUNDING)


def test_a_blob_answers_a_flat_picture_of_its_colour_with_its_gain():
    kernel = blob_weights(ROUND, 1.4, 0.8, 7, LIKE)
    red_green = np.array(OPPONENT["red-green"])
    flat = kernel.sum((2, 3)) @ (red_green / (red_green @ red_green))
    expected = {(0.0, "red-green"): 0.8, (180.0, "red-green"): -0.8}
    rows = zip(ROUND.poses["phase_deg"], ROUND.poses["channel"], strict=True)
    for answer, pose in zip(flat, rows, strict=True):
        assert answer == pytest.approx(expected.get(pose, 0.0), abs=ROUNDING)


@pytest.mark.parametrize(
    ("upstream", "match"), [(ROUND, "any"), (EDGES, "same")], ids=["spots", "edges"]
)
def test_weights_by_colour_are_those_of_the_naive_loop(upstream, match):
    falloff = {"harmonics": [0.0, 0.7, 0.2]}
    terms = [
        motif("ring", match, RING, falloff, colour="same"),
        motif("point", match, {"spread_px": 3.0}, falloff, gain=-0.4),
    ]
    for downstream in (MIXED, poses(centre_deg=(0.0, 50.0)), SURVEYED):
        kernel = weights(downstream, upstream, terms, 30.0, 5, LIKE)
        expected = naive.weights(
            downstream if "centre_deg" in downstream.poses else _north(downstream),
            upstream,
            terms,
            30.0,
            5,
        )
        np.testing.assert_allclose(kernel, expected, rtol=0, atol=ROUNDING)


def _north(units):
    """The units with the normal that units without a direction have, made explicit."""
    return poses(**units.poses, centre_deg=(90.0,) * len(units))


def test_a_unit_of_the_opposite_colour_has_the_opposite_weights():
    term = motif("ring", "same", RING, {"harmonics": [0.0, 1.0]}, colour="same")
    red, green = (
        weights(
            poses(
                centre_deg=(30.0,),
                luma=(0.0,),
                **{"red-green": (part,), "blue-yellow": (0.0,)},
            ),
            EDGES,
            [term],
            30.0,
            5,
            LIKE,
        )
        for part in (1.0, -1.0)
    )
    assert np.abs(red).max() > 0.1
    np.testing.assert_array_equal(red, -green)
    assert not red[:, [0, 2, 3, 5, 6, 8]].any()  # luma and blue-yellow edges
