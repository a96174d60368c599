"""Pictures of weights: red excites, blue inhibits, white is zero.

There is one panel for each read, and in it a kernel for each downstream and upstream pose.
"""

import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

from workbench.compiler.circuit import HandwrittenCircuit, Layer, Read
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.report.glyphs import draw_glyph, pose_text
from workbench.theory.poses import CENTRE, ORIENTATION, UNIT, Units
from workbench.theory.rule import opponent

SHOWN = 16  # kernels at most, down and across
BLUE, WHITE, RED = "#1a3fbf", "#ffffff", "#c8201e"
SHADES = 257  # odd: zero is exactly white
GROUND = "#d9d9d9"  # between kernels
INCHES, HIGHEST = 9.0, 32.0  # width of a column of panels, and its height at most
TITLE, SMALLEST = 1.1, 0.05  # inches: above a panel; of an empty end of a column
COLUMNS = 16
PNG_DPI = 120
DOTS = 24  # width of a small kernel in dots, so that the grey between kernels stays thin


@dataclass(frozen=True)
class Panel:
    """The content of a panel: kernels, and labels and poses of its rows and columns.

    `kernels[row, column]` is one kernel `kh kw`.
    """

    title: str
    kernels: Float[np.ndarray, "row column kh kw"]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_poses: tuple[tuple[str, float] | None, ...]
    column_poses: tuple[tuple[str, float] | None, ...]

    @property
    def scale(self) -> float:
        """The weight that is drawn in full red; the same below zero in full blue."""
        return float(np.abs(self.kernels).max()) or 1.0


def draw_kernels(circuit: HandwrittenCircuit, family: str | None = None) -> Figure:
    """Draw every read of the circuit, or of one family.

    Raises KeyError for a family that the circuit does not have, and WorkbenchError for more kernels
    than a picture holds.
    """
    panels = panels_of(circuit)
    if family is not None and family not in panels:
        raise KeyError(family)
    return draw(
        [panel for name, reads in panels.items() if family in (None, name) for panel in reads]
    )


def save_kernels(circuit: HandwrittenCircuit, path: Path) -> None:
    """Write every read of the circuit as a PNG. Raises WorkbenchError as `save_layers`."""
    save_layers(circuit.layers, path)


def save_layers(layers: Sequence[Layer], path: Path, families: Collection[str] = ()) -> None:
    """Write every read of the layers, or of those of these families, as a PNG.

    Raises WorkbenchError for more kernels than a picture holds, and if the file cannot be written.
    """
    panels = [
        panel
        for family, reads in panels_of_layers(layers).items()
        if not families or family in families
        for panel in reads
    ]
    buffer = io.BytesIO()
    draw(panels).savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
    write_whole(path, buffer.getvalue())


def panels_of(circuit: HandwrittenCircuit) -> dict[str, list[Panel]]:
    """The panels of each family, in order."""
    return panels_of_layers(circuit.layers)


def panels_of_layers(layers: Sequence[Layer]) -> dict[str, list[Panel]]:
    """The panels of each layer's family, in order. The layers that they read are among them."""
    units = {layer.family: layer.units for layer in layers}
    return {
        layer.family: [panel(layer, read, units.get(read.source)) for read in layer.reads]
        for layer in layers
    }


def panel(layer: Layer, read: Read, upstream: Units | None) -> Panel:
    """The panel of one read, with as many poses as can be read.

    Downstream poses are its columns; upstream poses, or the other axes of filters on the picture,
    are its rows.
    """
    weight = np.asarray(read.weight, dtype=np.float64)
    return (
        _filters(layer, weight)
        if upstream is None
        else _between(layer, read.source, weight, upstream)
    )


def draw(panels: Sequence[Panel]) -> Figure:
    """Draw panels below each other, in as many columns as HIGHEST asks for.

    Raises WorkbenchError for more than COLUMNS of them.
    """
    columns = list(_columns(panels))
    if len(columns) > COLUMNS:
        raise WorkbenchError(
            "the picture of kernels",
            f"{len(panels)} reads, which take {len(columns)} columns",
            f"at most {COLUMNS}",
            "Draw fewer families: `workbench show --family NAME`.",
        )
    height = max(sum(map(_inches, column)) for column in columns)
    figure = Figure(figsize=(INCHES * len(columns), height), layout="constrained")
    parts = figure.subfigures(1, len(columns), squeeze=False)[0] if columns[1:] else [figure]
    for part, column in zip(parts, columns, strict=True):
        heights = [*map(_inches, column)]
        rest = [height - sum(heights)] if height - sum(heights) > SMALLEST else []
        grid = part.add_gridspec(len(heights + rest), 1, height_ratios=heights + rest)
        for i, shown in enumerate(column):
            draw_panel(part.add_subplot(grid[i]), shown)
    return figure


def _columns(panels: Sequence[Panel]) -> Iterator[list[Panel]]:
    """The panels in order, in columns of at most HIGHEST inches."""
    column: list[Panel] = []
    for shown in panels:
        if column and sum(map(_inches, column)) + _inches(shown) > HIGHEST:
            yield column
            column = []
        column.append(shown)
    yield column


def draw_panel(axes: Axes, shown: Panel) -> None:
    """Draw a mosaic of kernels with the poses at its sides and the scale in its title."""
    zoom = max(1, DOTS // shown.kernels.shape[-1])
    kernels = shown.kernels.repeat(zoom, axis=2).repeat(zoom, axis=3)
    rows, columns, kh, kw = kernels.shape
    axes.imshow(
        mosaic(kernels),
        cmap=colours(),
        vmin=-shown.scale,
        vmax=shown.scale,
        interpolation="nearest",
    )
    axes.set_anchor("W")
    axes.set_title(
        f"{shown.title}\nred excites, to +{shown.scale:.2g}; white is 0; "
        f"blue inhibits, to −{shown.scale:.2g}",
        fontsize=8,
        loc="left",
    )
    axes.set_xticks(
        [(kw + 1) * i + kw / 2 + 0.5 for i in range(columns)],
        shown.columns,
        fontsize=6,
        rotation=90 if columns > 8 else 0,
    )
    axes.set_yticks([(kh + 1) * i + kh / 2 + 0.5 for i in range(rows)], shown.rows, fontsize=6)
    axes.tick_params(length=0, pad=14)
    axes.spines[:].set_visible(False)
    for i, pose in enumerate(shown.column_poses):
        draw_glyph(axes, pose, (((kw + 1) * i + kw / 2 + 0.5), rows * (kh + 1)), (0, -7))
    for i, pose in enumerate(shown.row_poses):
        draw_glyph(axes, pose, (0, (kh + 1) * i + kh / 2 + 0.5), (-8, 0))


def mosaic(kernels: Float[np.ndarray, "row column kh kw"]) -> Float[np.ndarray, "h w"]:
    """Place kernels side by side, with a border of nan around each."""
    rows, columns, kh, kw = kernels.shape
    framed = np.full((rows, columns, kh + 1, kw + 1), np.nan)
    framed[:, :, 1:, 1:] = kernels
    whole = framed.transpose(0, 2, 1, 3).reshape(rows * (kh + 1), columns * (kw + 1))
    return np.pad(whole, ((0, 1), (0, 1)), constant_values=np.nan)


def colours() -> Colormap:
    """The colours of weights from blue over white to red; grey for nan."""
    return LinearSegmentedColormap.from_list("weights", (BLUE, WHITE, RED), SHADES).with_extremes(
        bad=GROUND
    )


def _filters(layer: Layer, weight: np.ndarray) -> Panel:
    """Filters on RGB, each projected on its own opponent axis.

    There is one row for each pose without the orientation.
    """
    axis = opponent(layer.units, np.zeros(()))
    projected = np.einsum("dchw,dc->dhw", weight, axis / (axis**2).sum(1, keepdims=True))
    frame = frame_axis(layer.units)
    others = [name for name in layer.units.shape if name not in (frame, UNIT)]
    groups: dict[tuple, list[int]] = {}
    for i in by_pose(layer.units, range(len(layer.units))):
        groups.setdefault(tuple(layer.units.poses[name][i] for name in others), []).append(i)
    kept = thinned(groups, SHOWN)
    table = np.array([_spaced(groups[row], SHOWN) for row in kept])
    rows = tuple(
        " ".join(pose_text(axis, value) for axis, value in zip(others, row, strict=True))
        for row in kept
    )
    first = table[0]
    title = (
        f"{layer.family} reads the picture: {table.size} of {len(layer.units)} units, "
        "each along its colour axis"
    )
    if not np.allclose(np.einsum("dhw,dc->dchw", projected, axis), weight):  # weights of a table
        title += "; weights off that axis are not drawn"
    return Panel(
        title,
        projected[table],
        rows,
        _labels(layer.units, first),
        (None,) * len(rows),
        _poses(layer.units, first),
    )


def _between(layer: Layer, source: str, weight: np.ndarray, upstream: Units) -> Panel:
    """Downstream units in columns, upstream ones in rows.

    The rows are units that differ in the orientation alone: of all such groups, the one whose
    weights have the largest norm.
    """
    down = _spaced(by_pose(layer.units, range(len(layer.units))), SHOWN)
    others = [name for name in upstream.poses if name != frame_axis(upstream)]
    groups: dict[tuple, list[int]] = {}
    for i in by_pose(upstream, range(len(upstream))):
        groups.setdefault(tuple(upstream.poses[name][i] for name in others), []).append(i)
    norms = {values: float(np.linalg.norm(weight[:, alike])) for values, alike in groups.items()}
    enough = (1 - 1e-9) * max(norms.values())  # of groups that weigh the same, the first
    heaviest = next(values for values, norm in norms.items() if norm >= enough)
    up = _spaced(groups[heaviest], SHOWN)
    only = f" (those of {', '.join(map(pose_text, others, heaviest))})" if others else ""
    title = (
        f"{layer.family} (columns, {len(down)} of {len(layer.units)}) "
        f"reads {source} (rows, {len(up)} of {len(upstream)}{only})"
    )
    kernels = weight[np.ix_(down, up)].transpose(1, 0, 2, 3)
    return Panel(
        title,
        kernels,
        _labels(upstream, up),
        _labels(layer.units, down),
        _poses(upstream, up),
        _poses(layer.units, down),
    )


def frame_axis(units: Units) -> str:
    """The axis of a family's rotations: direction of the centre of curvature, or orientation."""
    return CENTRE if CENTRE in units.poses else ORIENTATION


def by_pose(units: Units, chosen: Sequence[int]) -> list[int]:
    """Sort units by their direction."""
    column = units.column(frame_axis(units))
    return sorted(chosen, key=lambda i: column[i])


def thinned(groups: dict[tuple, list[int]], most: int) -> list[tuple]:
    """Rows to show, at most `most`.

    As long as there are more, every second value of the axis with most values is left out.
    """
    rows = list(groups)
    while len(rows) > most:
        values = [list(dict.fromkeys(row[axis] for row in rows)) for axis in range(len(rows[0]))]
        longest = max(range(len(values)), key=lambda axis: len(values[axis]))
        kept = values[longest][::2]
        rows = [row for row in rows if row[longest] in kept]
    return rows


def _spaced(items: Sequence[int], most: int) -> list[int]:
    """At most `most` of the items, evenly spaced."""
    return list(items[:: -(-len(items) // most)])


def _labels(units: Units, chosen: Sequence[int]) -> tuple[str, ...]:
    axis = frame_axis(units)
    column = units.column(axis)
    named = UNIT in units.shape
    return tuple(
        f"{units.names[i].split(':')[-1]}: {column[i]:.4g}°" if named else f"{column[i]:.4g}°"
        for i in chosen
    )


def _poses(units: Units, chosen: Sequence[int]) -> tuple[tuple[str, float], ...]:
    axis = frame_axis(units)
    return tuple((axis, float(units.column(axis)[i])) for i in chosen)


def _inches(shown: Panel) -> float:
    rows, columns, kh, _ = shown.kernels.shape
    side = min((INCHES - 1.4) / columns, 0.12 * (kh + 2))
    return TITLE + min(rows * side, HIGHEST - TITLE)
