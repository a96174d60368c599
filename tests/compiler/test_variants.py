"""Compiled variants: the weights of a spec written that way, and equal units where asked."""

from dataclasses import replace

import pytest
import torch

from tests.planted import THEORY as TEXT
from tests.planted import PlantedHost, planted
from workbench.compiler import compile_spec, compile_variants, read_circuit, write_circuit
from workbench.compiler.file import to_bytes
from workbench.errors import WorkbenchError
from workbench.spec import TrainedUnit, dumped, theory_from_text
from workbench.theory.poses import RADIUS, SCALE, SHIFT_X, SHIFT_Y

VARIANTS = """\
variants:
  weak: {about: crossing lines inhibit less, set: {'families.curve.reads.gabor[1].gain': -0.1}}
  centred: {about: no shifts, units: {shift_px: none}}
  one-size: {about: no sizes, units: {radius_px: mean, scale: mean}}
  one-gain: {about: one gain, units: {gain: shared}}
"""
SURVEYED = tuple(
    TrainedUnit(
        unit=i, centre_deg=90.0 * i, radius_px=radius_px, shift_px=(4.0 * i, -8.0), scale=scale
    )
    for i, (radius_px, scale) in enumerate([(10.0, 0.5), (40.0, 2.0), (20.0, 1.0)])
)


@pytest.fixture(scope="module")
def surveyed() -> PlantedHost:
    """Units that differ in radius, shift and scale; the geometric means of radius and scale are 20
    and 1.
    """
    return planted(units=SURVEYED)


@pytest.fixture(scope="module")
def circuits(surveyed):
    host, trained, _ = surveyed
    spec = theory_from_text(TEXT + VARIANTS)
    whole = compile_spec(spec, trained, host)
    return {"spliced": whole, **compile_variants(spec, trained, host, whole)}


def test_every_variant_is_a_circuit(circuits):
    assert list(circuits) == [
        "spliced",
        "variant.weak",
        "variant.centred",
        "variant.one-size",
        "variant.one-gain",
    ]
    assert [circuit.facts.get("variant") for circuit in circuits.values()] == [
        None,
        "weak",
        "centred",
        "one-size",
        "one-gain",
    ]


def test_a_number_that_is_set_gives_the_bytes_of_a_spec_written_that_way(surveyed, circuits):
    host, trained, _ = surveyed
    written = compile_spec(
        theory_from_text(TEXT.replace("gain: {tune: -0.3, min: -1, max: 0}", "gain: -0.1")),
        trained,
        host,
    )
    varied = circuits["variant.weak"]
    same = replace(
        varied, facts={**written.facts, "numbers": varied.facts["numbers"]}
    )  # but for the name and the hash of the file
    assert to_bytes(same) == to_bytes(written)
    assert to_bytes(replace(circuits["spliced"], facts={})) != to_bytes(replace(varied, facts={}))


@pytest.mark.parametrize(
    ("variant", "changed"), [("centred", ("shift_px",)), ("one-size", ("radius_px", "scale"))]
)
def test_units_alike_give_the_weights_of_a_circuit_surveyed_that_way(
    surveyed, circuits, variant, changed
):
    host, trained, spec = surveyed
    alike = {"shift_px": (0.0, 0.0), "radius_px": 20.0, "scale": 1.0}
    units = tuple(
        unit.model_copy(update={name: alike[name] for name in changed}) for unit in trained.units
    )
    expected = (
        compile_spec(spec, trained.model_copy(update={"units": units}), host)
        .layers[-1]
        .reads[0]
        .weight
    )
    weight = circuits[f"variant.{variant}"].layers[-1].reads[0].weight
    torch.testing.assert_close(
        weight, expected, rtol=0, atol=1e-12
    )  # rounding of a mean of logarithms
    assert (weight - circuits["spliced"].layers[-1].reads[0].weight).abs().max() > 0.1


def test_the_poses_are_those_of_the_variant(circuits):
    centred, one_size = (
        circuits[f"variant.{name}"].layers[-1].units.poses for name in ("centred", "one-size")
    )
    whole = circuits["spliced"].layers[-1].units.poses
    assert centred[SHIFT_X] == centred[SHIFT_Y] == (0.0, 0.0, 0.0)
    assert (centred[RADIUS], centred[SCALE]) == (whole[RADIUS], whole[SCALE])
    assert one_size[RADIUS] == pytest.approx((20.0,) * 3)
    assert one_size[SCALE] == pytest.approx((1.0,) * 3)
    assert (one_size[SHIFT_X], one_size[SHIFT_Y]) == (whole[SHIFT_X], whole[SHIFT_Y])


def test_units_without_a_radius_or_scale_have_none_to_share():
    host, trained, _ = planted()
    circuit = compile_spec(theory_from_text(TEXT + VARIANTS), trained, host, variant="one-size")
    assert not {RADIUS, SCALE} & circuit.layers[-1].units.poses.keys()


def test_one_gain_is_the_same_circuit_and_a_wish_for_calibration_that_its_file_keeps(
    circuits, tmp_path
):
    circuit = circuits["variant.one-gain"]
    assert to_bytes(replace(circuit, facts={})) == to_bytes(replace(circuits["spliced"], facts={}))
    write_circuit(circuit, tmp_path / "one.safetensors")
    assert [
        each.one_gain for each in (read_circuit(tmp_path / "one.safetensors"), circuits["spliced"])
    ] == [True, False]


def test_layers_that_a_variant_leaves_as_they_are_run_once(circuits):
    above = circuits["spliced"].layers[0]
    assert [circuit.layers[0] is above for circuit in circuits.values()] == [
        True,
        False,
        True,
        True,
        True,
    ]


def test_a_tuned_spec_keeps_its_tuned_poses_and_numbers(surveyed):
    """A variant changes only its own part of a pose that tuning moved.

    A tuned number that it sets is a rule.
    """
    host, trained, _ = surveyed
    poses = {
        str(i): {"centre_deg": 5.0, "radius_px": 20.0, "shift_px": [1.0, 2.0], "scale": 1.5}
        for i in range(3)
    }
    fitted = {"host": "planted", "circuit": trained.sha256, "pearson": [0, 0], "poses": poses}
    ledger = {
        "circuits": [fitted],
        "spec": "b",
        "date": "2026-01-01",
        "steps": 1,
        "seed": 0,
        "written": {},
        "images": [],
    }
    text = f"{TEXT}{VARIANTS}{dumped({'tuned': ledger})}\n"
    spec = theory_from_text(text)
    centred, weak = (
        compile_spec(spec, trained, host, variant=name) for name in ("centred", "weak")
    )
    units = centred.layers[-1].units
    assert (
        list(units.column("centre_deg")),
        list(units.column(SHIFT_X)),
        list(units.column(SCALE)),
    ) == ([5.0] * 3, [0.0] * 3, [1.5] * 3)
    of = {key: (value, source) for key, value, source in weak.facts["numbers"]}
    assert of["families.curve.reads.gabor[1].gain"] == (-0.1, "rule")
    assert of["families.curve.reads.gabor[0].radius_px"] == (20.0, "tuned")


def test_a_variant_that_its_own_ideal_stimulus_does_not_drive_is_refused_by_name(surveyed):
    host, trained, _ = surveyed
    off = "{about: x, set: {'families.curve.reads.gabor[0].gain': 0}}"
    spec = theory_from_text(f"{TEXT}variants: {{off: {off}}}\n", "a.yaml")
    with pytest.raises(
        WorkbenchError,
        match=r"a\.yaml: variants\.off: families\.curve: its own ideal stimulus drives it to -",
    ):
        compile_variants(spec, trained, host, compile_spec(spec, trained, host))
