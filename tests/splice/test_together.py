"""Several circuits spliced in one run: the fast path, the plain path and a run by hand give the
same logits, at two sites and at one.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.planted import (
    EDGE_UNITS,
    EDGES,
    INPUT,
    SITE,
    UNITS,
    PlantedTwice,
    Whole,
    planted,
    planted_twice,
    trained_circuit,
)
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.hosts import Host
from workbench.spec import load_circuit, load_theory, theory_from_text
from workbench.splice.conditions import Condition, Handwritten, Mean, natural, zero
from workbench.splice.inputs import Wanted, condition_inputs, joint_inputs
from workbench.splice.natural import Part
from workbench.splice.network import SplicedNetwork, spliced_from
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

ROOT = Path(__file__).parents[2]
DONOR = torch.zeros(3, dtype=torch.long)
STAGES = ("retina", SITE, "consumers", "head")


@pytest.fixture(scope="module")
def toy() -> PlantedTwice:
    return planted_twice()


@pytest.fixture(scope="module")
def x() -> Tensor:
    return batch(drawn(3, seed=2), INPUT)


def circuits_of(toy: PlantedTwice) -> list[dict]:
    return [
        {"spliced": compile_spec(spec, trained, toy.host)}
        for spec, trained in zip(toy.specs, toy.trained, strict=True)
    ]


def whole(host: Host, times: int = 1) -> Host:
    sites = {name: replace(site, module=f"stages.{name}") for name, site in host.sites.items()}
    return replace(host, network=Whole(host, times), sites=sites)


def fast(
    host: Host, circuits: Sequence[dict], conditions: Sequence[Condition], x: Tensor
) -> Tensor:
    here, seen = joint_inputs(host, circuits, x, DONOR, starts(circuits))
    return spliced_from(
        host,
        x,
        here,
        [condition(inputs) for inputs, condition in zip(here, conditions, strict=True)],
        seen,
    )[0]


def starts(circuits: Sequence[dict]) -> Wanted:
    """The parts from which a splice at any of the sites starts."""
    sites = [circuit["spliced"].site for circuit in circuits]
    return Wanted(more=tuple(Part("pushed", site) for site in sites))


@pytest.mark.parametrize("made", [lambda host: host, whole], ids=["stage by stage", "whole"])
def test_the_trained_units_own_activation_at_both_sites_changes_no_bit(toy, x, made):
    host, circuits = made(toy.host), circuits_of(toy)
    spliced, silent = (
        SplicedNetwork(host, *((each, natural) for each in circuits)),
        SplicedNetwork(host, *((each, zero) for each in circuits)),
    )
    with torch.inference_mode():
        expected = toy.host.network(x)
        assert torch.equal(spliced(x), expected)
        assert torch.equal(fast(host, circuits, [natural, natural], x), expected)
        assert (silent(x) - expected).abs().max() > 0.1
        assert torch.equal(host.network(x), expected)  # and no hook is left
    assert (spliced.fired, silent.fired) == (1, 1)


def check_two_real_sites(host: Host) -> None:
    """Filters of the host's first site as if they were edges, and its curves."""
    edges = trained_circuit(host, EDGE_UNITS, "edge", next(iter(host.sites)))
    curves = load_circuit(ROOT / "circuits" / host.name / "curve.yaml")
    pairs = (
        (theory_from_text(EDGES), edges),
        (load_theory(ROOT / "specs" / "curve-detectors.yaml"), curves),
    )
    circuits = [{"spliced": compile_spec(spec, trained, host)} for spec, trained in pairs]
    x = batch(drawn(2, seed=2), host.input)
    with torch.inference_mode():
        expected = host.network(x)
        here, seen = joint_inputs(host, circuits, x, DONOR[:2], starts(circuits))
        assert torch.equal(
            spliced_from(host, x, here, [inputs.trained for inputs in here], seen)[0], expected
        )
        silent, _ = spliced_from(host, x, here, [zero(inputs) for inputs in here], seen)
        assert torch.equal(SplicedNetwork(host, *((each, zero) for each in circuits))(x), silent)
        for inputs in here:
            alone, _ = spliced_from(host, x, [inputs], [zero(inputs)], seen)
            assert (alone - silent).abs().max() > 1e-3 * expected.abs().max()


def test_two_sites_of_squeezenet(squeezenet):
    check_two_real_sites(squeezenet)


@pytest.mark.inceptionv1
def test_two_sites_of_inceptionv1(inceptionv1):
    check_two_real_sites(inceptionv1)


CONDITIONS = {
    "both silent": (zero, zero),
    "the first at its mean": (Mean(torch.linspace(0.1, 0.4, 4)), natural),
    "handwritten": (
        Handwritten("spliced", torch.full((4,), 3.0), torch.full((4,), 0.1), torch.arange(4)),
        Handwritten(
            "spliced", torch.full((6,), 20.0), torch.full((6,), -0.2), torch.arange(6).roll(1)
        ),
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("made", [lambda host: host, whole], ids=["stage by stage", "whole"])
def test_the_fast_path_the_plain_path_and_a_run_stage_by_stage_are_the_same(toy, x, name, made):
    """Each stage in turn, the values from the picture alone, what is not replaced as the
    stages above bring it.
    """
    host, circuits = made(toy.host), circuits_of(toy)
    with torch.inference_mode():
        values = [
            condition(condition_inputs(toy.host, by_name, x, DONOR))
            for by_name, condition in zip(circuits, CONDITIONS[name], strict=True)
        ]
        replaced = {
            by_name["spliced"].site: (list(by_name["spliced"].units), value)
            for by_name, value in zip(circuits, values, strict=True)
        }
        expected = x
        for stage in STAGES:
            expected = toy.host.network.get_submodule(stage)(expected)
            if stage in replaced:
                expected[:, replaced[stage][0]] = replaced[stage][1]
        plain = SplicedNetwork(host, *zip(circuits, CONDITIONS[name], strict=True))(x)
        assert torch.equal(plain, expected)
        assert torch.equal(fast(host, circuits, CONDITIONS[name], x), expected)
        assert torch.equal(
            fast(host, circuits[::-1], CONDITIONS[name][::-1], x), expected
        )  # whatever the order in which they were given
        assert (expected - toy.host.network(x)).abs().max() > 0.1


def test_a_splice_at_the_first_site_is_felt_at_the_second_but_for_the_units_that_are_replaced_there(
    toy, x
):
    circuits = circuits_of(toy)
    with torch.inference_mode():
        (first, second), natural_run = joint_inputs(toy.host, circuits, x, DONOR, starts(circuits))
        _, seen = spliced_from(toy.host, x, [first], [zero(first)], natural_run, SITE)
        natural_sites = toy.host.activations(x, "retina", SITE)
        _, both = toy.host.resume(
            x, "retina", first.put(zero(first), natural_sites["retina"]), SITE
        )
    others = [channel for channel in range(12) if channel not in second.slots.indices]
    assert torch.equal(seen[SITE], both[SITE])
    assert (seen[SITE][:, others] - natural_sites[SITE][:, others]).abs().max() > 0.1
    assert torch.equal(
        second.trained, toy.host.activations(x, SITE)[SITE][:, list(second.slots.indices)]
    )  # of the natural run


def test_one_circuit_in_two_files_is_the_same_splice(x):
    """Two circuits that share a site and no unit."""
    host, trained, spec = planted()
    parts = [
        compile_spec(spec, trained_circuit(host, units), host) for units in (UNITS[:2], UNITS[2:])
    ]
    one = [{"spliced": compile_spec(spec, trained, host)}]
    two = [{"spliced": circuit} for circuit in parts]
    mean = torch.linspace(0.5, 2, 6)
    with torch.inference_mode():
        expected = fast(host, one, [Mean(mean)], x)
        assert torch.equal(fast(host, two, [Mean(mean[:2]), Mean(mean[2:])], x), expected)
        assert torch.equal(
            SplicedNetwork(host, *zip(two, [Mean(mean[:2]), Mean(mean[2:])], strict=True))(x),
            expected,
        )
        assert not torch.allclose(fast(host, two, [Mean(mean[:2]), natural], x), expected)


@pytest.mark.parametrize("times", [0, 2])
def test_a_splice_that_does_not_fire_once_at_the_later_site_raises(toy, x, times):
    circuits = circuits_of(toy)
    message = rf"site planted: its submodule ran {times} times in one run of the network"
    with torch.inference_mode():
        plain = SplicedNetwork(whole(toy.host, times), *((each, natural) for each in circuits))
        with pytest.raises(WorkbenchError, match=message):
            plain(x)
        with pytest.raises(WorkbenchError, match=message):
            fast(whole(toy.host, times), circuits, [natural, natural], x)
        with pytest.raises(WorkbenchError, match=message):
            fast(
                whole(toy.host, times), circuits[1:], [natural], x
            )  # the only site, and so the first
    assert plain.fired == 0
