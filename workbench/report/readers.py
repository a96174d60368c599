"""Feature use by weights, as a table and as a picture."""

import numpy as np
from matplotlib.figure import Figure
from rich.console import Group
from rich.text import Text

from workbench.evaluate.readers import Readers
from workbench.report.conditions import number
from workbench.report.plain import plain_table

NAMED = 2  # units that are named as those that excite a reader the most
SAID = (
    "Expanded weights from these units, of a path without its ReLUs, pools and normalisation: the share of all that a unit reads (sum of squares), "
    "and the pose that it is excited by (1: by one alone)."
)


def readers_table(found: Readers) -> Group:
    """The readers in the order of the poses that they read."""
    if not len(found.units):
        return Group(Text(unknown(found)))
    shown = plain_table()
    shown.add_column("\nunit")
    for title in ("of what\nit reads", "reads\npose °", "one\npose"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("excited\nmost by")
    for i, unit in enumerate(found.units):
        figures = number(found.share[i], 3), number(found.read_deg[i], 0), number(found.one_pose[i], 2)
        most = np.argsort(-found.excites[i], kind="stable")[:NAMED]
        shown.add_row(f"{found.site}:{unit}", *figures, ", ".join(found.names[u] for u in most))
    return Group(Text(SAID), shown, *([Text(unknown(found), style="dim")] if found.known < found.channels else []))


def unknown(found: Readers) -> str:
    """Of how many units of the site weights cannot be told, and why."""
    return f"Which weights of {found.channels - found.known} of the {found.channels} units of {found.site} read these: {found.why}."


def draw_readers(found: Readers) -> Figure:
    """Kernels from each of the circuit's units, in the order of their poses, to each reader, in the order of what it reads. Red excites, blue
    inhibits; each reader has its own scale."""
    by_pose = np.argsort(found.poses_deg, kind="stable")
    count, side = len(found.units), found.weights.shape[-1]
    highest = np.maximum(np.abs(found.weights).max((1, 2, 3), keepdims=True), np.finfo(float).tiny)
    tiles = np.pad(
        (found.weights / highest)[:, by_pose], ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan
    )  # a line between kernels
    figure = Figure(figsize=(1.6 + 0.3 * len(by_pose), 1.2 + 0.3 * count), layout="constrained")
    axes = figure.subplots()
    axes.imshow(tiles.transpose(0, 2, 1, 3).reshape(count * (side + 1), -1), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    middle = side / 2 - 0.5
    axes.set_xticks(middle + (side + 1) * np.arange(len(by_pose)), [number(deg, 0) for deg in found.poses_deg[by_pose]], rotation=90)
    axes.set_yticks(
        middle + (side + 1) * np.arange(count),
        [f"{unit}: {number(deg, 0)}°" for unit, deg in zip(found.units, found.read_deg, strict=True)],
    )
    axes.tick_params(labelsize=7, length=0)
    axes.set_xlabel("pose of the circuit's unit, °", fontsize=8)
    axes.set_ylabel(f"unit of {found.site}: the pose it reads", fontsize=8)
    axes.spines[:].set_visible(False)
    return figure
