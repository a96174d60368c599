"""Rivals of a theory that have no theory: the trained weights with fewer bits, and regressions.

All of them read the trained activation that enters the units' stage, and get a gain and a bias for
each unit, as a handwritten unit does. `workbench.score.bits` counts them by one rule.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from workbench.hosts.branches import Branch
from workbench.hosts.pooling import max_pool_same
from workbench.splice.conditions import WithoutCircuit, scaled
from workbench.splice.edit import whole_drive
from workbench.splice.inputs import ConditionInputs
from workbench.splice.link import RELU, Link
from workbench.splice.natural import PartKind

REFITS = 6  # times the units that are active are chosen again
SMALL_EXPONENT = 3  # bits
RIDGE = 1e-3  # of each feature's variance


@dataclass(frozen=True)
class Trained(WithoutCircuit):
    """The units' trained convolutions, with other numbers as weights.

    weights  all of these numbers in a row, by which the condition is known
    """

    branches: Sequence[Branch]
    weights: Float[Tensor, " number"]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]
    link: Link = RELU
    cached = True
    reads = frozenset[PartKind]({"entering"})

    def __call__(self, inputs: ConditionInputs) -> Float[Tensor, "n unit h w"]:
        """The units' activation."""
        drive = branch_drive(self.branches, inputs.given("entering"))
        return scaled(self.link, self.gain, self.bias, drive)


@dataclass(frozen=True)
class Window(WithoutCircuit):
    """A linear prediction from a window of the trained activation that enters the stage."""

    weight: Float[Tensor, "unit c kh kw"]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]
    link: Link = RELU
    cached = True
    reads = frozenset[PartKind]({"entering"})

    def __call__(self, inputs: ConditionInputs) -> Float[Tensor, "n unit h w"]:
        """The units' activation."""
        return self.predicted(inputs.given("entering"))

    def predicted(self, entering: Float[Tensor, "n c h w"]) -> Float[Tensor, "n unit h w"]:
        """The units' activation where this enters the stage."""
        drive = F.conv2d(entering, self.weight, padding=self.weight.shape[-1] // 2)
        return scaled(self.link, self.gain, self.bias, drive)


@dataclass(frozen=True, kw_only=True)
class Through(Window):
    """A linear prediction from a window of hidden units, and from one place of what enters.

    weight  of the hidden units' activation
    direct  of what enters at the unit's place, and of its pool
    hidden_weight, hidden_gain, hidden_bias  of the hidden units: each reads what enters at its own
            place, and has a ReLU
    """

    direct: Float[Tensor, "unit c2"]
    hidden_weight: Float[Tensor, "hidden c"]
    hidden_gain: Float[Tensor, " hidden"]
    hidden_bias: Float[Tensor, " hidden"]
    cached = True
    reads = frozenset[PartKind]({"entering"})

    def predicted(self, entering: Float[Tensor, "n c h w"]) -> Float[Tensor, "n unit h w"]:
        """The units' activation where this enters the stage."""
        drive = F.conv2d(entering, self.hidden_weight[:, :, None, None])
        hidden = scaled(RELU, self.hidden_gain, self.hidden_bias, drive)
        here = torch.cat([entering, max_pool_same(entering)], 1)
        total = F.conv2d(hidden, self.weight, padding=self.weight.shape[-1] // 2)
        total += F.conv2d(here, self.direct[:, :, None, None])
        return scaled(self.link, self.gain, self.bias, total)


def branch_drive(
    branches: Sequence[Branch], entering: Float[Tensor, "n c h w"]
) -> Float[Tensor, "n unit h w"]:
    """The drive of units through their branches, in the order of the units."""
    units = sum(len(branch.places) for branch in branches)
    drive = entering.new_empty(len(entering), units, *entering.shape[2:])
    for branch in branches:
        drive[:, branch.places] = whole_drive(
            branch, branch.pool(entering) if branch.pool else entering
        )
    return drive


def tensors_of(branches: Sequence[Branch]) -> list[Float[Tensor, "out in kh kw"]]:
    """The weights that the branches use: every bottleneck once, then the units' own rows."""
    weights = [bottleneck.weight for bottleneck in _bottlenecks(branches)]
    return [weight.detach() for weight in (*weights, *(branch.weight for branch in branches))]


def with_tensors(branches: Sequence[Branch], weights: Sequence[Tensor]) -> list[Branch]:
    """The branches with other weights, in the order of `tensors_of`."""
    bottlenecks = _bottlenecks(branches)
    first, last = weights[: len(bottlenecks)], weights[len(bottlenecks) :]
    copies: dict[nn.Module, nn.Conv2d] = {}
    for bottleneck, weight in zip(bottlenecks, first, strict=True):
        copies[bottleneck] = copy.deepcopy(bottleneck)
        copies[bottleneck].weight.data = weight.clone()
    changed = []
    for branch, weight in zip(branches, last, strict=True):
        convolution = copy.deepcopy(branch.convolutions[-1])
        convolution.weight.data[branch.channels] = weight
        above = [copies[bottleneck] for bottleneck in branch.convolutions[:-1]]
        changed.append(replace(branch, convolutions=(*above, convolution)))
    return changed


def _bottlenecks(branches: Sequence[Branch]) -> list[nn.Conv2d]:
    """Every bottleneck once, though branches may share it."""
    return list(dict.fromkeys(branch.bottleneck for branch in branches if branch.bottleneck))


def pruned(
    weight: Float[Tensor, "out in kh kw"], count: int, spread: Float[Tensor, " in"] | None = None
) -> Float[Tensor, "out in kh kw"]:
    """The weights with all but the largest `count` of them at 0.

    With `spread`, the standard deviation of each input, by what a weight adds to a drive.
    """
    size = weight.abs() if spread is None else weight.abs() * spread[:, None, None]
    kept = size.flatten().topk(min(count, weight.numel())).indices
    mask = torch.zeros(weight.numel(), dtype=weight.dtype).index_fill(0, kept, 1.0)
    return weight * mask.view_as(weight)


def quantised(weight: Float[Tensor, "out ..."], bits: int) -> Float[Tensor, "out ..."]:
    """The weights of each row at 2 ** bits - 1 even steps, from its largest size to its negative.

    At two bits these are the three of Li et al. 2016, arXiv 1605.04711: the weights above 0.7 of
    the mean size, at the mean of their sizes.
    """
    flat = weight.flatten(1)
    if bits == 2:
        large = flat.abs() > 0.7 * flat.abs().mean(1, keepdim=True)
        size = (flat.abs() * large).sum(1, keepdim=True) / large.sum(1, keepdim=True).clamp_min(1)
        return (flat.sign() * large * size).view_as(weight)
    levels = 2 ** (bits - 1) - 1
    step = (flat.abs().amax(1, keepdim=True) / levels).clamp_min(1e-30)
    return ((flat / step).round() * step).view_as(weight)


def as_small_floats(weight: Float[Tensor, "unit k"], bits: int) -> Float[Tensor, "unit k"]:
    """The weights of each row as numbers of a sign, SMALL_EXPONENT bits of exponent and a mantissa.

    The largest of a row has the highest exponent; what is below the lowest is evenly spaced down to
    0. For weights of inputs of unequal spread, which an even scale would round to 0.
    """
    mantissa = bits - 1 - SMALL_EXPONENT
    size = weight.abs()
    top = torch.floor(torch.log2(size.amax(1, keepdim=True).clamp_min(1e-30)))
    lowest = top - (2**SMALL_EXPONENT - 2)
    exponent = torch.floor(torch.log2(size.clamp_min(1e-30))).maximum(lowest)
    step = 2.0 ** (exponent - mantissa)
    return weight.sign() * (size / step).round() * step


def greedy(
    gram: Float[Tensor, "m m"], target: Float[Tensor, "unit m"], count: int
) -> Int[Tensor, "unit count"]:
    """For each unit the features of orthogonal least squares, in the order of their choice.

    Chen, Billings & Luo 1989, doi 10.1080/00207178908953472: at each step the feature that explains
    most of what is left. `gram` are the products of centred features, `target` those with the
    units' targets. A feature that hardly varies, or is nearly a combination of chosen ones, is not
    taken.
    """
    size = gram.diagonal()
    units, features = target.shape
    left = size.repeat(units, 1) * (1 + 1e-4) + 1e-9
    product, basis = target.clone(), target.new_zeros(units, count, features)
    chosen = torch.zeros(units, count, dtype=torch.long)
    dead = size <= 1e-8 * size.max()
    for step in range(count):
        gain = product**2 / left
        gain[:, dead] = -1
        gain[left < size * 1e-3 + 1e-9] = -1
        if step:
            gain.scatter_(1, chosen[:, :step], -1)
        best = gain.argmax(1)
        chosen[:, step] = best
        scale = left.gather(1, best[:, None]).clamp_min(1e-9).sqrt()
        row = gram[best]
        if step:
            at = basis[:, :step].gather(2, best[:, None, None].expand(-1, step, 1))
            row = row - (at * basis[:, :step]).sum(1)
        row = row / scale
        basis[:, step] = row
        along = product.gather(1, best[:, None]) / scale
        product = product - along * row
        left = (left - row**2).clamp_min(1e-9)
    return chosen


def rectified_fit(
    features: Float[Tensor, "row k"], target: Float[Tensor, " row"]
) -> Float[Tensor, " k"]:
    """The weights of least squares of `max(0, features @ weights + bias)`, by active sets.

    Least squares on all rows first; then, a few times, on the rows where either side is above 0.
    The best of these fits is taken. Features and target are as they are, and the bias is left out
    of the result, as calibration fits it again.
    """
    columns = torch.cat([features, features.new_ones(len(features), 1)], 1)
    ridge = RIDGE * (columns**2).mean(0).clamp_min(1e-12)

    def solved(rows: Tensor, goal: Tensor) -> Tensor:
        return torch.linalg.solve(rows.T @ rows + torch.diag(ridge * len(rows)), rows.T @ goal)

    weights = solved(columns, target)
    best = weights, math.inf
    for _ in range(REFITS):
        prediction = columns @ weights
        error = float((F.relu(prediction) - target).square().mean())
        if error < best[1]:
            best = weights, error
        active = (prediction > 0) | (target > 0)
        if int(active.sum()) <= len(weights):
            break
        weights = solved(columns[active], target[active])
    return best[0][:-1]
