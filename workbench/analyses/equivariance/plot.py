"""The picture of `workbench equivariance`: variance explained, prototypes, and joint tuning."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.analyses.equivariance.disc import TURNS_DEG
from workbench.analyses.equivariance.figures import Equivariance
from workbench.analyses.equivariance.responses import Turned
from workbench.analyses.equivariance.view import View
from workbench.report.curves import FAINT, TRAINED
from workbench.spec.circuit import TrainedCircuit

ROW_INCHES, WIDE_INCHES, JOINT_INCHES, UNIT_INCHES = 1.9, 9.0, 3.2, 0.125
EXPECTED = "#19c3e6"  # visible on all colours of magma
TOP = 0.01  # share of the places in pictures: those that a unit responds to most


def draw_equivariance(
    equivariance: Equivariance, circuit: TrainedCircuit, natural: Turned
) -> Figure:
    """A row for each view, and joint tuning below.

    A row has each unit's explained variance against its pose, and the number of prototypes with
    each part of the group. The last panel has the responses of all units as the places that one
    unit responds to most are turned.
    """
    count = len(equivariance.views)
    joint = max(JOINT_INCHES, UNIT_INCHES * len(circuit.units))
    figure = Figure(figsize=(WIDE_INCHES, ROW_INCHES * count + joint + 0.4), layout="constrained")
    grid = figure.add_gridspec(
        count + 1, 2, width_ratios=(2, 1), height_ratios=[ROW_INCHES] * count + [joint]
    )
    pose_deg = np.array(circuit.directions_deg)
    for row, view in enumerate(equivariance.views):
        _explained(figure.add_subplot(grid[row, 0]), view, pose_deg, equivariance.tolerance)
        _prototypes(figure.add_subplot(grid[row, 1]), view)
    pictures = next(view for view in equivariance.views if view.view == "pictures")
    best = int(np.argmax(list(pictures.units.values())))
    _joint(figure.add_subplot(grid[count, :]), circuit, natural, pose_deg, best)
    facts = equivariance.header
    where = f"{facts.circuit['name']} on {facts.host['name']}:{facts.circuit['site']}"
    figure.supxlabel(
        f"{where}, {facts.images['n']} images; open: an orbit of one; grey: frames permuted",
        fontsize=7.5,
    )
    return figure


def joint_tuning(natural: Turned, unit: int) -> np.ndarray:
    """The responses `turn unit` of every unit, over its highest, as places are turned.

    The places are the TOP ones that one unit responds to most at turn 0.
    """
    values = natural.values[:, 0]
    best = np.argsort(-values[:, 0, unit], kind="stable")[: max(1, round(TOP * len(values)))]
    mean = values[best].mean(0)
    return mean / np.maximum(mean.max(0), 1e-12)


def _explained(axes: Axes, view: View, pose_deg: np.ndarray, tolerance: float) -> None:
    axes.axhspan(*(view.permuted.ci95 or (0, 0)), color="#eeeeee", zorder=0)
    axes.axhline(tolerance, color=FAINT, linewidth=0.8, linestyle=":")
    alone = {names[0].rstrip("~") for names in view.orbits if len(names) == 1}
    values = np.array(list(view.units.values()))
    shared = np.array([unit not in alone for unit in view.units])
    axes.scatter(pose_deg[shared], values[shared], s=22, color=TRAINED)
    axes.scatter(pose_deg[~shared], values[~shared], s=22, facecolors="none", edgecolors=TRAINED)
    axes.set(ylim=(0, 1), xlim=(-5, 365), xticks=range(0, 361, 90))
    axes.set_title(f"{view.view}: explained by the others, turned", fontsize=8, loc="left")
    axes.set_xlabel("pose (°)", fontsize=7)
    _finish(axes)


def _prototypes(axes: Axes, view: View) -> None:
    names = [f"+ {part.parts[-1]}" if part.parts else "nothing" for part in view.parts]
    bars = axes.barh(names, [part.prototypes for part in view.parts], color=FAINT)
    axes.bar_label(bars, fontsize=7, padding=2)
    axes.invert_yaxis()
    axes.set_title("prototypes needed, copies under", fontsize=8, loc="left")
    _finish(axes)


def _joint(
    axes: Axes, circuit: TrainedCircuit, natural: Turned, pose_deg: np.ndarray, best: int
) -> None:
    order = np.argsort(pose_deg, kind="stable")
    axes.imshow(
        joint_tuning(natural, best)[:, order].T,
        aspect="auto",
        cmap="magma",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    expected = ((pose_deg[order] - pose_deg[best]) / TURNS_DEG[1] + 0.5) % len(TURNS_DEG) - 0.5
    axes.scatter(
        expected, range(len(order)), s=16, facecolors="none", edgecolors=EXPECTED, linewidths=1.2
    )
    axes.set(xlim=(-0.5, len(TURNS_DEG) - 0.5))
    axes.set_xticks(range(0, len(TURNS_DEG), 3), [f"{turn:g}" for turn in TURNS_DEG[::3]])
    axes.set_yticks(
        range(len(order)), [f"{circuit.units[i].unit} at {pose_deg[i]:.0f}°" for i in order]
    )
    title = (
        f"natural places that {circuit.site}:{circuit.units[best].unit} responds to most, turned: "
        "each unit over its peak (ring: as symmetry expects)"
    )
    axes.set_title(title, fontsize=8, loc="left")
    axes.set_xlabel("turned by (°)", fontsize=7)
    axes.tick_params(labelsize=6 if len(order) > 20 else 6.5)


def _finish(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)
