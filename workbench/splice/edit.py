"""Edits of the weights of the last family, in a handwritten circuit and in the trained network.

The network itself is never edited. A trained unit may read the layer before through a bottleneck.
Its weight from an upstream channel is then the *expanded* one: the sum, over the bottleneck's
channels, of the products of weights; its sign makes it negative or positive. An edit removes, or
leaves alone, the part of the drive that came through such weights on the picture at hand, with the
bottleneck's ReLUs as open or shut as they are in the whole network. So the parts of a unit's drive
add up to it, to rounding; the edit's effect on those ReLUs is left out.

A pool or a normalisation between the two sites acts on each channel alone: the weights after it
belong to the same channels as before it, and are edited there.

A first convolution reads pixels: its edit is of its weights of red, green and blue, each less the
host's mean colour, as a handwritten circuit reads them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit, Read
from workbench.errors import WorkbenchError
from workbench.hosts.branches import CHANNELS_APART, Branch, bias_of, branches
from workbench.hosts.first_stage import first_branch
from workbench.hosts.host import Host
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import INPUT, Edit
from workbench.splice.conditions import WithoutCircuit
from workbench.splice.inputs import ConditionInputs
from workbench.splice.link import RELU, Link, link_of
from workbench.splice.natural import PartKind


def edited(circuit: HandwrittenCircuit, edit: Edit) -> HandwrittenCircuit:
    """The circuit with these weights of its last layer at 0.

    The layers above are the same objects, so that they run once.
    """
    last = circuit.layers[-1]

    def with_zeros(read: Read) -> Read:
        named = has_sign(read.weight, edit.sign) & (read.source in edit.families)
        return replace(read, weight=read.weight * (named if edit.only else ~named))

    return replace(
        circuit,
        layers=(*circuit.layers[:-1], replace(last, reads=tuple(map(with_zeros, last.reads)))),
    )


def has_sign(weight: Tensor, sign: str | None) -> Bool[Tensor, "..."]:
    """Whether each weight has the sign; true for every weight where `sign` is None."""
    if sign is None:
        return torch.ones_like(weight, dtype=torch.bool)
    return weight > 0 if sign == "positive" else weight < 0


@dataclass(frozen=True)
class EditedTrained(WithoutCircuit):
    """The trained units after an edit of the weights from `channels` of the site before.

    Those of a first convolution are edited in the weights from taps of the input.
    """

    edit: Edit
    channels: list[int]
    branches: list[Branch]
    link: Link = RELU
    reads = frozenset[PartKind]({"entering"})

    def __call__(self, inputs: ConditionInputs) -> Float[Tensor, "n unit h w"]:
        """The edited units' activation."""
        values = torch.empty_like(inputs.trained)
        entering = inputs.given("entering")
        for branch in self.branches:
            before = branch.pool(entering) if branch.pool else entering
            named = drive_through(branch, before, self.channels, self.edit.sign)
            rest = constant_drive(branch, before) if self.edit.only else whole_drive(branch, before)
            drive = rest + named if self.edit.only else rest - named
            values[:, branch.places] = self.link(drive)
        return values


def edit_trained(
    host: Host, trained: TrainedCircuit, edit: Edit, bound: Sequence[TrainedCircuit]
) -> EditedTrained:
    """The edit in the trained network, where the circuits `bound` are the families of `edit`.

    Raises WorkbenchError where the host does not declare how one site reads the other.
    """
    read_by = [_branches(host, trained, family.site) for family in bound]
    channels = sorted({unit for family in bound for unit in family.channels("edits of weights")})
    return EditedTrained(edit, channels, read_by[0], link_of(host.site(trained.site)))


def edit_every_weight(host: Host, trained: TrainedCircuit, edit: Edit, site: str) -> EditedTrained:
    """The edit in the trained network, of the weights from every unit of the site before.

    For units of a first convolution `site` is INPUT. Raises WorkbenchError as `edit_trained`.
    """
    read_by = _branches(host, trained, site)
    channels = list(range(read_by[0].convolutions[0].in_channels))
    return EditedTrained(edit, channels, read_by, link_of(host.site(trained.site)))


def is_read(host: Host, trained: TrainedCircuit, site: str) -> bool:
    """Whether the convolutions are known through which the units read the site, or INPUT."""
    try:
        return bool(_branches(host, trained, site))
    except WorkbenchError:
        return False


def _branches(host: Host, trained: TrainedCircuit, upstream: str) -> list[Branch]:
    units = trained.channels("edits of weights")
    if upstream == INPUT:
        return [replace(first_branch(host), places=list(range(len(units))), channels=[*units])]
    return branches(host, upstream, trained.site, units, CHANNELS_APART, own_pool=True)


def whole_drive(branch: Branch, before: Float[Tensor, "n c h w"]) -> Float[Tensor, "n unit h w"]:
    """The units' drive in the host, before the site's link."""
    read = F.relu(branch.bottleneck(before)) if branch.bottleneck else before
    return F.conv2d(read, branch.weight, branch.bias, padding=branch.padding)


def constant_drive(
    branch: Branch, before: Float[Tensor, "n c h w"]
) -> Float[Tensor, "#n unit #h #w"]:
    """The part of the units' drive that comes from no upstream channel.

    It is that of the biases; a bottleneck's bias counts where its ReLU is open.
    """
    if branch.bottleneck is None:
        return branch.bias[None, :, None, None]
    biases = gates(branch, before) * bias_of(branch.bottleneck)[:, None, None]
    return F.conv2d(biases, branch.weight, branch.bias, padding=branch.padding)


def drive_through(
    branch: Branch,
    before: Float[Tensor, "n c h w"],
    channels: Sequence[int],
    sign: str | None = None,
) -> Float[Tensor, "n unit h w"]:
    """The part of the units' drive from `channels`, through expanded weights of the sign alone."""
    weight = bottleneck_weights(branch)[:, :, channels]
    weight = weight * has_sign(weight.sum(1, keepdim=True), sign)
    read = gates(branch, before)[:, :, None] * before[:, None, channels]
    return F.conv2d(read.flatten(1, 2), weight.flatten(1, 2), padding=branch.padding)


def bottleneck_weights(branch: Branch) -> Float[Tensor, "unit bottleneck c kh kw"]:
    """The weight of each unit from each upstream channel through each bottleneck channel.

    Their sum over the bottleneck channels is the expanded weight.
    """
    if branch.bottleneck is None:
        return branch.weight[:, None]
    return branch.weight[:, :, None] * branch.bottleneck.weight[None]


def gates(branch: Branch, before: Float[Tensor, "n c h w"]) -> Float[Tensor, "n bottleneck h w"]:
    """1 where the ReLU of a bottleneck channel is open; 1 everywhere without a bottleneck."""
    return (
        (branch.bottleneck(before) > 0).to(before.dtype)
        if branch.bottleneck
        else torch.ones_like(before[:, :1])
    )
