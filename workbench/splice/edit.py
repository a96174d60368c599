"""An edit of what the last family reads: in a handwritten circuit, and in the trained network, which itself is never edited.

A trained unit may read the layer before through a bottleneck. Its weight from an upstream channel is then the *expanded* one, the sum of the
products of weights over the bottleneck's channels, and by its sign a weight is taken for negative or positive. What an edit takes away, or
leaves alone, is what came through such weights on the picture at hand: the bottleneck's ReLUs stay as open or shut as they are in the whole
network. So the parts of a unit's drive add up to the unit's own, to rounding; left out is that an edit might open or shut the ReLUs themselves.

A pool or a normalisation between the two sites hands every channel on by itself: the weights behind it are told by channel as before it, and are
edited there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit, Read
from workbench.hosts.branches import CHANNELS_APART, Branch, bias_of, branches
from workbench.hosts.host import Host
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Edit
from workbench.splice.scene import Scene


def edited(circuit: HandwrittenCircuit, edit: Edit) -> HandwrittenCircuit:
    """The circuit with these weights of its last layer at 0; the layers above are the same objects, so that they run once."""
    last = circuit.layers[-1]

    def kept(read: Read) -> Read:
        named = of_sign(read.weight, edit.sign) & (read.source in edit.families)
        return replace(read, weight=read.weight * (named if edit.only else ~named))

    return replace(circuit, layers=(*circuit.layers[:-1], replace(last, reads=tuple(map(kept, last.reads)))))


def of_sign(weight: Tensor, sign: str | None) -> Bool[Tensor, "..."]:
    """Where a weight has the sign; everywhere without one."""
    if sign is None:
        return torch.ones_like(weight, dtype=torch.bool)
    return weight > 0 if sign == "positive" else weight < 0


@dataclass(frozen=True)
class EditedTrained:
    """Condition: the trained units after an edit of the weights from `channels` of the site before."""

    edit: Edit
    channels: list[int]
    branches: list[Branch]

    def __call__(self, scene: Scene) -> Float[Tensor, "n unit h w"]:
        values = torch.empty_like(scene.trained)
        for branch in self.branches:
            before = branch.pool(scene.entering) if branch.pool else scene.entering
            named = through(branch, before, self.channels, self.edit.sign)
            drive = unheard(branch, before) + named if self.edit.only else whole(branch, before) - named
            values[:, branch.places] = F.relu(drive)
        return values


def edit_trained(host: Host, trained: TrainedCircuit, edit: Edit, bound: Sequence[TrainedCircuit]) -> EditedTrained:
    """The edit in the trained network, the families of `edit` being the units of the circuits `bound`. Raises WorkbenchError where the host does
    not tell how the one site hears the other."""
    units = [unit.unit for unit in trained.units]
    ways = [branches(host, family.site, trained.site, units, CHANNELS_APART, own_pool=True) for family in bound]
    return EditedTrained(edit, sorted({unit.unit for family in bound for unit in family.units}), ways[0])


def whole(branch: Branch, before: Float[Tensor, "n c h w"]) -> Float[Tensor, "n unit h w"]:
    """The units' drive in the host, before their ReLU."""
    heard = F.relu(branch.bottleneck(before)) if branch.bottleneck else before
    return F.conv2d(heard, branch.weight, branch.bias, padding=branch.padding)


def unheard(branch: Branch, before: Float[Tensor, "n c h w"]) -> Float[Tensor, "#n unit #h #w"]:
    """The part of that drive which no upstream channel has: the biases, a bottleneck's where its ReLU is open."""
    if branch.bottleneck is None:
        return branch.bias[None, :, None, None]
    heard = gates(branch, before) * bias_of(branch.bottleneck)[:, None, None]
    return F.conv2d(heard, branch.weight, branch.bias, padding=branch.padding)


def through(
    branch: Branch, before: Float[Tensor, "n c h w"], channels: Sequence[int], sign: str | None = None
) -> Float[Tensor, "n unit h w"]:
    """The part of that drive which comes from `channels`, through the expanded weights of a sign."""
    ways = by_bottleneck(branch)[:, :, channels]
    ways = ways * of_sign(ways.sum(1, keepdim=True), sign)
    heard = gates(branch, before)[:, :, None] * before[:, None, channels]
    return F.conv2d(heard.flatten(1, 2), ways.flatten(1, 2), padding=branch.padding)


def by_bottleneck(branch: Branch) -> Float[Tensor, "unit bottleneck c kh kw"]:
    """What comes to each unit from each upstream channel by way of each bottleneck channel; the sum over these is the expanded weight."""
    if branch.bottleneck is None:
        return branch.weight[:, None]
    return branch.weight[:, :, None] * branch.bottleneck.weight[None]


def gates(branch: Branch, before: Float[Tensor, "n c h w"]) -> Float[Tensor, "n bottleneck h w"]:
    """1 where the ReLU of a bottleneck channel is open; 1 everywhere without a bottleneck."""
    return (branch.bottleneck(before) > 0).to(before.dtype) if branch.bottleneck else torch.ones_like(before[:, :1])
