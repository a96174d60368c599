"""Theories that read by colour, and round families: what they refuse, and their ideal stimuli."""

import numpy as np
import pytest
import torch

from tests.planted import planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.compiler.ideal import SIZE_PX
from workbench.compiler.layer import Ideal, ideal_of
from workbench.compiler.respond import Responses, respond
from workbench.spec import SpecError, TrainedCircuit, TrainedUnit, theory_from_text
from workbench.vision.stimuli import spot

SIX_DIGITS = 5e-6  # the ideal drive is rounded to six
BLOBS = """\
theory: spots
families:
  blob:
    poses: {phase_deg: {every: 180, over: 360}, channel: [luma, red-green, blue-yellow]}
    stride_px: 4
    window_px: 7
    reads: {input: {kernel: blob, sigma_px: 1.5}}
  spot:
    poses: from-circuit
    window_px: 32
    reads:
      blob:
        - {along: point, spread_px: 3, match: any, colour: same, by: {phase_deg: [1, -1]}}
        - {along: ring, radius_px: 9, spread_px: 3, match: any, colour: same, by: {phase_deg: [1, -1]}, gain: -0.2}
"""  # noqa: E501
RINGED = (
    "{along: ring, radius_px: 9, spread_px: 3, match: opposite, harmonics: [0, 1], colour: same}"
)
POINT = "along: point, spread_px: 3, match: any, colour"
MIXTURES = ((0.0, 1.0, 0.0), (0.2, -0.5, 0.3), (-1.0, 0.0, 0.0))


def circuit_of(host) -> TrainedCircuit:
    units = [
        TrainedUnit(unit=i, shift_px=(0.0, 0.0), mixture=mixture)
        for i, mixture in enumerate(MIXTURES)
    ]
    return trained_circuit(host, units, "spot")


@pytest.fixture(scope="module")
def compiled():
    host = planted().host
    return compile_spec(theory_from_text(BLOBS), circuit_of(host), host)


def drives(circuit, mixture, radius_px: float = 9.0) -> np.ndarray:
    """Responses of the last family, before its threshold of 0, to a spot of a mixture's colour."""
    opponent = torch.tensor([[1 / 3] * 3, [0.5, -0.5, 0.0], [-0.25, -0.25, 0.5]])
    colour = torch.tensor(mixture) @ opponent
    cell = (SIZE_PX // 2 - circuit.grid.offset_px) // circuit.grid.stride_px
    at = circuit.grid.offset_px + circuit.grid.stride_px * cell
    painted = tuple((colour / colour.abs().max()).tolist())
    picture = spot(
        SIZE_PX, (at, at), radius_px, painted, 0.0, like=torch.zeros((), dtype=torch.float64)
    )
    responses = Responses.to(picture.movedim(-1, 0)[None], circuit.grid)
    return respond(circuit.layers, responses)[0, :, cell, cell].numpy()


def test_a_spot_in_its_colour_is_the_ideal_stimulus_of_a_round_family(compiled):
    responses = np.stack([drives(compiled, mixture) for mixture in MIXTURES])
    weights = [0, 0, 1, 2]  # the ideal drive is a mean over four turns of three units
    assert np.diag(responses)[weights].mean() == pytest.approx(1, abs=1e-4)
    assert (np.diag(responses) > 0.3).all()


def test_the_opposite_colour_does_not_drive_a_unit(compiled):
    for i, mixture in enumerate(MIXTURES):
        opposite = drives(compiled, tuple(-part for part in mixture))
        assert opposite[i] < 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (POINT, "along: line, spread_px: 3, extent_px: 4, match: any, colour", None),
        (
            "poses: {phase_deg: {every: 180, over: 360}, channel: [luma, red-green, blue-yellow]}",
            "poses: {phase_deg: {every: 180, over: 360}}",
            "found colour: same on 'blob', which has no channel; expected a family whose poses",
        ),
        (
            "{kernel: blob, sigma_px: 1.5}",
            "{kernel: gabor, wavelength_px: 5, sigma_px: 1.5}",
            "found kernel: gabor in a family without orientation_deg and centre_deg; expected one",
        ),
        ("match: any, colour", "match: same, harmonics: [1], colour", "which has no centre_deg"),
        ("colour: same", "colour: like", "expected 'same'"),
        ("kernel: blob, sigma_px: 1.5", "kernel: blob", "found no sigma_px"),
    ],
)
def test_what_does_not_fit_is_refused(old, new, expected):
    assert old in BLOBS
    text = BLOBS.replace(old, new, 1)
    if expected is None:
        theory_from_text(text)
        return
    with pytest.raises(SpecError, match=expected.replace("(", r"\(")):
        theory_from_text(text)


def test_a_round_family_reads_nothing_that_depends_on_a_direction():
    middle = """\
  between:
    poses: {channel: [luma]}
    stride_px: 4
    window_px: 24
    reads: {blob: {along: line, spread_px: 3, extent_px: 6, match: any}}
  spot:
"""
    with pytest.raises(SpecError, match="along: line with match: any in a family without"):
        theory_from_text(BLOBS.replace("  spot:\n", middle, 1))


def test_edges_on_a_ring_need_no_direction_of_the_unit():
    """Their poses are wanted relative to the ring, so a unit at any direction has these weights."""
    edges = BLOBS.replace(
        "poses: {phase_deg: {every: 180, over: 360}", "poses: {centre_deg: {every: 30, over: 360}"
    ).replace("kernel: blob, sigma_px: 1.5", "kernel: gabor, wavelength_px: 6, sigma_px: 1.5")
    head, _, _ = edges.partition("        - {")
    text = f"{head}        - {RINGED}\n"
    host = planted().host
    circuit = circuit_of(host)
    bare, turned = (
        compile_spec(
            theory_from_text(text),
            circuit.model_copy(
                update={"units": tuple(unit.model_copy(update=pose) for unit in circuit.units)}
            ),
            host,
        )
        for pose in ({}, {"centre_deg": 40.0})
    )
    first, second = (each.layers[-1].reads[0].weight.numpy() for each in (bare, turned))
    middle = first.shape[-1] // 2  # there a ring has no direction, and hardly any weight
    for each in (first, second):
        each[..., middle, middle] = 0
    assert np.abs(first).max() > 0.1
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("{along: point, spread_px: 3, match: any}", Ideal()),
        ("{along: point, spread_px: 3, match: any, colour: same}", Ideal(spot_px=8.0)),
        (
            "{along: inside, spread_px: 3, distance_px: 4, match: any, colour: same}",
            Ideal(coloured=True),
        ),
        ("{along: arc, radius_px: 20, spread_px: 3, extent_px: 9, match: any}", Ideal(20.0)),
    ],
)
def test_the_ideal_stimulus_follows_from_what_a_family_reads(term, expected):
    head, _, _ = BLOBS.partition("        - {")
    spec = theory_from_text(f"{head}        - {term}\n")
    assert (
        ideal_of(spec.theory.families["spot"], lambda number: np.asarray(number.tune)) == expected
    )
