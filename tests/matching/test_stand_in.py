"""Trained Gabors in the place of a family of several axes: their parts of its units, weights."""

import itertools

import numpy as np
import pytest
import torch

from tests.planted import planted
from workbench.compiler import compile_spec
from workbench.compiler.ideal import LIKE
from workbench.compiler.layer import motif, written
from workbench.matching.matched import Matched
from workbench.matching.stand_in import StandIn, interpolated, parts_of, stand_in
from workbench.spec import theory_from_text
from workbench.spec.language import Family
from workbench.theory.poses import MIXTURE, Units, every_combination
from workbench.theory.rule import gabor_weights, weights

SURVEYED = 5.0, 1.6, 1.2  # wavelength_px, sigma_px and aspect of scale, envelope and aspect 1
EQUAL = 1e-9  # of filters that are the same but for rounding
THEORY = """\
theory: axes
families:
  gabor:
    poses:
      {angle}
      phase_deg: {{every: 90, over: {phases}}}
      scale: [2, 1]
      channel: [luma, red-green]
    stride_px: 4
    window_px: 9
    reads: {{input: {{kernel: gabor, wavelength_px: 5, sigma_px: 1.6, aspect: 1.2}}}}
    rectify: {rectify}
  last:
    poses: from-circuit
    window_px: 12
    reads: {{gabor: {{along: point, match: any}}}}
"""
LINES, SIDES = "orientation_deg: {every: 30, over: 180}", "centre_deg: {every: 30, over: 360}"


def family_of(angle: str, phases: int, rectify: str) -> Family:
    text = THEORY.format(angle=angle, phases=phases, rectify=rectify)
    return theory_from_text(text).theory.families["gabor"]


def gabors(*rows: tuple[float, float, float, tuple[float, float, float]], **more) -> Units:
    """Surveyed Gabors: centre, phase, scale and mixture of each."""
    centres, phases, scales, mixtures = zip(*rows, strict=True)
    poses = {"centre_deg": centres, "phase_deg": phases, "scale": scales}
    poses |= dict(zip(MIXTURE, zip(*mixtures, strict=True), strict=True)) | more
    return Units(tuple(map(str, range(len(rows)))), poses, {"unit": len(rows)})


def parts(family: Family, trained: Units) -> tuple[np.ndarray, Units]:
    units = every_combination(family.poses.axes())
    return parts_of(family, family.reads["input"][0], units, trained), units


def flat(units: Units) -> np.ndarray:
    """The filters as vectors of length 1."""
    filters = np.asarray(gabor_weights(units, *SURVEYED, 33, LIKE)).reshape(len(units), -1)
    return filters / np.linalg.norm(filters, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("angle", "phases", "rectify"),
    [
        (LINES, 180, "full"),
        (LINES, 360, "half"),
        (SIDES, 180, "half"),
        (SIDES, 360, "half"),
        (SIDES, 360, "full"),
    ],
)
def test_a_gabor_of_the_family_is_every_unit_with_its_filter_and_no_other(angle, phases, rectify):
    """In all its names; a fully rectified unit responds to its filter and to the opposite."""
    family = family_of(angle, phases, rectify)
    colours = [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0)]
    rows = itertools.product(range(0, 360, 30), range(0, 360, 90), (2.0, 1.0), colours)
    trained = gabors(*rows)
    found, units = parts(family, trained)
    alike = flat(trained) @ flat(units).T
    expected = np.abs(alike) if rectify == "full" else alike
    # a unit that has both phases, 0 and 180, at both of its directions has a filter twice
    np.testing.assert_allclose(found > 0, expected > 1 - 1e-6)
    if phases == 180 or rectify == "half":
        np.testing.assert_allclose(found[found > 0], 1.0)


def test_a_gabor_between_the_familys_is_parts_of_its_neighbours():
    family = family_of(SIDES, 180, "half")
    found, units = parts(
        family,
        gabors(
            (40.0, 90.0, 1.0, (1.0, 0.0, 0.0)),
            (30.0, 60.0, 1.0, (1.0, 0.0, 0.0)),
            (30.0, 90.0, 2**0.5, (1.0, 0.0, 0.0)),
            (30.0, 90.0, 8.0, (1.0, 0.0, 0.0)),
            (30.0, 90.0, 1.0, (0.5, -0.25, 0.25)),
            (30.0, 135.0, 1.0, (1.0, 0.0, 0.0)),
        ),
    )

    def known(*wanted: tuple[float, float, float, str, float]) -> np.ndarray:
        row = np.zeros(len(units))
        for centre_deg, phase_deg, scale, channel, part in wanted:
            pose = {"centre_deg": centre_deg, "phase_deg": phase_deg}
            row[units.having(pose | {"scale": scale, "channel": channel})] = part
        return row

    expected = [
        known((30, 90, 1, "luma", 2 / 3), (60, 90, 1, "luma", 1 / 3)),
        # a bar has no side: both units at phase 0 are this one
        known((30, 90, 1, "luma", 2 / 3), (30, 0, 1, "luma", 1 / 3), (210, 0, 1, "luma", 1 / 3)),
        known((30, 90, 1, "luma", 0.5), (30, 90, 2, "luma", 0.5)),
        known((30, 90, 2, "luma", 1.0)),  # larger than any of the family
        # the opposite colour is the edge with its sides exchanged; there is no blue-yellow
        known((30, 90, 1, "luma", 0.5), (210, 90, 1, "red-green", 0.25)),
        known((30, 90, 1, "luma", 0.5)),  # the other half would be a dark bar
    ]
    np.testing.assert_allclose(found, expected, atol=EQUAL)


def test_the_size_of_a_gabor_is_its_mean_frequency_and_not_its_wavelength_alone():
    """A wave of 20 px in an envelope of 1 px is no Gabor of 20 px."""

    def frequency(wavelength_px: float, sigma_px: float) -> float:
        x = np.linspace(-200, 200, 4001)
        wave = np.exp(-(x**2) / (2 * sigma_px**2) + 2j * np.pi * x / wavelength_px)
        power = np.abs(np.fft.fft(wave)) ** 2
        return float(np.sqrt((np.fft.fftfreq(len(x), 0.1) ** 2 * power).sum() / power.sum()))

    scale = frequency(5, 1.6) / frequency(20, 1.0)
    assert 1.5 < scale < 2
    narrow = gabors((30.0, 90.0, 4.0, (1.0, 0.0, 0.0)), envelope=(1.0 / (4 * 1.6),))
    found, units = parts(family_of(SIDES, 180, "half"), narrow)
    larger = found[0, units.having({"scale": 2})].sum()
    assert larger == pytest.approx(np.log(scale) / np.log(2), abs=1e-3)
    assert found.sum() == pytest.approx(1)


def test_interpolated_weights_are_the_rules_at_the_units_own_shifts():
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host)
    gabor, curve = circuit.layers
    shift_px = {"shift_x_px": (0.0, 2.5, -3.0), "shift_y_px": (0.0, 1.0, 2.0)}
    rows = np.array([0, 3, 8])
    units = gabor.units.chosen(rows)
    moved = Units(units.names, {**units.poses, **shift_px}, units.shape)
    chosen = StandIn("gabor", "retina", [0, 1, 2], moved, np.eye(len(gabor.units))[rows], rows)
    constants, weights_of = interpolated(spec, circuit, "curve", chosen)
    theory = sum(one.value * weight for one, weight in zip(constants, weights_of, strict=True))
    motifs = [motif(term, written(LIKE)) for term in spec.theory.families["curve"].reads["gabor"]]
    expected = weights(curve.units, moved, motifs, 32, 4, LIKE) / curve.ideal
    torch.testing.assert_close(theory, expected, rtol=0, atol=EQUAL)


@pytest.mark.parametrize(
    ("poses", "kernel"),
    [
        ("phase_deg: {every: 180, over: 360}", "{kernel: blob, sigma_px: 2}"),
        (SIDES, "{kernel: blob, sigma_px: 2}"),
        (SIDES, "[{kernel: gabor, wavelength_px: 5, sigma_px: 2}, {kernel: blob, sigma_px: 2}]"),
    ],
)
def test_units_of_a_file_cannot_be_those_of_a_family_that_is_not_of_one_gabor_kernel(poses, kernel):
    text = f"""\
theory: axes
families:
  spot: {{poses: {{{poses}, scale: [1, 0.5]}}, stride_px: 4, window_px: 9, reads: {{input: {kernel}}}}}
  curve: {{poses: from-circuit, window_px: 12, reads: {{spot: {{along: point, match: any}}}}}}
"""  # noqa: E501
    reason = refused(text, "spot")
    assert reason.startswith("it has the axes ")
    assert "only Gabors of one kernel can have the poses of a circuit file" in reason


def test_a_family_of_several_axes_that_reads_another_family_is_left_out():
    text = f"""\
theory: axes
families:
  edge: {{poses: {{{LINES}}}, stride_px: 4, window_px: 9, reads: {{input: {{kernel: gabor, wavelength_px: 5, sigma_px: 2}}}}}}
  sized: {{poses: {{{LINES}, scale: [1, 2]}}, stride_px: 4, window_px: 20, reads: {{edge: {{along: line, match: tangent, tolerance_deg: 20, spread_px: 2, extent_px: 4}}}}}}
  curve: {{poses: from-circuit, window_px: 12, reads: {{sized: {{along: point, match: any}}}}}}
"""  # noqa: E501
    assert refused(text, "sized") == (
        "it has the axes orientation_deg, scale and does not read the picture alone, so its units "
        "have no filter"
    )


def refused(text: str, family: str) -> str:
    """Why no trained units can stand in for a family with the poses of a circuit file."""
    host, trained, _ = planted()
    spec = theory_from_text(text)
    circuit = compile_spec(spec, trained, host)
    pair = Matched(family, "retina", np.arange(3), np.arange(3), np.arange(3))
    reason = stand_in(spec.theory.families[family], pair, circuit, trained)
    assert isinstance(reason, str)
    return reason
