"""Responses and weights of units in each unit's own frame: turned, resized, perhaps mirrored.

All functions are pure functions of arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from workbench.vision.geometry.angles import cos_sin_deg, wrap_deg
from workbench.vision.geometry.gabor import OPPONENT

LUMA = np.array([1.0, 0.0, 0.0])
# Luma, red-green and blue-yellow of theory.gabor, each of length 1, in RGB: at right angles to each
# other.
OPPONENT_AXES = np.stack([axis / np.linalg.norm(axis) for axis in map(np.array, OPPONENT.values())])


@dataclass(frozen=True)
class Frames:
    """The frame of each unit.

    turn_deg  angle of its normal from the x axis
    octaves   logarithm to base 2 of its size over the family's geometric mean
    colour    direction in colour space, of length 1: luma, red-green, blue-yellow
    """

    turn_deg: Float[np.ndarray, " unit"]
    octaves: Float[np.ndarray, " unit"]
    colour: Float[np.ndarray, "unit 3"]

    def only(self, *parts: str) -> "Frames":
        """The same frames, with the picture's own value for every part that `parts` lacks.

        The parts are "rotation", "scale" and "hue".
        """
        bare = {
            "rotation": {"turn_deg": self.turn_deg * 0},
            "scale": {"octaves": self.octaves * 0},
            "hue": {"colour": self.colour * 0 + LUMA},
        }
        return replace(
            self,
            **{
                key: value
                for part, change in bare.items()
                if part not in parts
                for key, value in change.items()
            },
        )

    def permuted(self, order: Int[np.ndarray, " unit"]) -> "Frames":
        """The frames with each unit in the frame of another: unit i in that of `order[i]`."""
        return Frames(self.turn_deg[order], self.octaves[order], self.colour[order])


@dataclass(frozen=True)
class Tables:
    """Each unit's responses or weights in its own frame, a number for each row.

    `mirrored` holds those in that frame mirrored across its normal, the same numbers in another
    order.
    """

    upright: Float[np.ndarray, "unit row"]
    mirrored: Float[np.ndarray, "unit row"]


InFrames = Callable[[Frames], Tables]


def turned(
    curves: Float[np.ndarray, "*row turn unit"], turn_deg: Float[np.ndarray, " unit"]
) -> Float[np.ndarray, "*row turn unit"]:
    """Curves sampled evenly over 360 degrees, each unit's read from `turn_deg` on.

    They are read by their Fourier series, which is exact for curves that the samples resolve.
    """
    spectrum = np.fft.rfft(curves, axis=-2)
    order = np.arange(spectrum.shape[-2])[:, None]
    moved = np.fft.irfft(
        spectrum * np.exp(1j * order * np.radians(turn_deg)), curves.shape[-2], axis=-2
    )
    return np.where(turn_deg == 0, curves, moved)  # exact where nothing is turned


def resized(
    values: Float[np.ndarray, "stimulus size turn unit"],
    known: Float[np.ndarray, " size"],
    wanted: Float[np.ndarray, " n"],
    octaves: Float[np.ndarray, " unit"],
) -> Float[np.ndarray, "stimulus n turn unit"]:
    """Values at sizes `known` (octaves, rising), read at `wanted` sizes relative to each unit's.

    Straight lines connect the values; beyond the ends they are constant.
    """
    if len(known) == 1:
        return values
    at = np.clip(wanted[:, None] + octaves, known[0], known[-1])
    below = np.clip(np.searchsorted(known, at, "right") - 1, 0, len(known) - 2)
    share = (at - known[below]) / (known[below + 1] - known[below])
    unit = np.arange(values.shape[-1])
    low, high = (
        np.moveaxis(values[:, index, :, unit], (0, 1, 2, 3), (1, 3, 0, 2))
        for index in (below, below + 1)
    )
    return low * (1 - share)[None, :, None, :] + high * share[None, :, None, :]


def mirrored(
    values: Float[np.ndarray, "stimulus size turn unit"], partner: Int[np.ndarray, " stimulus"]
) -> Float[np.ndarray, "stimulus size turn unit"]:
    """The responses of units, in their own frames, to mirror images across their normal.

    A mirror image is the stimulus's partner, turned by the same angle in the other direction.
    """
    return np.roll(values[partner][:, :, ::-1], 1, axis=2)


def smoothed(
    values: Float[np.ndarray, " n"],
    pose_deg: Float[np.ndarray, " n"],
    place: Float[np.ndarray, "n 2"],
    at_deg: Float[np.ndarray, " m"],
    at: Float[np.ndarray, "m 2"],
    period_deg: float,
    width_deg: float,
    width: float,
) -> Float[np.ndarray, " m"]:
    """Values known at scattered poses and places, estimated at others.

    An estimate is the mean under a Gaussian of both (Nadaraya 1964, doi 10.1137/1109020).
    """
    apart_deg = wrap_deg(at_deg[:, None] - pose_deg, period_deg) / width_deg
    apart = ((at[:, None] - place) ** 2).sum(-1) / width**2
    exponent = -(apart_deg**2 + apart) / 2
    weight = np.exp(exponent - exponent.max(1, keepdims=True))
    return weight @ values / weight.sum(1)


def turned_points(points: Float[np.ndarray, "n 2"], turn_deg: float) -> Float[np.ndarray, "n 2"]:
    """Points (x, y) turned about the origin, clockwise as seen."""
    cos, sin = map(float, cos_sin_deg(np.asarray(turn_deg)))
    return points @ np.array([[cos, sin], [-sin, cos]])


def colour_turn(colour: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """The least rotation of colour space that brings a direction to luma (Rodrigues' formula).

    The direction must not be opposite to luma.
    """
    across = np.outer(LUMA, colour) - np.outer(colour, LUMA)
    return np.eye(3) + across + across @ across / (1 + colour @ LUMA)
