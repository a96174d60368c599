"""Conditions: what the replaced units say. Each is a function of a scene, so that every splice goes the same way.

Ablations: zero, mean and resample (Chan et al. 2022, causal scrubbing; Wang et al. 2022, arXiv 2211.00593, for mean ablation).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.splice.scene import Scene


class Condition(Protocol):
    """Values for the replaced units, `n unit h w`."""

    def __call__(self, scene: Scene) -> Tensor: ...


def natural(scene: Scene) -> Tensor:
    """The trained units' own activation: splicing it back changes nothing."""
    return scene.trained


def zero(scene: Scene) -> Tensor:
    """Ablation: silence."""
    return torch.zeros_like(scene.trained)


@dataclass(frozen=True)
class Mean:
    """Ablation: each unit always at its mean over the calibration pictures."""

    mean: Float[Tensor, " unit"]

    def __call__(self, scene: Scene) -> Tensor:
        return self.mean[None, :, None, None].expand_as(scene.trained)


@dataclass(frozen=True)
class Donor:
    """Activations `donor unit h w` of other pictures: the trained units' (resample ablation) or a circuit's (control)."""

    activations: Float[Tensor, "donor unit h w"]

    def __call__(self, scene: Scene) -> Tensor:
        return self.activations[scene.donor]


@dataclass(frozen=True)
class Handwritten:
    """`max(0, gain * drive + bias)` of a handwritten circuit, gain and bias of each unit calibrated.

    `order` lets unit i speak with the drive of unit order[i]; `sign` -1 turns every weight of the last layer around. Both are controls.
    """

    circuit: str
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]
    order: Int[Tensor, " unit"]
    sign: float = 1.0

    def drive(self, scene: Scene) -> Float[Tensor, "n unit h w"]:
        return self.sign * scene.drives[self.circuit][:, self.order]

    def __call__(self, scene: Scene) -> Tensor:
        return F.relu(self.gain[:, None, None] * self.drive(scene) + self.bias[:, None, None])


@dataclass(frozen=True)
class Affine:
    """Control: for each unit the one trained unit of the layer before that fits it best, with a gain and a bias of its own.

    As many fitted numbers as a handwritten unit has, and trained features to read: how well could a non-explanation do?
    """

    channel: Int[Tensor, " unit"]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]

    def __call__(self, scene: Scene) -> Tensor:
        return F.relu(self.gain[:, None, None] * scene.before[:, self.channel] + self.bias[:, None, None])


@dataclass(frozen=True)
class Regression:
    """Control: the least-squares reading of every channel of the trained layer before, cell by cell, with a gain and a bias as every unit has.

    The strongest of the controls: some hundred fitted numbers a unit, on trained features.
    """

    weight: Float[Tensor, "unit c2"]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]

    def __call__(self, scene: Scene) -> Tensor:
        reading = torch.einsum("uc,nchw->nuhw", self.weight, scene.before)
        return F.relu(self.gain[:, None, None] * reading + self.bias[:, None, None])


def circuits_read(condition: Condition) -> tuple[str, ...] | None:
    """The handwritten circuits whose drives a condition takes; None of a condition that is not one of these, as a subclass is not."""
    if type(condition) is Handwritten:
        return (condition.circuit,)
    return () if condition is natural or condition is zero or type(condition) in (Mean, Donor, Affine, Regression) else None


def reads_before(condition: Condition) -> bool:
    """Whether a condition looks at the site before."""
    return isinstance(condition, (Affine, Regression)) or circuits_read(condition) is None
