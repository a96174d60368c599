"""Equivariance as a picture: what one prototype explains of each unit, how many prototypes it takes, and joint tuning on natural pictures."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.evaluate.turned import TURNS_DEG, Turned
from workbench.report.curves import FAINT, TRAINED
from workbench.score.equivariance import Equivariance, View
from workbench.spec.circuit import TrainedCircuit

ROW_INCHES, WIDE_INCHES, JOINT_INCHES, UNIT_INCHES = 1.9, 9.0, 3.2, 0.125
EXPECTED = "#19c3e6"  # seen on all of magma
TOP = 0.01  # of the places in pictures: those that a unit likes best


def draw_equivariance(found: Equivariance, circuit: TrainedCircuit, natural: Turned) -> Figure:
    """A row for each view: each unit's explained variance against its pose, and the prototypes that each part of the group leaves. Below, what all
    units say as the places that one unit likes best are turned."""
    count = len(found.views)
    joint = max(JOINT_INCHES, UNIT_INCHES * len(circuit.units))
    figure = Figure(figsize=(WIDE_INCHES, ROW_INCHES * count + joint + 0.4), layout="constrained")
    grid = figure.add_gridspec(count + 1, 2, width_ratios=(2, 1), height_ratios=[ROW_INCHES] * count + [joint])
    pose_deg = np.array([unit.centre_deg for unit in circuit.units])
    for row, view in enumerate(found.views):
        _explained(figure.add_subplot(grid[row, 0]), view, pose_deg, found.tolerance)
        _prototypes(figure.add_subplot(grid[row, 1]), view)
    pictures = next(view for view in found.views if view.view == "pictures")
    best = int(np.argmax(list(pictures.units.values())))
    _joint(figure.add_subplot(grid[count, :]), circuit, natural, pose_deg, best)
    said = f"{found.circuit['name']} on {found.host['name']}:{found.circuit['site']}, {found.images['n']} images"
    figure.supxlabel(f"{said}; open: an orbit of one; grey: frames permuted", fontsize=7.5)
    return figure


def joint_tuning(natural: Turned, unit: int) -> np.ndarray:
    """`turn unit`: what every unit says, over its own highest, on turning the TOP places that one unit likes best as they are."""
    values = natural.values[:, 0]
    best = np.argsort(-values[:, 0, unit], kind="stable")[: max(1, round(TOP * len(values)))]
    mean = values[best].mean(0)
    return mean / np.maximum(mean.max(0), 1e-12)


def _explained(axes: Axes, view: View, pose_deg: np.ndarray, tolerance: float) -> None:
    axes.axhspan(*(view.permuted.ci95 or (0, 0)), color="#eeeeee", zorder=0)
    axes.axhline(tolerance, color=FAINT, linewidth=0.8, linestyle=":")
    alone = {each[0].rstrip("~") for each in view.orbits if len(each) == 1}
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


def _joint(axes: Axes, circuit: TrainedCircuit, natural: Turned, pose_deg: np.ndarray, best: int) -> None:
    order = np.argsort(pose_deg, kind="stable")
    axes.imshow(joint_tuning(natural, best)[:, order].T, aspect="auto", cmap="magma", vmin=0, vmax=1, interpolation="nearest")
    expected = ((pose_deg[order] - pose_deg[best]) / TURNS_DEG[1] + 0.5) % len(TURNS_DEG) - 0.5
    axes.scatter(expected, range(len(order)), s=16, facecolors="none", edgecolors=EXPECTED, linewidths=1.2)
    axes.set(xlim=(-0.5, len(TURNS_DEG) - 0.5))
    axes.set_xticks(range(0, len(TURNS_DEG), 3), [f"{turn:g}" for turn in TURNS_DEG[::3]])
    axes.set_yticks(range(len(order)), [f"{circuit.units[i].unit} at {pose_deg[i]:.0f}°" for i in order])
    title = f"natural places that {circuit.site}:{circuit.units[best].unit} likes best, turned: each unit over its peak (ring: as symmetry expects)"
    axes.set_title(title, fontsize=8, loc="left")
    axes.set_xlabel("turned by (°)", fontsize=7)
    axes.tick_params(labelsize=6 if len(order) > 20 else 6.5)


def _finish(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)
