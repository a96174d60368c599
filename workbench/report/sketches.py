"""Sketches of reads: where a term of a theory looks, and the weight of each pose that it meets.

They are computed from the rule itself, so a new motif or match is drawn like those that exist.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from scipy.ndimage import grey_dilation

from workbench.compiler.layer import kernel_weights, motif, written
from workbench.report.glyphs import SIDE, outline
from workbench.report.kernels import BLUE, RED, colours
from workbench.spec.language import Blob, Family, Gabor, Reading, Table, Term
from workbench.theory.match import EXPECTED
from workbench.theory.poses import CENTRE, ORIENTATION, UNIT, Units
from workbench.theory.rule import Motif, falloff
from workbench.vision.geometry.frame import seen_from
from workbench.vision.geometry.place import PLACES

INK = "#222222"
WEIGHT = LinearSegmentedColormap.from_list("places", ("#ffffff", "#8a8a8a"))
REACH = 24  # points of a sketch to each side of the unit
DOWN_DEG = 90.0  # a sketch shows a unit whose normal points down
POSES, APART, ENOUGH = 5, 0.34, 0.4  # wanted poses: how many, sketch widths apart, least weight
POINTS = 61  # of a curve
NUMBER = written(np.zeros(()))


def draw_sketch(axes: Axes, term: Reading, family: Family) -> None:
    """Draw where a term of `family` looks, across the family's window.

    The unit is in the middle, its normal points down. Places are grey, with the wanted poses on
    them; weights of a Gabor filter or of a table are red and blue.
    """
    half = family.window_px / 2
    axes.set(xlim=(-half, half), ylim=(half, -half), xticks=(), yticks=(), aspect="equal")
    axes.spines[:].set(color="#bbbbbb", linewidth=0.6)
    if isinstance(term, Term):
        _places(axes, motif(term, NUMBER), half)
    elif isinstance(term, (Gabor, Blob)):
        _filter(axes, term, family.window_px)
    else:
        _table(axes, term, half)


def weight_by_pose(term: Term) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Differences from the wanted pose in degrees, and the weight there at the middle of the place.

    The weight includes the gain, and for a typical radius; gains by an upstream axis are 1.
    """
    read = motif(term, NUMBER)
    period_deg, _ = EXPECTED.get(read.match, (360.0, 0.0))
    difference_deg = np.linspace(-period_deg / 2, period_deg / 2, POINTS)
    return difference_deg, read.gain * falloff(read, difference_deg, period_deg)


def draw_weights(axes: Axes, term: Term, scale: float, label: str) -> None:
    """Draw `weight_by_pose`, red above 0 and blue below; `scale` is the highest weight shown."""
    difference_deg, weight = weight_by_pose(term)
    axes.plot(difference_deg, weight, color=INK, linewidth=1.0, label=label)
    for colour, side in ((RED, weight > 0), (BLUE, weight < 0)):
        axes.fill_between(difference_deg, weight, where=side, color=colour, alpha=0.35, linewidth=0)
    axes.axhline(0, color="#999999", linewidth=0.5)
    axes.set(xlim=difference_deg[[0, -1]], ylim=(-1.05 * scale, 1.05 * scale), xticks=(), yticks=())
    axes.spines[:].set_visible(False)


def _places(axes: Axes, read: Motif, half_px: float) -> None:
    """Draw the weight of each place, and the poses wanted at those of most weight."""
    steps = np.arange(-REACH, REACH + 1) / REACH * half_px
    x, y = steps[None, None, :], steps[None, :, None]
    normal, tangent = seen_from(x, y, np.array([DOWN_DEG]), np.ones(1))
    weight, normal_deg = (part[0] for part in PLACES[read.place](normal, tangent, **read.where))
    edge = half_px * (1 + 0.5 / REACH)
    axes.imshow(
        grey_dilation(weight, size=3),  # so that a single point is seen
        cmap=WEIGHT,
        vmin=0,
        extent=(-edge, edge, edge, -edge),
        interpolation="nearest",
    )
    if read.match not in EXPECTED:
        return
    period_deg, expected_deg = EXPECTED[read.match]
    axis = CENTRE if period_deg == 360.0 else ORIENTATION
    for row, column in _heaviest(weight):
        wanted_deg = float(DOWN_DEG + normal_deg[row, column] + expected_deg)
        _glyph(axes, (axis, wanted_deg), (steps[column], steps[row]), 0.4 * half_px)


def _heaviest(weight: Float[np.ndarray, "h w"]) -> Iterator[tuple[int, int]]:
    """Rows and columns of places of most weight, at most POSES and not near each other."""
    chosen: list[tuple[int, int]] = []
    rim = REACH // 6  # a pose at the rim would be cut
    for place in np.argsort(-weight, axis=None, kind="stable"):
        row, column = divmod(int(place), weight.shape[1])
        inside = rim <= min(row, column) and max(row, column) < len(weight) - rim
        near = any(np.hypot(row - r, column - c) < APART * len(weight) for r, c in chosen)
        if len(chosen) == POSES or weight[row, column] < ENOUGH * weight.max():
            return
        if inside and not near:
            chosen.append((row, column))
            yield row, column


def _glyph(axes: Axes, pose: tuple[str, float], at: tuple[float, float], size: float) -> None:
    """Draw a pose (axis, degrees) at a point of the data, `size` long."""
    to_data = Affine2D().translate(-SIDE / 2, -SIDE / 2).scale(size / SIDE, -size / SIDE)
    path = to_data.translate(*at).transform_path(Path(outline(*pose)))
    axes.add_patch(PathPatch(path, fill=False, edgecolor=INK, linewidth=1.0, capstyle="round"))


def _filter(axes: Axes, kernel: Gabor | Blob, window_px: float) -> None:
    """Draw the filter of a unit at orientation 0 and phase 0."""
    unit = Units(("unit",), {ORIENTATION: (0.0,)}, {UNIT: 1})
    weight = kernel_weights(unit, kernel, window_px, NUMBER, np.zeros(()))[0].sum(0)
    scale, half = float(np.abs(weight).max()), window_px / 2
    axes.imshow(
        weight,
        cmap=colours(),
        vmin=-scale,
        vmax=scale,
        extent=(-half, half, half, -half),
        interpolation="nearest",
    )


def _table(axes: Axes, table: Table, half_px: float) -> None:
    """Draw a square for each weight of a table, at its place in the picture's axes."""
    weights = [float(NUMBER(entry.weight)) for entry in table.weights]
    scale = max(map(abs, weights)) or 1.0
    x, y = zip(*(entry.at_px for entry in table.weights), strict=True)
    axes.scatter(x, y, s=9, marker="s", c=weights, cmap=colours(), vmin=-scale, vmax=scale)
    axes.set(xlim=(-half_px, half_px), ylim=(half_px, -half_px))
