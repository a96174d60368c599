"""The terms that a unit of a first site may read: Gabors and spots over the colours of the input.

They are the filters of the language's own `kernel: gabor` and `kernel: blob`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.atoms import Atom, Place
from workbench.analyses.propose.site.controls import Search
from workbench.analyses.propose.site.dictionary import LIKE, POSES, Dictionary, different
from workbench.analyses.propose.site.labels import Labels
from workbench.analyses.propose.site.sample import INPUT
from workbench.errors import WorkbenchError
from workbench.theory.poses import CENTRE, CHANNEL, PHASE, UNIT, Units
from workbench.theory.rule import blob_weights, gabor_weights
from workbench.vision.geometry.gabor import OPPONENT

COLOURS = 3
WAVELENGTHS_PX = (2.5, 3.2, 4.0, 5.2, 7.0, 10.0, 14.0, 20.0)
LONGEST = 2.0  # sides of the window
SIGMAS = (0.14, 0.21, 0.32)  # of the window's side
ASPECTS = (0.6, 1.0)
PHASES_DEG = (0.0, 90.0)
SPOTS = (0.1, 0.2, 0.35, 1.0)  # of the window's side


@dataclass(frozen=True)
class Filter:
    """A kernel of the language over the input, in one opponent colour."""

    kernel: str
    channel: str
    numbers: tuple[tuple[str, float], ...]
    phase_deg: float = 0.0

    def weights(self, poses: Sequence[float], side_px: int) -> Float[Tensor, "pose tap"]:
        """Its taps for a unit of each pose."""
        count = len(poses)
        axes = {CENTRE: tuple(poses), CHANNEL: (self.channel,) * count}
        axes[PHASE] = (self.phase_deg,) * count
        units, numbers = Units(tuple(map(str, poses)), axes, {UNIT: count}), dict(self.numbers)
        if self.kernel == "gabor":
            filters = gabor_weights(units, **numbers, window_px=side_px, like=LIKE)
        else:
            filters = blob_weights(units, **numbers, gain=1.0, window_px=side_px, like=LIKE)
        return filters.flatten(1)

    @property
    def atom(self) -> Atom:
        """The filter as a candidate term."""
        return Atom(INPUT, Place(self.kernel, self.numbers), "any", 0)

    def written(self, weight: float) -> dict[str, Any]:
        """The filter as the language writes it, with its weight as gain."""
        kernel = {"kernel": self.kernel, **dict(self.numbers)}
        return {**kernel, "phase_deg": self.phase_deg, "channel": self.channel, "gain": weight}


@dataclass(frozen=True)
class PixelDictionary(Dictionary):
    """The filters of a first site, and their taps at each pose."""

    filters: tuple[Filter, ...]

    def written(
        self, chosen: Sequence[int], factors: Float[Tensor, " term"]
    ) -> list[tuple[str, dict[str, Any]]]:
        """These filters with their weights."""
        pairs = zip(chosen, factors.tolist(), strict=True)
        return [(INPUT, self.filters[i].written(weight)) for i, weight in pairs]


@dataclass(frozen=True)
class PixelSearch(Search):
    """The search of a first site, whose units read the pixels of the input: there are no labels."""

    @property
    def label_numbers(self) -> int:
        """None."""
        return 0

    @property
    def label_bits(self) -> float:
        """None."""
        return 0.0

    @property
    def labelled(self) -> dict[str, int]:
        """How many taps a unit reads."""
        return {INPUT: len(self.labels)}

    def dictionary(self, labels: Labels, posed: bool = True) -> Dictionary:
        """The filters, whose taps lie where these labels have them."""
        return pixel_dictionary([int(name) for name in labels.family], posed)


def pixel_labels(taps: int) -> Labels:
    """The taps of a patch in their order, each named after its place."""
    none = np.zeros(taps)
    return Labels(tuple(map(str, range(taps))), none, none, np.ones(taps))


def pixel_dictionary(order: Sequence[int], posed: bool = True) -> PixelDictionary:
    """Every filter in a square window, in the input's three colours.

    `order` gives the place of each tap: any other than the natural one is a control. Without
    `posed` there are spots alone. Raises WorkbenchError for taps of another window.
    """
    side_px = math.isqrt(len(order) // COLOURS)
    if COLOURS * side_px**2 != len(order):
        raise WorkbenchError(
            "the first site", f"{len(order)} taps", "those of a square window in three colours"
        )
    poses = tuple(360.0 * i / POSES for i in range(POSES if posed else 1))
    candidates = [item for item in _filters(side_px) if posed or item.kernel == "blob"]
    kernel = torch.stack([item.weights(poses, side_px) for item in candidates], -1)
    kept = different(kernel)
    filters = tuple(candidates[i] for i in kept)
    return PixelDictionary(
        atoms=tuple(item.atom for item in filters),
        members={INPUT: np.array(order)},
        kernels={INPUT: kernel[..., kept].contiguous()},
        columns={INPUT: np.arange(len(kept))},
        poses=poses,
        peak=np.ones(len(order)),
        filters=filters,
    )


def _filters(side_px: int) -> Iterator[Filter]:
    for channel in OPPONENT:
        for size in SPOTS:
            yield Filter("blob", channel, (("sigma_px", round(size * side_px, 2)),))
        for wavelength_px in WAVELENGTHS_PX:
            if wavelength_px > LONGEST * side_px:
                continue
            for size in SIGMAS:
                for aspect in ASPECTS:
                    numbers: Mapping[str, float] = {
                        "wavelength_px": wavelength_px,
                        "sigma_px": round(size * side_px, 2),
                        "aspect": aspect,
                    }
                    for phase_deg in PHASES_DEG:
                        yield Filter("gabor", channel, tuple(numbers.items()), phase_deg)
