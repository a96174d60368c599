"""Pictures of tuning: each unit's response by direction and by radius of a stimulus.

Trained units are black, handwritten ones red.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.conditions import number
from workbench.score.scorecard import UnitScore
from workbench.vision.tuning import TuningCurves

TRAINED, HANDWRITTEN, FAINT = "#111111", "#c8201e", "#bbbbbb"
ACROSS = 5  # units in a row
ECHO_DEG = 30.0  # to either side of the opposite direction, as in `score.tuning.echo`


def draw_directions(units: Sequence[UnitScore], curves: TuningCurves) -> Figure:
    """Draw a small panel for each unit: response / peak by direction, mean over radii.

    Directions are those of the stimulus minus the unit's pose.
    """
    figure, panels = _panels(units, 1.5)
    for i, unit, axes in panels:
        for name, colour, curve in _sides(curves):
            x, y = relative(curve.mean(0)[:, i], curves.centre_deg, unit.direction_deg)
            axes.plot(x, y, color=colour, linewidth=1.2, label=f"{unit.unit} {name}")
        _mark_preferred(axes, unit)
        axes.set(
            xlim=(-180, 180), ylim=(0, 1.05), xticks=(-180, -90, 0, 90, 180), yticks=(0, 0.5, 1)
        )
        error = number(unit.pose_error_deg, 0)
        axes.set_title(f"{unit.unit} at {unit.direction_deg:.0f}°\npose error {error}°", fontsize=7)
    figure.supxlabel(
        f"{curves.probe.turned} of the {curves.probe.name}, less the unit's pose (degrees)",
        fontsize=8,
    )
    figure.supylabel("response over own peak", fontsize=8)
    return figure


def draw_radii(units: Sequence[UnitScore], curves: TuningCurves) -> Figure:
    """Draw a small panel for each unit: highest response over directions / peak, by radius."""
    figure, panels = _panels(units, 1.2)
    for i, unit, axes in panels:
        for name, colour, curve in _sides(curves):
            axes.plot(
                curves.radius_px,
                over_peak(curve[:, :, i].max(1)),
                label=f"{unit.unit} {name}",
                color=colour,
                marker="o",
                markersize=2.5,
                linewidth=1.2,
            )
        axes.set_xscale("log")
        axes.set_xticks(curves.radius_px, [f"{radius:g}" for radius in curves.radius_px])
        axes.set_xticks([], minor=True)
        axes.set(ylim=(0, 1.05), yticks=(0, 0.5, 1))
        axes.set_title(unit.unit, fontsize=7)
    figure.supxlabel(f"radius of the {curves.probe.name} (input pixels)", fontsize=8)
    figure.supylabel("response over own peak", fontsize=8)
    return figure


def draw_aligned(units: Sequence[UnitScore], curves: TuningCurves) -> Figure:
    """Draw every unit's curve / peak, aligned at its pose, and the mean of the curves.

    The opposite direction, where an echo would be, is shaded.
    """
    figure = Figure(figsize=(5.0, 2.8), layout="constrained")
    axes = figure.subplots()
    turns = curves.probe.turns
    for opposite in np.arange(turns) * 360 / turns + 180 / turns:
        axes.axvspan(opposite - ECHO_DEG / turns, opposite + ECHO_DEG / turns, color="#f2f2f2")
        axes.text(opposite, 1.0, "echo", ha="center", va="top", fontsize=8, color="#555555")
    grid = np.arange(-90.0, 271.0, 5.0)
    for name, colour, curve in _sides(curves):
        aligned = [
            _on_grid(curve.mean(0)[:, i], curves.centre_deg, unit.direction_deg, grid)
            for i, unit in enumerate(units)
        ]
        axes.plot(grid, np.transpose(aligned), color=colour, linewidth=0.5, alpha=0.25)
        axes.plot(
            grid,
            np.mean(aligned, 0),
            color=colour,
            linewidth=2,
            label=f"{name}, mean of {len(aligned)} units",
        )
    axes.set(xlim=(-90, 270), ylim=(0, 1.05), xticks=(-90, 0, 90, 180, 270))
    axes.set_xlabel(
        f"{curves.probe.turned} of the {curves.probe.name}, less the unit's pose (degrees)",
        fontsize=8,
    )
    axes.set_ylabel("response over own peak", fontsize=8)
    axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    _plain(axes)
    return figure


def relative(
    curve: Float[np.ndarray, "*pose"], centre_deg: Float[np.ndarray, "*pose"], pose_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """Directions minus the pose, from -180 to 180 and closed at both ends, and the curve / peak."""
    x = (centre_deg - pose_deg + 180) % 360 - 180
    order = np.argsort(x)
    x, y = x[order], over_peak(curve)[order]
    return np.concatenate([[x[-1] - 360], x, [x[0] + 360]]), np.concatenate([[y[-1]], y, [y[0]]])


def over_peak(curve: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """The curve divided by its highest value; a unit that never responds stays at 0."""
    return curve / curve.max() if curve.max() > 0 else np.zeros_like(curve)


def _on_grid(
    curve: np.ndarray, centre_deg: np.ndarray, pose_deg: float, grid: np.ndarray
) -> np.ndarray:
    return np.interp((grid + pose_deg) % 360, centre_deg, over_peak(curve), period=360)


def _mark_preferred(axes: Axes, unit: UnitScore) -> None:
    """Draw lines at the preferred directions; the distance between them is the pose error."""
    for colour, side in ((TRAINED, unit.trained), (HANDWRITTEN, unit.handwritten)):
        preferred = side.get("preferred_deg", float("nan"))
        if np.isfinite(preferred):
            axes.axvline(
                (preferred - unit.direction_deg + 180) % 360 - 180,
                color=colour,
                linewidth=0.7,
                linestyle=":",
            )


def _sides(
    curves: TuningCurves,
) -> Iterator[tuple[str, str, Float[np.ndarray, "radius pose unit"]]]:
    """The name, the colour and the curves of the trained and of the handwritten units."""
    yield "trained", TRAINED, curves.trained
    yield "handwritten", HANDWRITTEN, curves.handwritten


def _panels(
    units: Sequence[UnitScore], height: float
) -> tuple[Figure, list[tuple[int, UnitScore, Axes]]]:
    """A figure with one panel for each unit, in the order of their poses."""
    order = sorted(range(len(units)), key=lambda i: units[i].direction_deg)
    across = min(ACROSS, len(order))
    rows = -(-len(order) // across)
    figure = Figure(figsize=(1.8 * across + 0.4, height * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False).flatten()
    for axes in grid[len(order) :]:
        axes.set_axis_off()
    for axes in grid:
        _plain(axes)
    return figure, [(i, units[i], axes) for i, axes in zip(order, grid, strict=False)]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=6.5, color=FAINT, length=2)
