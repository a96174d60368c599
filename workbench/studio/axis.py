"""Figures of the page that must be drawn at once, as SVG: the score, and responses by unit."""

from collections.abc import Callable

from markupsafe import escape

from workbench.studio.answers import QuickScore, ScoreRow, StimulusAnswer

WIDTH, LEFT, RIGHT, ROW = 640, 210, 110, 22
PEARSON = 20  # from the right edge to the middle of the column of Pearson correlations
LOWEST = -1.0  # a lower figure is drawn at the edge, as in the report's ledger


def score_svg(score: QuickScore) -> str:
    """The rows on an axis that ends at 1 and begins at 0, or at the lowest figure above LOWEST."""
    values = [row.low if row.low is not None else row.value for row in score.rows]
    low = max(LOWEST, min([0.0, *(value for value in values if value is not None)]))
    bottom = len(score.rows) * ROW + 4

    def x(value: float) -> float:
        return LEFT + (max(value, low) - low) / (1.05 - low) * (WIDTH - LEFT - RIGHT)

    lines = "".join(
        f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="0" y2="{bottom}" stroke="{ink}"/>'
        f'<text x="{x(at):.1f}" y="{bottom + 12}" text-anchor="middle">{at:g}</text>'
        for at, ink in ((0.0, "#999"), (0.5, "#eee"), (1.0, "#111"))
    )
    marks = "".join(_marks(row, i * ROW + ROW / 2, x) for i, row in enumerate(score.rows))
    if any(row.pearson is not None for row in score.rows):
        marks += f'<text x="{WIDTH}" y="{bottom + 26}" text-anchor="end">Pearson</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 30}" '
        f'width="{WIDTH}" font-family="system-ui, sans-serif" font-size="11">{lines}{marks}'
        f'<text x="{LEFT}" y="{bottom + 26}">{escape(score.label)}, {escape(score.sample)}'
        "</text></svg>"
    )


TRAINED, HANDWRITTEN = "#111111", "#c8201e"  # as in the report's curves
COLUMN, HEIGHT, LABELS = 26, 180, 44


def responses_svg(answer: StimulusAnswer) -> str:
    """Each unit's activation, trained in black and handwritten in red, in the order of poses."""
    rows = answer.responses
    top = max([1e-9, *(max(row.trained, row.handwritten) for row in rows)])
    width = len(rows) * COLUMN + 50

    def y(value: float) -> float:
        return HEIGHT - max(value, 0.0) / top * (HEIGHT - 20)

    marks = "".join(
        f'<line x1="{x}" x2="{x}" y1="{y(row.trained):.1f}" y2="{y(row.handwritten):.1f}" '
        f'stroke="#bbb"/><circle cx="{x}" cy="{y(row.trained):.1f}" r="4" fill="{TRAINED}"/>'
        f'<circle cx="{x}" cy="{y(row.handwritten):.1f}" r="4" fill="{HANDWRITTEN}"/>'
        f'<text x="{x}" y="{HEIGHT + 16}" text-anchor="middle">{row.direction_deg:.0f}°</text>'
        f'<text x="{x}" y="{HEIGHT + 28}" text-anchor="middle">{escape(row.unit.split(":")[-1])}'
        "</text>"
        for x, row in ((40 + i * COLUMN, row) for i, row in enumerate(rows))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + LABELS}" '
        f'font-family="system-ui, sans-serif" font-size="9">'
        f'<line x1="26" x2="{width}" y1="{HEIGHT}" y2="{HEIGHT}" stroke="#999"/>'
        f'<text x="22" y="{HEIGHT + 3}" text-anchor="end">0</text>'
        f'<text x="22" y="{y(top) + 3:.1f}" text-anchor="end">{top:.3g}</text>{marks}'
        f'<text x="26" y="{HEIGHT + 40}">pose and unit; activation, trained black, handwritten red'
        "</text></svg>"
    )


def _marks(row: ScoreRow, y: float, x: Callable[[float], float]) -> str:
    """The words, the interval, the dot and the number of a row."""
    shown = (
        ""
        if row.value is None
        else (f'<circle cx="{x(row.value):.1f}" cy="{y}" r="4" fill="{row.colour}"/>')
    )
    if row.low is not None and row.high is not None:
        shown += (
            f'<line x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{y}" y2="{y}" '
            f'stroke="{row.colour}" stroke-width="3" stroke-opacity=".45"/>'
        )
    pearson = ""
    if row.pearson is not None:
        pearson = (
            f'<text x="{WIDTH - PEARSON}" y="{y + 4}" text-anchor="middle" fill="{row.colour}">'
            f"{figure_text(row.pearson)}</text>"
        )
    return (
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(row.words)}</text>{shown}'
        f'<text x="{WIDTH - RIGHT + 14}" y="{y + 4}" fill="{row.colour}">'
        f"{figure_text(row.value)}</text>{pearson}"
    )


def figure_text(value: float | None) -> str:
    """A figure with two decimals and a minus sign that is no hyphen, or an en dash."""
    return "–" if value is None else f"{value:.2f}".replace("-", "−")
