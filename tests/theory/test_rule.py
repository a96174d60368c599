"""The rule against a naive loop, and the same in every array library."""

from dataclasses import replace

import array_api_compat
import numpy as np
import pytest
import torch

from tests.libraries import LIBRARIES, OTHERS, plain
from tests.theory import naive
from tests.theory.cases import FALLOFF_IDS, FALLOFFS, PLACE_CASES, motif, poses
from workbench.arrays import array_like, device
from workbench.theory.match import harmonics, profile, turned, within
from workbench.theory.poses import Units, every_combination
from workbench.theory.rule import Motif, gabor_weights, weights
from workbench.vision.geometry.angles import atan2_deg, cos_sin_deg, wrap_deg
from workbench.vision.geometry.frame import offsets, seen_from, taps
from workbench.vision.geometry.gabor import gabor
from workbench.vision.geometry.place import PLACES

ROUNDING = 1e-12  # float64: angles of some hundred degrees are known to 1e-13
LIBRARY_ROUNDING = (
    2e-14  # of exp, cos and atan2, a few units in the last place, times angles in degrees
)
WINDOW_PX, STEP_PX = 30.0, 5

DOWNSTREAM = poses(centre_deg=(0.0, 37.0, 200.0))
ORIENTED = poses(orientation_deg=(10.0, 95.0, 171.0))
PLACED = poses(
    centre_deg=(5.0, 123.4, 290.0),
    radius_px=(12.0, 40.0, 22.0),
    shift_x_px=(0.0, -3.7, 6.0),
    shift_y_px=(1.5, 2.2, -8.0),
    scale=(1.0, 0.6, 1.5),
)


@pytest.mark.parametrize("match", ["tangent", "normal", "same", "opposite", "any"])
@pytest.mark.parametrize(("place", "where"), PLACE_CASES)
@pytest.mark.parametrize(
    "downstream", [DOWNSTREAM, ORIENTED, PLACED], ids=["centres", "orientations", "surveyed"]
)
def test_weights_are_those_of_the_naive_loop(place, where, match, downstream):
    upstream = poses(
        **{"centre_deg" if match in ("same", "opposite") else "orientation_deg": (0.0, 61.0, 122.5)}
    )
    terms = [
        motif(place, match, where, falloff, gain=gain)
        for falloff, gain in zip(FALLOFFS, (-0.7, 0.4, 0.9, -0.3, 0.5), strict=True)
    ]
    kernel = weights(downstream, upstream, terms, WINDOW_PX, STEP_PX, np.zeros(()))
    expected = naive.weights(downstream, upstream, terms, WINDOW_PX, STEP_PX)
    assert kernel.shape == (3, 3, 7, 7)
    assert np.abs(expected).max() > 0.01 or (
        place == "point" and not where and downstream is PLACED
    )  # shifted units miss the one cell
    np.testing.assert_allclose(kernel, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("match", ["tangent", "same", "any"])
def test_gains_grow_with_radius_and_scale_and_moved_units_are_read_where_they_are_moved_to(match):
    upstream = poses(
        **{"centre_deg" if match == "same" else "orientation_deg": (0.0, 61.0, 122.5)},
        shift_x_px=(0.0, 4.0, -6.5),
        shift_y_px=(3.0, 0.0, 2.5),
    )
    where = {"spread_px": 4.0, "radius_px": 14.0, "extent_px": 9.0}
    terms = [
        motif("arc", match, where, FALLOFFS[1], radius_power=0.7),
        motif("ring", match, {"spread_px": 4.0, "radius_px": 9.5}, FALLOFFS[0], scale_power=-1.3),
    ]
    for downstream in (PLACED, DOWNSTREAM):
        kernel = weights(downstream, upstream, terms, WINDOW_PX, STEP_PX, np.zeros(()))
        np.testing.assert_allclose(
            kernel,
            naive.weights(downstream, upstream, terms, WINDOW_PX, STEP_PX),
            rtol=0,
            atol=ROUNDING,
        )


def test_terms_add_up_and_by_multiplies_each_upstream_unit():
    upstream = every_combination(
        {
            "orientation_deg": (0.0, 60.0, 120.0),
            "scale": (1.0, 0.7),
            "channel": ("luma", "red-green"),
        }
    )
    first = motif(
        "arc",
        "tangent",
        {"radius_px": 14.0, "spread_px": 4.0, "extent_px": 9.0},
        FALLOFFS[0],
        by={"scale": [1.0, 0.25]},
    )
    second = motif(
        "line",
        "normal",
        {"spread_px": 4.0, "extent_px": 9.0},
        FALLOFFS[1],
        gain=-2.0,
        by={"scale": [0.5, 2.0], "channel": [1.0, -0.3]},
    )
    both = weights(DOWNSTREAM, upstream, [first, second], WINDOW_PX, STEP_PX, np.zeros(()))
    np.testing.assert_allclose(
        both,
        naive.weights(DOWNSTREAM, upstream, [first, second], WINDOW_PX, STEP_PX),
        rtol=0,
        atol=ROUNDING,
    )
    alone = weights(DOWNSTREAM, upstream, [first], WINDOW_PX, STEP_PX, np.zeros(()))
    np.testing.assert_array_equal(
        alone[:, 2::4], 0.25 * alone[:, ::4]
    )  # luma at scale 0.7 over luma at scale 1
    np.testing.assert_array_equal(
        alone[:, 1::4], alone[:, ::4]
    )  # a channel that no gain names counts like any other


def test_no_terms_no_weights():
    assert not weights(DOWNSTREAM, ORIENTED, [], WINDOW_PX, STEP_PX, np.zeros(())).any()


@pytest.mark.parametrize(
    ("window_px", "step_px", "expected"),
    [(40, 8, 2), (47.9, 8, 2), (48, 8, 3), (1, 4, 0), (7, 2, 1), (9, 1, 4)],
)
def test_a_window_holds_whole_steps_to_each_side(window_px, step_px, expected):
    assert taps(window_px, step_px) == expected
    assert (
        weights(DOWNSTREAM, ORIENTED, [], window_px, step_px, np.zeros(())).shape[2:]
        == (2 * expected + 1,) * 2
    )


@pytest.mark.parametrize(
    ("radii", "expected"),
    [((20.0,), (1.0,)), ((10.0, 40.0), (0.5, 2.0)), ((8.0, 8.0, 8.0), (1.0, 1.0, 1.0))],
)
def test_bend_is_the_radius_over_its_geometric_mean(radii, expected):
    assert poses(centre_deg=(0.0,) * len(radii), radius_px=radii).bend == pytest.approx(
        expected, rel=1e-14
    )


def test_bend_is_the_radius_over_the_typical_one_where_there_is_one():
    """So a unit's arcs do not depend on the others that it was found with."""
    many = replace(poses(centre_deg=(0.0, 0.0), radius_px=(10.0, 40.0)), typical_px=20.0)
    one = replace(poses(centre_deg=(0.0,), radius_px=(40.0,)), typical_px=20.0)
    assert many.bend.tolist() == [0.5, 2.0]
    assert one.bend.tolist() == [2.0]


def test_units_are_named_by_their_poses_the_last_axis_fastest():
    units = every_combination(
        {"orientation_deg": (0.0, 22.5), "scale": (1, 0.7), "channel": ("luma",)}
    )
    assert units.names == (
        "orientation 0° x1 luma",
        "orientation 0° x0.7 luma",
        "orientation 22.5° x1 luma",
        "orientation 22.5° x0.7 luma",
    )
    assert units.shape == {"orientation_deg": 2, "scale": 2, "channel": 1}
    assert units.normal_deg.tolist() == [90.0, 90.0, 112.5, 112.5]


def every_function(like) -> dict[str, object]:
    """The theory's functions, each on the same numbers in the library of `like`."""
    xp = array_api_compat.array_namespace(like)
    angle = array_like([-400.0, -135.0, -45.0, 0.0, 12.5, 45.0, 90.0, 135.0, 359.0], like)
    x, y = offsets(24.0, 3, like)
    normal, tangent = seen_from(x, y, array_like([20.0, 130.0], like), array_like([1.0, 0.8], like))
    phase = array_like([[[0.0]], [[90.0]]], like)
    out = {
        "cos_sin_deg": xp.stack(list(cos_sin_deg(angle))),
        "wrap_deg": wrap_deg(angle, 180.0),
        "atan2_deg": atan2_deg(normal, tangent),
        "seen_from": xp.stack([normal, tangent]),
        "within": within(angle, 180.0, 20.0),
        "harmonics": harmonics(angle, 360.0, [0.1, 0.6, 0.3]),
        "profile": profile(angle, 180.0, [(0.0, 1.0), (15.0, 0.2), (60.0, -0.5)]),
        "turned": turned(angle, 180.0, -2.0 * angle, "against"),
        "gabor": gabor(normal, tangent, phase, 5.0, 2.0, 0.7),
    }
    for case in PLACE_CASES:
        name, where = case.values
        out[f"place {case.id}"] = xp.stack(list(PLACES[name](normal, tangent, **where)))
    units = every_combination(
        {
            "orientation_deg": (0.0, 40.0),
            "phase_deg": (0.0, 90.0),
            "scale": (1.0, 0.7),
            "channel": ("luma", "blue-yellow"),
        }
    )
    out["gabor_weights"] = gabor_weights(units, 5.0, 1.8, 0.7, 9.0, like)
    for match, upstream in {"tangent": units, "same": DOWNSTREAM, "any": units}.items():
        by = {"by": {"phase_deg": [1.0, -0.5], "channel": [1.0, 0.2]}} if upstream is units else {}
        term = motif(
            "arc", match, {"spread_px": 4.0, "radius_px": 14.0, "extent_px": 9.0}, FALLOFFS[1], **by
        )
        out[f"weights {match}"] = weights(PLACED, upstream, [term], WINDOW_PX, STEP_PX, like)
    return out


@pytest.mark.parametrize("library", OTHERS)
def test_every_function_is_the_same_in_every_library_on_every_device(library):
    like = library(np.zeros(()))
    expected, computed = every_function(np.zeros(())), every_function(like)
    for name, array in computed.items():
        assert (type(array), array.dtype, device(array)) == (
            type(like),
            like.dtype,
            device(like),
        ), name
        scale = max(1.0, float(np.abs(expected[name]).max()))
        np.testing.assert_allclose(
            plain(array), expected[name], rtol=0, atol=LIBRARY_ROUNDING * scale, err_msg=name
        )


@pytest.mark.parametrize("library", LIBRARIES)
def test_float32_stays_float32(library):
    like = library(np.zeros((), np.float32))
    assert all(array.dtype == like.dtype for array in every_function(like).values())


GRADIENT_CASES = [
    pytest.param(
        "arc", "tangent", {"spread_px": 4.0, "radius_px": 15.0, "extent_px": 9.0}, id="arc"
    ),
    pytest.param("ring", "tangent", {"spread_px": 4.0, "radius_px": 9.5}, id="ring"),
    pytest.param(
        "arc", "same", {"spread_px": 4.0, "radius_px": 15.0, "extent_px": 9.0}, id="arc-same"
    ),
    pytest.param("flanks", "normal", {"spread_px": 4.0, "distance_px": 6.0}, id="flanks"),
    pytest.param("inside", "tangent", {"spread_px": 4.0, "distance_px": 6.0}, id="inside"),
    pytest.param("line", "any", {"spread_px": 4.0, "extent_px": 6.0}, id="line"),
]


@pytest.mark.parametrize("falloff", FALLOFFS, ids=FALLOFF_IDS)
@pytest.mark.parametrize(("place", "match", "where"), GRADIENT_CASES)
def test_gradients_reach_every_constant(place, match, where, falloff):
    def tensor(value: float) -> torch.Tensor:
        return torch.tensor(value, dtype=torch.float64, requires_grad=True)

    lengths, gain = [tensor(value) for value in where.values()], tensor(-0.7)
    off_deg = [degrees for degrees, _ in falloff.get("profile", [])]
    written = (
        [weight for _, weight in falloff.get("profile", [])]
        or falloff.get("harmonics")
        or [falloff["tolerance_deg"]]
    )
    fall = [] if match == "any" else [tensor(value) for value in written]
    upstream = (
        poses(centre_deg=(3.0, 61.0))
        if match == "same"
        else every_combination({"orientation_deg": (3.0, 61.0), "scale": (1.0, 0.7)})
    )
    by = [tensor(0.3), tensor(1.2)] if match != "same" else []

    def kernel(gain, *constants):
        sizes, rest = constants[: len(where)], constants[len(where) :]
        numbers = rest[: len(fall)]
        ways = {
            "profile": list(zip(off_deg, numbers, strict=False)),
            "harmonics": numbers,
            "tolerance_deg": rest[0] if rest else None,
        }
        shape = {} if match == "any" else {name: ways.get(name, falloff[name]) for name in falloff}
        gains = {"by": {"scale": rest[len(fall) :]}} if by else {}
        term = Motif(place, match, gain, dict(zip(where, sizes, strict=True)), **shape, **gains)
        return weights(
            PLACED, upstream, [term], WINDOW_PX, STEP_PX, torch.zeros((), dtype=torch.float64)
        )

    constants = (gain, *lengths, *fall, *by)
    assert torch.autograd.gradcheck(kernel, constants)
    slopes = torch.autograd.grad(kernel(*constants).abs().sum(), constants)
    assert all(
        slope != 0 for slope in slopes
    )  # a constant that is cut off would have the zero slope that it seems to have


def test_gradients_reach_every_constant_of_a_gabor():
    units = every_combination(
        {"orientation_deg": (20.0, 90.0), "phase_deg": (30.0,), "scale": (1.0, 0.7)}
    )

    def kernel(wavelength_px, sigma_px, aspect):
        return gabor_weights(
            units, wavelength_px, sigma_px, aspect, 9.0, torch.zeros((), dtype=torch.float64)
        )

    constants = tuple(
        torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (5.0, 1.8, 0.7)
    )
    assert torch.autograd.gradcheck(kernel, constants)
    assert all(
        slope != 0 for slope in torch.autograd.grad((kernel(*constants) ** 2).sum(), constants)
    )


def test_a_motif_of_numbers_is_one_of_tensors():
    """What is compiled and what is tuned are the same weights."""
    where = {"spread_px": 4.0, "radius_px": 15.0, "extent_px": 9.0}
    like = torch.zeros((), dtype=torch.float64)
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in where.items()}
    plain, tensor = (
        weights(
            PLACED, ORIENTED, [motif("arc", "tangent", w, FALLOFFS[0])], WINDOW_PX, STEP_PX, like
        )
        for w in (where, tensors)
    )
    assert torch.equal(plain, tensor)


def test_units_know_how_many_they_are():
    assert len(Units(("a", "b"), {"orientation_deg": (0.0, 1.0)}, {"unit": 2})) == 2
