"""Responses of every family: as the families below read it, the last one rectified."""

from dataclasses import replace

import pytest
import torch

from tests.planted import THEORY, planted
from workbench.compiler import compile_spec
from workbench.compiler.families import families
from workbench.compiler.plan import plan
from workbench.compiler.respond import Responses, drive, in_circuit_units
from workbench.spec.size import CHUNK

PLANNED = 1e-4  # a drive by its plan adds in another order, in float32
# its kernel leaves units at other positions
COLOURED = THEORY.replace("poses: {orientation", "poses: {channel: [luma, red-green], orientation")


def test_the_last_family_is_the_rectified_drive_and_the_first_is_pooled():
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host)
    rgb = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    responses = families(circuit, rgb, host.input.mean_rgb)
    assert list(responses) == ["gabor", "curve"]
    response, (rows, columns) = responses["curve"]
    site = host.site(trained.site)
    assert (rows.offset_px, rows.stride_px, rows.count) == (
        site.offset_px,
        site.stride_px,
        site.height,
    )
    assert rows == columns
    wanted = drive(circuit, rgb, host.input.mean_rgb).clamp_min(0)
    assert wanted.max() > 0
    assert torch.allclose(response, wanted, atol=1e-5)  # float32
    gabor, (rows, _) = responses["gabor"]
    assert gabor.shape == (2, 12, rows.count, rows.count)
    assert rows.stride_px == 4
    assert gabor.min() >= 0


def test_not_rectified_the_last_family_gives_its_drive_on_the_hosts_cells():
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host)
    rgb = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    unrectified, rectified = (
        families(circuit, rgb, host.input.mean_rgb, rectified=each) for each in (False, True)
    )
    wanted = drive(circuit, rgb, host.input.mean_rgb)
    assert wanted.min() < 0
    torch.testing.assert_close(unrectified["curve"][0], wanted, rtol=PLANNED, atol=PLANNED)
    assert unrectified["curve"][1] == rectified["curve"][1]
    assert torch.equal(unrectified["gabor"][0], rectified["gabor"][0])


def test_a_circuit_may_end_in_a_family_above_the_last():
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host, until="gabor")
    assert [layer.family for layer in circuit.layers] == ["gabor"]
    rgb = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    whole = families(compile_spec(spec, trained, host), rgb, host.input.mean_rgb)
    assert torch.equal(families(circuit, rgb, host.input.mean_rgb)["gabor"][0], whole["gabor"][0])


@pytest.mark.parametrize("until", [None, "gabor"])
@pytest.mark.parametrize("theory", [THEORY, COLOURED], ids=["as read", "moved by the kernel"])
def test_families_by_plan_have_the_responses_of_the_plain_way(theory, until):
    host, trained, spec = planted(theory)
    circuit = compile_spec(spec, trained, host, until=until)
    assert (plan(circuit)[0].positions is not None) == (theory is COLOURED)
    rgb = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    plain = Responses.to(in_circuit_units(rgb, host.input.mean_rgb), circuit.grid)
    for layer in circuit.layers:
        plain.add(layer)
    responses = families(circuit, rgb, host.input.mean_rgb)
    for name, (value, cells) in responses.items():
        torch.testing.assert_close(value, plain.of[name], rtol=PLANNED, atol=PLANNED)
        assert cells == plain.cells[name]


@pytest.mark.parametrize("first", [None, "gabor"])
def test_the_last_layer_of_one_circuit_has_the_same_response_within_another(first):
    """Both ways: units have the positions that the kernel gives them, in one as in the other."""
    host, trained, spec = planted(COLOURED)
    rgb = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    circuits, known = (
        [
            compile_spec(spec, trained, host, until=until)
            for until in (first, None if first else "gabor")
        ],
        {},
    )
    for circuit in circuits:
        alone, shared = (
            families(circuit, rgb, host.input.mean_rgb),
            families(circuit, rgb, host.input.mean_rgb, known=known),
        )
        assert all(torch.equal(shared[name][0], alone[name][0]) for name in alone)


def test_layers_that_circuits_share_run_once_with_the_same_response(monkeypatch):
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host)
    rgb = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    last = circuit.layers[-1]
    other = replace(
        circuit, layers=(*circuit.layers[:-1], replace(last, threshold=last.threshold + 0.25))
    )
    alone = families(other, rgb, host.input.mean_rgb)
    ran, known, add_by = list[str](), {}, Responses.add_by
    monkeypatch.setattr(
        Responses,
        "add_by",
        lambda so_far, planned: (ran.append(planned.layer.family), add_by(so_far, planned)),
    )
    families(circuit, rgb, host.input.mean_rgb, known=known)
    shared = families(other, rgb, host.input.mean_rgb, known=known)
    assert ran == ["gabor", "curve", "curve"]
    assert all(torch.equal(shared[name][0], alone[name][0]) for name in alone)


@pytest.mark.parametrize("rectified", [False, True])
def test_many_pictures_have_the_responses_of_each_alone(rectified):
    """Also the responses that are known to other circuits: of all pictures, in their order."""
    host, trained, spec = planted(COLOURED)
    circuit = compile_spec(spec, trained, host)
    rgb = torch.rand(CHUNK + 2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    known = {}
    whole = families(circuit, rgb, host.input.mean_rgb, rectified=rectified, known=known)
    again = families(circuit, rgb, host.input.mean_rgb, rectified=rectified, known=known)
    for i in range(len(rgb)):
        alone = families(circuit, rgb[i : i + 1], host.input.mean_rgb, rectified=rectified)
        for name, (value, cells) in alone.items():
            torch.testing.assert_close(whole[name][0][i : i + 1], value, rtol=0, atol=PLANNED)
            assert torch.equal(again[name][0], whole[name][0])
            assert whole[name][1] == cells
    assert len(known) == (2 if rectified else 1)
    assert all(len(value) == len(rgb) for value, _ in known.values())
