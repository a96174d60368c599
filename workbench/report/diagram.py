"""The circuit as a diagram: a box for each family, and for each read where it looks and for what.

Families are in order from the pixels to the units that take the trained ones' places.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.sketches import INK, draw_sketch, draw_weights, weight_by_pose
from workbench.spec.language import INPUT, Blob, Family, Gabor, Reading, Table, Term, Theory

POINT = 72.0  # points of an inch: lengths below are points
LANE, ARROW, SKETCH, CURVE, LABEL, BOX = 9.0, 66.0, 30.0, 54.0, 10.0, 104.0
GAP, LINE, HEAD = 6.0, 11.0, 5.0
CELL = SKETCH + CURVE + 2 * GAP
ACROSS = 3  # terms next to each other; more are in further lines
SOFT, RED = "#8a8a8a", "#c8201e"
PIXELS = "pixels"


@dataclass
class Lane:
    """A vertical line from a family's box to the reads of it, in a column of its own."""

    top: float
    bottom: float
    column: int = 0


@dataclass(frozen=True)
class Row:
    """A read: its source, its terms, the family that reads, and its middle from the top."""

    source: str
    terms: tuple[Reading, ...]
    family: Family
    y: float


@dataclass
class Layout:
    """Where everything is, in points from the top: boxes `(top, bottom)`, reads and lanes."""

    boxes: dict[str, tuple[float, float]] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    lanes: dict[str, Lane] = field(default_factory=dict)
    height: float = 0.0


def draw_diagram(theory: Theory, units: Mapping[str, int]) -> Figure:
    """Draw the families that were compiled, with their numbers of `units`, and what they read.

    A family that is read without being compiled is the network's own: it reads nothing here.
    """
    layout = layout_of(theory, units)
    across = max((len(r.terms) for rows in layout.rows.values() for r in rows), default=1)
    left = LANE * (2 + max((lane.column for lane in layout.lanes.values()), default=0))
    right = left + ARROW + min(across, ACROSS) * CELL + 2 * GAP
    figure = Figure(figsize=((right + BOX + GAP) / POINT, layout.height / POINT))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, right + BOX + GAP), ylim=(layout.height, 0))
    axes.set_axis_off()
    for lane in layout.lanes.values():
        axes.plot([_x(lane)] * 2, [lane.top, lane.bottom], color=SOFT, linewidth=0.9)
    for name, (top, bottom) in layout.boxes.items():
        _box(axes, right, (top, bottom), _words(name, units), name == list(layout.boxes)[-1])
        if name in layout.lanes:
            lane = layout.lanes[name]
            steps = [bottom, lane.top, lane.top]
            axes.plot([right + BOX / 2] * 2 + [_x(lane)], steps, color=SOFT, linewidth=0.9)
        scale = _scale(layout.rows[name])
        for row in layout.rows[name]:
            first = left + ARROW
            _arrow(axes, _x(layout.lanes[row.source]), first, row.y)
            _arrow(axes, first + min(len(row.terms), ACROSS) * CELL, right, row.y)
            source = PIXELS if row.source == INPUT else _wrapped(row.source, 14)
            axes.text(left, row.y - 2, source, fontsize=7, va="bottom")
            _terms(figure, name, row, first, scale)
    return figure


def layout_of(theory: Theory, units: Mapping[str, int]) -> Layout:
    """Place the families below each other; each read is a row next to its family's box."""
    read = {source for name in units for source in theory.families[name].reads}
    names = [name for name in (INPUT, *theory.families) if name in read or name in units]
    layout, y = Layout(), GAP
    for name in names:
        top, rows = y, []
        if name in units:
            family = theory.families[name]
            for source, terms in family.reads.items():
                height = -(-len(terms) // ACROSS) * (SKETCH + LABEL)
                rows.append(Row(source, terms, family, y + height / 2))
                layout.lanes[source].bottom = y + height / 2
                y += height + GAP / 2
        y = max(y, top + LINE * (1 + len(_words(name, units))))
        layout.boxes[name], layout.rows[name] = (top, y), rows
        y += GAP
        if name in read:
            layout.lanes[name] = Lane(y, y)
            y += GAP
    layout.height = y
    _columns(layout)
    return layout


def _columns(layout: Layout) -> None:
    """Put each lane in the first column that is free from its top to its bottom."""
    ends: list[float] = []
    for lane in layout.lanes.values():
        free = (i for i, end in enumerate(ends) if end < lane.top)
        lane.column = next(free, len(ends))
        ends[lane.column : lane.column + 1] = [lane.bottom]


def _x(lane: Lane) -> float:
    return GAP + LANE * lane.column


def _scale(rows: list[Row]) -> float:
    """The largest weight of a family's curves: they have one scale, so they can be compared."""
    terms = [term for row in rows for term in row.terms if isinstance(term, Term)]
    return max((float(np.abs(weight_by_pose(term)[1]).max()) for term in terms), default=1) or 1


def _words(name: str, units: Mapping[str, int]) -> list[str]:
    """The lines in a family's box: its name, and how many units it has."""
    if name == INPUT:
        return [PIXELS]
    count = f"{units[name]} units" if name in units else "trained units"
    return [*_wrapped(name, 18).split("\n"), count]


def _wrapped(name: str, width: int) -> str:
    """A name in lines of at most `width`, broken after an underscore where there is one."""
    return "\n".join(textwrap.wrap(name.replace("_", "_ "), width)).replace("_ ", "_")


def _box(axes: Axes, left: float, ends: tuple[float, float], words: list[str], last: bool) -> None:
    """Draw a family's box; the last one, whose units take the trained ones' places, is red."""
    colour, (top, bottom) = RED if last else INK, ends
    corners = [left, left + BOX, left + BOX, left, left], [top, top, bottom, bottom, top]
    axes.plot(*corners, color=colour, linewidth=1.0)
    for i, word in enumerate(words):
        y = (top + bottom) / 2 + LINE * (i - (len(words) - 1) / 2)
        count = 0 < i == len(words) - 1
        axes.text(
            left + BOX / 2,
            y,
            word,
            ha="center",
            va="center",
            fontsize=7 if count else 8,
            color=SOFT if count else colour,
        )


def _arrow(axes: Axes, start: float, end: float, y: float) -> None:
    axes.plot([start, end], [y, y], color=SOFT, linewidth=0.9)
    head = [end - HEAD, end, end - HEAD], [y - HEAD / 2, y, y + HEAD / 2]
    axes.fill(*head, color=SOFT, linewidth=0)


def _terms(figure: Figure, name: str, row: Row, left: float, scale: float) -> None:
    """Draw each term of a read: its sketch, its curve, and its name below them.

    The figure's first axes are in points over all of it.
    """
    lines = -(-len(row.terms) // ACROSS)
    for i, term in enumerate(row.terms):
        x = left + CELL * (i % ACROSS) + GAP
        y = row.y + (SKETCH + LABEL) * (i // ACROSS - lines / 2)
        draw_sketch(_part(figure, (x, y, SKETCH)), term, row.family)
        if isinstance(term, Term):
            part = _part(figure, (x + SKETCH + GAP / 2, y, CURVE))
            draw_weights(part, term, scale, f"{name} reads {row.source} {i + 1}")
        figure.axes[0].text(x, y + SKETCH + 1, _label(term), fontsize=6.5, va="top", color=INK)


def _part(figure: Figure, place: tuple[float, float, float]) -> Axes:
    """Axes at x, y, `width` wide and as high as a sketch."""
    x, y, width = place
    across, down = figure.get_size_inches() * POINT
    return figure.add_axes((x / across, 1 - (y + SKETCH) / down, width / across, SKETCH / down))


def _label(term: Reading) -> str:
    if isinstance(term, Gabor):
        return "Gabor filter"
    if isinstance(term, Blob):
        return "Gaussian spot"
    if isinstance(term, Table):
        return "single weights"
    return ", ".join(filter(None, (term.along, term.match, term.turned, _colour(term))))


def _colour(term: Term) -> str:
    return "by colour" if term.colour else ""
