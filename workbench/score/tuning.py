"""Figures of tuning curves: preferred pose, width, echo, invariance and coverage."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.errors import WorkbenchError
from workbench.vision.tuning import TuningCurves

NAN = float("nan")
# a mean vector shorter than this part of the summed responses has a direction of rounding errors
UNTUNED = 1e-6


@dataclass(frozen=True)
class Tuned:
    """The figures of one unit's curve.

    preferred_deg  direction of the vector mean
    width_deg      full width at half maximum
    echo           response 180 degrees from the peak / peak
    invariance     for each way to draw the stimulus, its highest response / that of the first way,
                   the bright one

    A bar looks the same after half a turn: its directions are mod 180, and its echo is the response
    to the bar at a right angle.
    """

    preferred_deg: float
    width_deg: float
    echo: float
    invariance: dict[str, float]


@dataclass(frozen=True)
class StimulusDifference:
    """The drawn stimulus on which a handwritten unit differs most from its trained one.

    stimulus    how it is drawn, such as "dark fill"
    radius_px   None where the stimulus has one radius only, as a bar has
    centre_deg  its direction
    trained, handwritten  the responses, over the trained unit's highest to any stimulus
    """

    stimulus: str
    radius_px: float | None
    centre_deg: float
    trained: float
    handwritten: float


def largest_differences(curves: TuningCurves) -> list[StimulusDifference | None]:
    """The stimulus of the largest difference of each unit; None if its trained unit is silent.

    The stimuli are all variants at the radius that the trained units prefer, and the mean of the
    variants measured there at every other radius.
    """
    preferred, names = curves.preferred, list(curves.variants)
    rows = [(name, preferred, *curves.variants[name]) for name in names] + [
        (
            f"mean of {' and '.join(names[: curves.probe.measured])}",
            k,
            curves.trained[k],
            curves.handwritten[k],
        )
        for k in range(len(curves.radius_px))
        if k != preferred
    ]
    trained, handwritten = (np.stack([row[side] for row in rows]) for side in (2, 3))
    peak, size = trained.max((0, 1)), np.abs(handwritten - trained)
    result: list[StimulusDifference | None] = []
    for unit in range(trained.shape[2]):
        row, pose = np.unravel_index(int(size[:, :, unit].argmax()), size.shape[:2])
        name, k, *_ = rows[int(row)]
        radius_px = float(curves.radius_px[k]) if len(curves.radius_px) > 1 else None
        both = (float(side[row, pose, unit] / (peak[unit] or 1)) for side in (trained, handwritten))
        difference = StimulusDifference(name, radius_px, float(curves.centre_deg[pose]), *both)
        result.append(difference if peak[unit] > 0 else None)
    return result


def preferred_deg(
    curve: Float[np.ndarray, " pose"], centre_deg: Float[np.ndarray, " pose"]
) -> float:
    """Direction of the mean vector of the responses above half of the peak.

    It is nan for a unit that never responds, or responds equally to every pose.
    """
    strong = np.maximum(curve - curve.max() / 2, 0)
    mean = (strong * np.exp(1j * np.radians(centre_deg))).sum()
    if abs(mean) <= UNTUNED * strong.sum():
        return NAN
    return float(np.degrees(np.angle(mean)) % 360)


def width_deg(curve: Float[np.ndarray, " pose"], centre_deg: Float[np.ndarray, " pose"]) -> float:
    """Full width at half maximum around the peak, linear between samples.

    It is 360 if the curve never falls to half, and nan for a unit that never responds.
    """
    peak, half, step = int(curve.argmax()), curve.max() / 2, centre_deg[1] - centre_deg[0]
    if curve.max() <= 0:
        return NAN
    return min(
        360.0,
        sum(_reach(np.roll(curve, -peak)[::direction], half, direction) for direction in (1, -1))
        * step,
    )


def _reach(curve: np.ndarray, half: float, direction: int) -> float:
    """The number of samples from the peak to where the curve first falls to `half`."""
    walk = curve if direction == 1 else np.roll(curve, 1)
    below = np.flatnonzero(walk <= half)
    if len(below) == 0:
        return len(walk)
    i = below[0]
    return i - 1 + (walk[i - 1] - half) / (walk[i - 1] - walk[i])


def echo(curve: Float[np.ndarray, " pose"]) -> float:
    """Mean response within 30 degrees of the direction opposite to the peak / peak."""
    if curve.max() <= 0:
        return NAN
    # the opposite direction comes first
    turned = np.roll(curve, len(curve) // 2 - int(curve.argmax()))
    near = max(1, round(30 / (360 / len(curve))))
    return float(turned[np.arange(-near, near + 1)].mean() / curve.max())


def turn_deg(a: float, b: float) -> float:
    """Angle between two directions, 0 to 180."""
    return abs((a - b + 180) % 360 - 180)


def largest_gap_deg(directions_deg: list[float]) -> float:
    """The largest gap between neighbouring directions on the circle; 360 without any."""
    known = np.sort([d for d in directions_deg if np.isfinite(d)])
    return float(np.diff(np.append(known, known[0] + 360)).max()) if len(known) else 360.0


def one_period(
    curve: Float[np.ndarray, "pose unit"], centre_deg: Float[np.ndarray, " pose"], turns: int
) -> tuple[Float[np.ndarray, "part unit"], Float[np.ndarray, " part"]]:
    """The mean over the probe's symmetric directions, and the directions of one period.

    `turns` is how often the probe looks the same in a full turn. One period is scaled to the full
    circle.
    """
    mean = curve.reshape(turns, -1, curve.shape[-1]).mean(0)
    return mean, centre_deg[: len(mean)] * turns


def figures(curves: TuningCurves, trained: bool) -> list[Tuned]:
    """Figures of every unit, trained or handwritten, on its mean curve over radii.

    The mean is also taken over the directions in which the probe looks the same. Raises
    WorkbenchError for responses that are not finite.
    """
    turns, curve = curves.probe.turns, curves.trained if trained else curves.handwritten
    if not np.isfinite(curve).all():
        raise WorkbenchError(
            "tuning curves",
            f"a {'trained' if trained else 'handwritten'} unit's response to a drawn stimulus is "
            "nan or infinite",
            "finite responses",
            "A network may divide by the contrast of a flat picture: look for a division by zero.",
        )
    mean, angle_deg = one_period(curve.mean(0), curves.centre_deg, turns)
    side = 0 if trained else 1
    base = next(iter(curves.variants.values()))[side].max(0)
    return [
        Tuned(
            preferred_deg(mean[:, i], angle_deg) / turns,
            width_deg(mean[:, i], angle_deg) / turns,
            echo(mean[:, i]),
            {
                name: float(pair[side][:, i].max() / base[i]) if base[i] > 0 else NAN
                for name, pair in curves.variants.items()
            },
        )
        for i in range(mean.shape[1])
    ]
