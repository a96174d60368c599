"""The picture of `workbench claims`: mean tuning curves before and after each edit."""

import math
import textwrap
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.analyses.claims.figures import RADII, Claims, Outcome
from workbench.analyses.claims.measure import HANDWRITTEN, TRAINED, ClaimCurves
from workbench.analyses.claims.table import change, edit_text, expect_text, verdict
from workbench.report import curves as colours
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.pose import PoseValue, direction_deg
from workbench.vision.tuning import Probe

ACROSS = 2  # claims in a row
LETTERS = 90  # of a line above the panels of a claim
GRID = np.arange(-180.0, 181.0, 5.0)
SIDES = {TRAINED: ("trained", colours.TRAINED), HANDWRITTEN: ("handwritten", colours.HANDWRITTEN)}


def draw_claims(claims: Claims, curves: ClaimCurves, trained: TrainedCircuit) -> Figure:
    """Two panels for each claim, of the trained and of the handwritten units.

    Every unit is aligned at its pose and divided by its peak before the edit, at the radius of the
    claim.
    """
    rows = -(-len(claims.claims) // ACROSS)
    figure = Figure(figsize=(5.6 * ACROSS, 2.4 * rows + 0.4), layout="constrained")
    cells = figure.subfigures(rows, ACROSS, squeeze=False).flatten()
    poses = np.array([aligned_at(unit.pose, curves.probe) for unit in trained.units])
    for cell, outcome in zip(cells, claims.claims, strict=False):
        claim = f"{outcome.claim}: {edit_text(outcome.edit)}; {expect_text(outcome.expect)}"
        cell.suptitle(textwrap.fill(claim, LETTERS), fontsize=8, x=0.02, ha="left")
        panels = cell.subplots(1, 2, sharey=True)
        for side, axes in zip(SIDES, panels, strict=True):
            _panel(axes, side, outcome, curves, poses)
        panels[0].set_ylim(0, None)  # once both are drawn: the scale is that of the higher
    figure.supxlabel(
        f"{curves.probe.turned} of the {curves.probe.name}, less the unit's pose (degrees); dotted "
        "before the edit, solid after",
        fontsize=8,
    )
    figure.supylabel("mean response over the unit's peak before", fontsize=8)
    return figure


def aligned_at(pose: Mapping[str, PoseValue], probe: Probe) -> float:
    """Where a pose lies on the circle that the probe goes round: its direction, or its hue.

    The hue is the opposite one where the unit's phase gives its spot the other sign.
    """
    mixture, phase_deg = pose.get("mixture"), pose.get("phase_deg")
    if probe.turned != "hue" or not isinstance(mixture, tuple):
        return direction_deg(pose)
    sign = math.cos(math.radians(phase_deg)) if isinstance(phase_deg, (int, float)) else 1.0
    return direction_deg({"mixture": tuple(sign * part for part in mixture)})


def _panel(
    axes: Axes, side: str, outcome: Outcome, curves: ClaimCurves, poses: Float[np.ndarray, " unit"]
) -> None:
    called, colour = SIDES[side]
    measured = outcome.trained if side == TRAINED else outcome.handwritten
    pick, before = RADII[outcome.expect["radius"]], curves.before[side]
    peak = pick(before).max(0)
    lines = {":": before} | ({"-": curves.after[outcome.claim][side]} if measured else {})
    for style, curve in lines.items():
        units = [
            np.interp((GRID + pose) % 360, curves.centre_deg, curve_of_unit, period=360)
            for pose, curve_of_unit in zip(poses, pick(curve).T, strict=True)
        ]
        over = [unit / top for unit, top in zip(units, peak, strict=True) if top > 0]
        axes.plot(
            GRID,
            np.mean(over, 0) if over else np.zeros_like(GRID),
            style,
            color=colour,
            linewidth=1.4,
        )
    result = (
        f"{change(outcome, measured)}, {verdict(measured)}"
        if measured
        else f"not tested: no trained units of {', '.join(outcome.unbound)}"
    )
    axes.set_title(f"{called}: {result}", fontsize=7, loc="left")
    axes.set(xlim=(-180, 180), xticks=(-180, -90, 0, 90, 180))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)
