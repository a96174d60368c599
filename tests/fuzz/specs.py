"""Mutated texts of the shipped specs, by seed."""

from collections.abc import Iterator

from tests.fuzz.texts import mutated
from tests.shipped import LEDGERS, SPECS

# words of the language that no shipped spec has
RARE = """\
theory: rare
families:
  gabor:
    poses: {orientation_deg: {every: 45, over: 180}, phase_deg: {every: 90, over: 180}, scale: [1, 0.7], channel: [luma, red-green]}
    stride_px: 2
    window_px: 7
    reads: {input: [{kernel: gabor, wavelength_px: 5, sigma_px: {tune: 1.8, min: 1, max: 3}}, {weights: [{weight: 1, at_px: [1, 0], from: {colour: red}, to: {scale: 1}}]}]}
    pool: {over_px: 6, stride_px: 4}
  line:
    poses: {orientation_deg: {every: 45, over: 180}}
    stride_px: 4
    window_px: 12
    reads: {gabor: {along: line, spread_px: 2, extent_px: 5, match: tangent, profile: [[0, 1], [45, {tune: 0.2, min: 0, max: 1}], [90, 0]], by: {scale: [1, 0.5]}}}
    normalise: {across: orientation_deg, floor: 0.05}
    threshold: 0.1
  curve:
    poses: from-circuit
    window_px: 24
    typical_radius_px: 20
    tune_poses: {centre_deg: 5, radius: 1.2, shift_px: 2, scale: 1.1}
    reads:
      gabor: {along: point, match: any, gain: 0.1}
      line: {along: arc, radius_px: 16, spread_px: 4, extent_px: 8, match: tangent, tolerance_deg: 20, turned: with, radius_power: 0.5, scale_power: -1}
variants:
  bare: {about: no points, set: {families.curve.reads.gabor.gain: 0}, units: {shift_px: none, gain: shared}}
claims:
  point: {about: less, edit: {without: gabor}, expect: {figure: peak, below: 0.9}}
"""  # noqa: E501


def mutated_specs(seed: int) -> Iterator[str]:
    """Mutated texts without end; the same for the same seed."""
    return mutated([*(path.read_text(encoding="utf-8") for path in SPECS), RARE], seed)


def mutated_ledgers(seed: int) -> Iterator[str]:
    """Mutated texts of the shipped ledgers without end; the same for the same seed."""
    return mutated([path.read_text(encoding="utf-8") for path in LEDGERS], seed)
