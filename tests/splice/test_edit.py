"""Edits of the last layer: the weights are gone from the handwritten circuit, and the trained units
have the activation that they would have without theirs.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.conftest import tiny_network
from tests.planted import planted, trained_circuit
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.inception_blocks import ConvRelu, LocalResponseNorm, MaxPoolSame, Mixed
from workbench.spec import TrainedCircuit, TrainedUnit
from workbench.spec.language import INPUT, Edit
from workbench.splice.edit import (
    EditedTrained,
    constant_drive,
    drive_through,
    edit_every_weight,
    edit_trained,
    edited,
    has_sign,
    whole_drive,
)
from workbench.splice.inputs import ConditionInputs
from workbench.splice.natural import Part, natural_parts
from workbench.splice.slots import Channels

ROUNDING = 1e-5  # float32 sums of some hundred terms about 1
UNITS = (1, 5, 9, 20)  # of 1x1, of 3x3, of 3x3 and of 5x5
NAMED = [0, 3, 4]


class Blocks(nn.Sequential):
    pass


@pytest.fixture(scope="module")
def mixed() -> Host:
    """A chain of a convolution and an inception block: 8 channels, then 4 of 1x1, 8 of 3x3, 10 of
    5x5 and 3 after a pool.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        chain = nn.Sequential(
            ConvRelu(3, 8, 3),
            Mixed(8, 4, 5, 8, 6, 10, 3),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
    return host_from_module(
        chain,
        "mixed",
        {"below": "0", "block": "1"},
        PictureInput(size_px=24, mean_rgb=(0.0, 0.0, 0.0)),
    )


@pytest.fixture(scope="module")
def inputs(mixed) -> ConditionInputs:
    seen = mixed.activations(
        torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(1)), "below", "block"
    )
    slots = Channels(UNITS)
    return ConditionInputs(
        "block",
        slots,
        slots.read(seen["block"]),
        {},
        torch.zeros(2, dtype=torch.long),
        before=seen["below"],
        entering=seen["below"],
    )


def condition(host: Host, edit: Edit, channels: list[int] = NAMED) -> EditedTrained:
    return EditedTrained(
        edit=edit, channels=channels, branches=branches(host, "below", "block", UNITS)
    )


@pytest.fixture(scope="module")
def circuit() -> HandwrittenCircuit:
    host, trained, spec = planted()
    return compile_spec(spec, trained, host)


@pytest.mark.parametrize(
    ("edit", "stays"),
    [
        (Edit(without=("gabor",)), lambda weight: torch.zeros_like(weight)),
        (Edit(without=("gabor",), sign="negative"), lambda weight: weight.clamp(min=0)),
        (Edit(without=("gabor",), sign="positive"), lambda weight: weight.clamp(max=0)),
        (Edit(only=("gabor",), sign="negative"), lambda weight: weight.clamp(max=0)),
        (Edit(only=("gabor",)), lambda weight: weight),
        (Edit(without=("other",)), lambda weight: weight),
        (Edit(only=("other",)), lambda weight: torch.zeros_like(weight)),
    ],
)
def test_the_weights_that_an_edit_names_are_gone_and_no_others(circuit, edit, stays):
    made, weight = edited(circuit, edit), circuit.layers[-1].reads[0].weight
    assert (weight > 0).any()
    assert (weight < 0).any()
    assert torch.equal(made.layers[-1].reads[0].weight, stays(weight))
    assert all(
        ours is theirs for ours, theirs in zip(made.layers[:-1], circuit.layers[:-1], strict=True)
    )
    assert made.layers[-1].ideal is circuit.layers[-1].ideal


def test_no_edit_is_the_hosts_own_activation(mixed, inputs):
    none = torch.empty_like(inputs.trained)
    for branch in branches(mixed, "below", "block", UNITS):
        none[:, branch.places] = F.relu(whole_drive(branch, inputs.before))
    everything = condition(mixed, Edit(only=("a",)), list(range(8)))(inputs)
    assert (inputs.trained > 0).any(0).flatten(1).any(1).all()
    torch.testing.assert_close(none, inputs.trained, rtol=0, atol=ROUNDING)
    torch.testing.assert_close(everything, inputs.trained, rtol=0, atol=ROUNDING)


def test_the_parts_of_a_drive_add_up_to_it(mixed, inputs):
    others = [channel for channel in range(8) if channel not in NAMED]
    for branch in branches(mixed, "below", "block", UNITS):
        parts = [
            drive_through(branch, inputs.before, NAMED, sign) for sign in ("positive", "negative")
        ]
        total = (
            constant_drive(branch, inputs.before)
            + sum(parts)
            + drive_through(branch, inputs.before, others)
        )
        torch.testing.assert_close(total, whole_drive(branch, inputs.before), rtol=0, atol=ROUNDING)
        assert all(part.abs().max() > 100 * ROUNDING for part in parts)


@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_a_sign_is_that_of_the_weights_through_the_bottleneck_tap_by_tap(mixed, inputs, sign):
    """Against a loop over units, channels and taps."""
    for branch in branches(mixed, "below", "block", UNITS):
        drive = drive_through(branch, inputs.before, NAMED, sign)
        torch.testing.assert_close(drive, slow(branch, inputs.before, sign), rtol=0, atol=ROUNDING)


def slow(branch, before, sign):
    reach, kernel = branch.padding, branch.weight
    padded, middle = (
        F.pad(before, (reach,) * 4),
        torch.zeros(len(before), len(kernel), *before.shape[2:]),
    )
    bottleneck = (
        branch.bottleneck.weight[:, :, 0, 0] if branch.bottleneck else torch.eye(before.shape[1])
    )
    opened = (
        (branch.bottleneck(before) > 0).float() if branch.bottleneck else torch.ones_like(before)
    )
    opened = F.pad(opened, (reach,) * 4)
    rows, columns = before.shape[2:]
    for u, c, i, j in (
        (u, c, i, j)
        for u in range(len(kernel))
        for c in NAMED
        for i in range(2 * reach + 1)
        for j in range(2 * reach + 1)
    ):
        ways = kernel[u, :, i, j] * bottleneck[:, c]
        if (ways.sum() > 0) == (sign == "positive"):
            gate = (opened[:, :, i : i + rows, j : j + columns] * ways[:, None, None]).sum(1)
            middle[:, u] += gate * padded[:, c, i : i + rows, j : j + columns]
    return middle


def test_the_way_through_a_pool_of_the_block_is_given_only_where_it_is_asked_for(mixed):
    with pytest.raises(
        WorkbenchError, match=r"from below to block: the way to unit 22 is not known, or another"
    ):
        branches(mixed, "below", "block", [21, 22])
    assert [
        branch.pool is not None
        for branch in branches(mixed, "below", "block", [21, 22], own_pool=True)
    ] == [False, True]


AFTER_POOL = (1, 3, 22, 24)  # of 1x1, and after the block's own pool: without a bottleneck


def after_a_pool() -> Host:
    """As `mixed`, with a normalisation and a pool before the block."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stages = (
            ConvRelu(3, 8, 3),
            LocalResponseNorm(),
            MaxPoolSame(),
            Mixed(8, 4, 5, 8, 6, 10, 3),
            nn.Flatten(),
        )
    return host_from_module(
        nn.Sequential(*stages),
        "pooled",
        {"below": "0", "block": "3"},
        PictureInput(24, (0.0, 0.0, 0.0)),
    )


def plainly(host: Host, edit: Edit, x: torch.Tensor) -> torch.Tensor:
    """The units AFTER_POOL of a copy of the network whose very weights are edited."""
    network = copy.deepcopy(host.network)
    for name in ("1x1", "pool_reduce"):
        weight = network[3][name].weight.data
        named = torch.zeros_like(weight, dtype=torch.bool)
        named[:, NAMED] = has_sign(weight[:, NAMED], edit.sign)
        weight *= named if edit.only else ~named
    return network[:4](x)[:, list(AFTER_POOL)]


@pytest.mark.parametrize("sign", [None, "positive", "negative"])
@pytest.mark.parametrize("way", ["without", "only"])
def test_after_pools_the_edit_is_that_of_the_networks_own_weights(way, sign):
    host, edit = after_a_pool(), Edit(**{way: ("a",)}, sign=sign)
    x = 3 * torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    trained = trained_circuit(
        host, [TrainedUnit(unit=unit, centre_deg=0) for unit in AFTER_POOL], site="block"
    )
    bound = trained_circuit(
        host, [TrainedUnit(unit=unit, centre_deg=0) for unit in NAMED], site="below"
    )
    with torch.inference_mode():
        parts = {
            kind: Part(kind, "block", Channels(AFTER_POOL) if kind == "units" else None)
            for kind in ("units", "before", "entering")
        }
        seen = natural_parts(host, x, list(parts.values()))
        trained_activation, before, entering = (seen[part] for part in parts.values())
        here = ConditionInputs(
            "block",
            Channels(AFTER_POOL),
            trained_activation,
            {},
            torch.zeros(2, dtype=torch.long),
            before=before,
            entering=entering,
        )
        made, wrong = (
            edit_trained(host, trained, edit, [units])(here) for units in (bound, moved(bound))
        )
        wanted = plainly(host, edit, x)
    torch.testing.assert_close(made, wanted, rtol=0, atol=ROUNDING)
    assert (wanted - trained_activation).abs().max() > 100 * ROUNDING
    assert (wrong - wanted).abs().max() > 100 * ROUNDING


@pytest.mark.parametrize("sign", ["positive", "negative"])
@pytest.mark.parametrize("way", ["without", "only"])
def test_an_edit_of_the_input_is_that_of_the_first_convolutions_own_weights(tiny_host, way, sign):
    units = (1, 3, 6)
    trained = trained_circuit(tiny_host, [TrainedUnit(unit=unit) for unit in units], site="first")
    x = 3 * torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    network = copy.deepcopy(tiny_host.network)
    above, weight = (way == "only") == (sign == "positive"), network[0][0].weight.data
    weight.clamp_(min=0) if above else weight.clamp_(max=0)
    parts = [Part("units", "first", Channels(units)), Part("entering", "first")]
    with torch.inference_mode():
        activation, entering = (natural_parts(tiny_host, x, parts)[part] for part in parts)
        donor = torch.zeros(2, dtype=torch.long)
        here = ConditionInputs("first", Channels(units), activation, {}, donor, entering=entering)
        edit = Edit(**{way: (INPUT,)}, sign=sign)
        made = edit_every_weight(tiny_host, trained, edit, INPUT)(here)
        wanted = network[0](x)[:, list(units)]
    torch.testing.assert_close(made, wanted, rtol=0, atol=ROUNDING)
    assert (wanted - activation).abs().max() > 100 * ROUNDING


def moved(bound: TrainedCircuit) -> TrainedCircuit:
    """Other channels than those."""
    return bound.model_copy(
        update={
            "units": tuple(
                unit.model_copy(update={"unit": (unit.unit + 1) % 8}) for unit in bound.units
            )
        }
    )


def test_sites_that_are_no_neighbours_and_other_convolutions_are_refused(tiny_host):
    assert branches(tiny_host, "first", "second", [3, 7])[0].channels == [3, 7]
    with pytest.raises(WorkbenchError, match="no stage and the one just before it"):
        branches(tiny_host, "first", "third", [0])
    with pytest.raises(WorkbenchError, match="no stage and the one just before it"):
        branches(tiny_host, "second", "first", [0])
    with pytest.raises(WorkbenchError, match="the way to unit 0 is not known"):  # stride 2
        branches(tiny_host, "second", "third", [0])
    loose = Blocks(*tiny_network())
    host = host_from_module(loose, "loose", {"first": "0", "second": "1"}, tiny_host.input)
    with pytest.raises(WorkbenchError, match="no stage and the one just before it"):
        branches(host, "first", "second", [0])


@pytest.mark.inceptionv1
def test_inceptionv1_of_mixed3a_is_the_sum_of_what_its_units_read_of_conv2d2_after_a_pool(
    inceptionv1,
):
    units = (5, 150, 200, 240)  # of each branch
    x = 50 * torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    parts = [Part("units", "mixed3a", Channels(units)), Part("entering", "mixed3a")]
    activation, entering = (natural_parts(inceptionv1, x, parts)[part] for part in parts)
    assert entering.shape == (1, 192, 28, 28)
    for branch in branches(inceptionv1, "conv2d2", "mixed3a", units, CHANNELS_APART, own_pool=True):
        before = branch.pool(entering) if branch.pool else entering
        total = constant_drive(branch, before) + drive_through(branch, before, range(192))
        torch.testing.assert_close(
            F.relu(total),
            activation[:, branch.places],
            rtol=1e-4,
            atol=1e-3 * float(activation.max()),
        )


@pytest.mark.inceptionv1
def test_inceptionv1_of_mixed3b_is_the_sum_of_what_its_units_read_of_mixed3a(inceptionv1):
    units = (5, 150, 327, 384)
    seen = inceptionv1.activations(
        50 * torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)),
        "mixed3a",
        "mixed3b",
    )
    for branch in branches(inceptionv1, "mixed3a", "mixed3b", units):
        activation = seen["mixed3b"][:, [units[place] for place in branch.places]]
        total = constant_drive(branch, seen["mixed3a"]) + drive_through(
            branch, seen["mixed3a"], range(256)
        )
        torch.testing.assert_close(
            F.relu(total), activation, rtol=1e-4, atol=1e-3 * float(activation.max())
        )
