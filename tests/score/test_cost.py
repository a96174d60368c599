"""Cost: what was written is counted, by hand."""

import pytest

from tests.planted import planted
from workbench.compiler import compile_spec
from workbench.score.cost import cost
from workbench.spec import theory_from_text

THEORY = """\
theory: counted
families:
  bar:
    # 2 + 2
    poses: {orientation_deg: {every: 45, over: 180}, scale: [1, 0.7]}                       
    stride_px: 4                                                                              # 1
    window_px: 5                                                                              # 1
    # 2: bounds are not counted
    reads: {input: {kernel: gabor, wavelength_px: {tune: 5, min: 3, max: 8}, sigma_px: 2}}  
    pool: {over_px: 4, stride_px: 4}                                                          # 2
  curve:
    poses: from-circuit
    window_px: 24                                                                             # 1
    reads:
      bar: {along: arc, radius_px: 33, spread_px: 6, extent_px: 12, match: tangent, harmonics: [0.1, {tune: 1, min: 0, max: 2}], by: {scale: [1, 2]}}
"""  # noqa: E501
FREE = 2 + 2 + 1 + 1 + 2 + 2 + 1 + 3 + 2 + 2
LEDGER = """\
tuned:
  {circuits: [{host: planted, circuit: a, pearson: [0, 0]}], spec: b, date: "2026-01-01",
  steps: 1, seed: 0, written: {}, images: [0123456789abcdef]}
"""


@pytest.mark.parametrize(("text", "tuned"), [(THEORY, 0), (THEORY + LEDGER, 2)])
def test_every_number_written_counts_once(text, tuned):
    host, trained, _ = planted()
    spec = theory_from_text(text)
    circuit = compile_spec(spec, trained, host)
    counts = cost(spec.theory, trained, circuit)
    assert (counts.free, counts.tuned) == (FREE, tuned)
    assert (counts.calibrated, counts.poses) == (2 * len(trained.units), len(trained.units))
    bars = 4 * 2 * 3 * 5 * 5
    curves = (
        len(trained.units) * 8 * 7 * 7
    )  # a window of 24 px over cells of 4 px: three taps to each side
    assert counts.weights == bars + curves


def test_variants_cost_nothing():
    host, trained, _ = planted()
    varied = (
        "variants: {a: {about: x, set: {families.curve.window_px: 20, "
        "'families.curve.reads.bar[0].harmonics': [0, 1, 2]}}}\n"
    )
    plain, both = (theory_from_text(text) for text in (THEORY + LEDGER, THEORY + varied + LEDGER))
    circuit = compile_spec(plain, trained, host)
    assert cost(both.theory, trained, circuit) == cost(plain.theory, trained, circuit)


@pytest.mark.parametrize(
    ("entry", "more"),
    [
        ("{weight: 0.5}", 1),
        ("{weight: {tune: 0.5, min: 0, max: 1}}", 1),
        (
            "{to: {unit: 4}, from: {orientation_deg: 45, scale: 1}, at_px: [4, 0], weight: 0.5}",
            1 + 2 + 2 + 1,
        ),
        ("{weight: 0.5}, {weight: 0.5}", 2),
    ],
)
def test_weights_set_one_by_one_cost_their_numbers_and_their_addresses(entry, more):
    host, trained, _ = planted()
    table = f", {{weights: [{entry}]}}]\n"
    spec = theory_from_text(THEORY.replace("bar: {along", "bar: [{along").rstrip() + table)
    assert cost(spec.theory, trained, compile_spec(spec, trained, host)).free == FREE + more


def test_the_points_of_a_profile_cost_their_degrees_too():
    host, trained, _ = planted()
    spec = theory_from_text(
        THEORY.replace(
            "harmonics: [0.1, {tune: 1, min: 0, max: 2}]",
            "profile: [[0, {tune: 1, min: 0, max: 2}], [30, 0]]",
        )
    )
    assert cost(spec.theory, trained, compile_spec(spec, trained, host)).free == FREE - 2 + 4


def test_poses_for_gabors_are_counted():
    host, trained, spec = planted()
    posed = tuple(
        unit.model_copy(update={"phase_deg": 90.0, "channel": "luma"}) for unit in trained.units
    )
    counts = cost(
        spec.theory, trained.model_copy(update={"units": posed}), compile_spec(spec, trained, host)
    )
    assert counts.poses == 3 * len(trained.units)
    mixed = tuple(
        unit.model_copy(update={"envelope": 1.2, "mixture": (0.5, 0.5, 0.0)})
        for unit in trained.units
    )
    counts = cost(
        spec.theory, trained.model_copy(update={"units": mixed}), compile_spec(spec, trained, host)
    )
    assert counts.poses == 5 * len(trained.units)
