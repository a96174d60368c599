"""The table and the picture of a circuit's readers."""

import numpy as np
from matplotlib.figure import Figure
from rich.console import Group
from rich.text import Text

from workbench.analyses.usage.readers import Readers
from workbench.report.conditions import number
from workbench.report.plain import plain_table

NAMED = 2  # units that are named as those that excite a reader the most
LEGEND = (
    "Expanded weights from these units, along a path without its ReLUs, pools and normalisation: "
    "their share of a unit's sum of squared weights, and the pose that excites it (1: only one "
    "pose does)."
)


def readers_table(result: Readers) -> Group:
    """The readers in the order of the poses that they read."""
    if not len(result.units):
        return Group(Text(unknown(result)))
    shown = plain_table()
    shown.add_column("\nunit", overflow="fold")
    for title in ("share of\nweights", "reads\npose °", "one\npose"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("excited\nmost by", overflow="fold")
    for i, unit in enumerate(result.units):
        figures = (
            number(result.share[i], 3),
            number(result.read_deg[i], 0),
            number(result.one_pose[i], 2),
        )
        most = np.argsort(-result.excites[i], kind="stable")[:NAMED]
        shown.add_row(f"{result.site}:{unit}", *figures, ", ".join(result.names[u] for u in most))
    return Group(
        Text(LEGEND),
        shown,
        *([Text(unknown(result), style="dim")] if result.known < result.channels else []),
    )


def unknown(result: Readers) -> str:
    """A sentence: how many units of the site have no known weights, and why."""
    return (
        f"Weights from these units are not known for {result.channels - result.known} of the "
        f"{result.channels} units of {result.site}: {result.why}."
    )


def draw_readers(result: Readers) -> Figure:
    """Kernels from each unit of the circuit to each reader, both in the order of poses.

    Red excites, blue inhibits; each reader has its own scale.
    """
    by_pose = np.argsort(result.poses_deg, kind="stable")
    count, side = len(result.units), result.weights.shape[-1]
    highest = np.maximum(np.abs(result.weights).max((1, 2, 3), keepdims=True), np.finfo(float).tiny)
    gap = ((0, 0), (0, 0), (0, 1), (0, 1))  # a line between kernels
    tiles = np.pad((result.weights / highest)[:, by_pose], gap, constant_values=np.nan)
    figure = Figure(figsize=(1.6 + 0.3 * len(by_pose), 1.2 + 0.3 * count), layout="constrained")
    axes = figure.subplots()
    axes.imshow(
        tiles.transpose(0, 2, 1, 3).reshape(count * (side + 1), -1),
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        interpolation="nearest",
    )
    middle = side / 2 - 0.5
    axes.set_xticks(
        middle + (side + 1) * np.arange(len(by_pose)),
        [number(deg, 0) for deg in result.poses_deg[by_pose]],
        rotation=90,
    )
    axes.set_yticks(
        middle + (side + 1) * np.arange(count),
        [
            f"{unit}: {number(deg, 0)}°"
            for unit, deg in zip(result.units, result.read_deg, strict=True)
        ],
    )
    axes.tick_params(labelsize=7, length=0)
    axes.set_xlabel("pose of the circuit's unit, °", fontsize=8)
    axes.set_ylabel(f"unit of {result.site}: the pose it reads", fontsize=8)
    axes.spines[:].set_visible(False)
    return figure
