"""Figures of tuning curves: preferred pose, width, echo, invariance, coverage."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.evaluate.tuning import TuningCurves

NAN = float("nan")
UNTUNED = 1e-6  # length of the mean vector of responses of length 1: below it the direction is rounding


@dataclass(frozen=True)
class Tuned:
    """One unit's curve. preferred_deg: vector mean; width_deg: full width at half maximum; echo: response 180 degrees off over the peak;
    invariance: for each way to draw the stimulus, its highest response over that of the first, the bright one.

    Of a bar, which looks the same after half a turn, directions are mod 180 and the echo is that of the bar that crosses at a right angle."""

    preferred_deg: float
    width_deg: float
    echo: float
    invariance: dict[str, float]


def preferred_deg(curve: Float[np.ndarray, " pose"], centre_deg: Float[np.ndarray, " pose"]) -> float:
    """Direction of the mean vector of the responses above half of the peak; nan for a unit that is silent or likes every pose alike."""
    strong = np.maximum(curve - curve.max() / 2, 0)
    mean = (strong * np.exp(1j * np.radians(centre_deg))).sum()
    if abs(mean) <= UNTUNED * strong.sum():
        return NAN
    return float(np.degrees(np.angle(mean)) % 360)


def width_deg(curve: Float[np.ndarray, " pose"], centre_deg: Float[np.ndarray, " pose"]) -> float:
    """Full width at half maximum about the peak, linear between samples; 360 where the curve never falls to half."""
    peak, half, step = int(curve.argmax()), curve.max() / 2, centre_deg[1] - centre_deg[0]
    if curve.max() <= 0:
        return NAN
    return min(360.0, sum(_reach(np.roll(curve, -peak)[::direction], half, direction) for direction in (1, -1)) * step)


def _reach(curve: np.ndarray, half: float, direction: int) -> float:
    """Samples from the peak to where the curve first falls to `half`."""
    walk = curve if direction == 1 else np.roll(curve, 1)
    below = np.flatnonzero(walk <= half)
    if len(below) == 0:
        return len(walk)
    i = below[0]
    return i - 1 + (walk[i - 1] - half) / (walk[i - 1] - walk[i])


def echo(curve: Float[np.ndarray, " pose"]) -> float:
    """Mean response within 30 degrees of the direction opposite to the peak, over the peak."""
    if curve.max() <= 0:
        return NAN
    turned = np.roll(curve, len(curve) // 2 - int(curve.argmax()))  # the opposite direction now comes first
    near = max(1, round(30 / (360 / len(curve))))
    return float(turned[np.arange(-near, near + 1)].mean() / curve.max())


def turn_deg(a: float, b: float) -> float:
    """Angle between two directions, 0 to 180."""
    return abs((a - b + 180) % 360 - 180)


def largest_gap_deg(directions_deg: list[float]) -> float:
    """The widest stretch of the circle without a unit: how well a family covers it."""
    known = np.sort([d for d in directions_deg if np.isfinite(d)])
    return float(np.diff(np.append(known, known[0] + 360)).max()) if len(known) else 360.0


def one_period(
    curve: Float[np.ndarray, "pose unit"], centre_deg: Float[np.ndarray, " pose"], turns: int
) -> tuple[Float[np.ndarray, "part unit"], Float[np.ndarray, " part"]]:
    """The mean over what the probe looks the same after, and its directions with one period as the full circle."""
    mean = curve.reshape(turns, -1, curve.shape[-1]).mean(0)
    return mean, centre_deg[: len(mean)] * turns


def figures(curves: TuningCurves, trained: bool) -> list[Tuned]:
    """Figures of every unit, trained or handwritten, on the mean curve over radii; over what turns the probe looks the same after, too."""
    turns = curves.probe.turns
    mean, angle_deg = one_period((curves.trained if trained else curves.handwritten).mean(0), curves.centre_deg, turns)
    side = 0 if trained else 1
    base = next(iter(curves.variants.values()))[side].max(0)
    return [
        Tuned(
            preferred_deg(mean[:, i], angle_deg) / turns,
            width_deg(mean[:, i], angle_deg) / turns,
            echo(mean[:, i]),
            {name: float(pair[side][:, i].max() / base[i]) if base[i] > 0 else NAN for name, pair in curves.variants.items()},
        )
        for i in range(mean.shape[1])
    ]
