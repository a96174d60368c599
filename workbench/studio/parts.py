"""The parts of the drive at the worst place: as a table with bars, and as lines of text."""

from collections.abc import Iterator

from markupsafe import escape

from workbench.studio.answers import WorstAnswer

BAR, ROW = 150, 12  # pixels of a bar at full length to either side together, and its height
RED, BLUE = "#c8201e", "#1a3fbf"  # adds and takes away, as weights are drawn in the report


def heading(answer: WorstAnswer) -> str:
    """A sentence: the unit, the picture, the place and both activations."""
    x, y = answer.at_px
    return (
        f"{answer.unit} at ({x:g}, {y:g}) px of {answer.picture}: trained {answer.trained:.3g}, "
        f"handwritten {answer.handwritten:.3g}"
    )


def worst_lines(answer: WorstAnswer) -> Iterator[str]:
    """The heading, and a line for each part of the drive."""
    yield heading(answer)
    for value, words in _rows(answer):
        yield f"{_signed(value):>9}  {' '.join(words).rstrip()}"


def parts_html(answer: WorstAnswer) -> str:
    """A table of the parts, each with a bar."""
    largest = max(abs(value) for value, _ in _rows(answer)) or 1.0
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td class=words><code>{escape(written)}</code></td>"
        f"<td>{_bar(value / largest)}</td><td>{_signed(value)}</td></tr>"
        for value, (name, written) in _rows(answer)
    )
    return (
        "<table class=parts><tr><th>term<th>as written<th><th>part of the activation</tr>"
        f"{rows}</table>"
    )


def _rows(answer: WorstAnswer) -> Iterator[tuple[float, tuple[str, str]]]:
    """A number, and the words that name it, for each row."""
    for part in answer.parts:
        yield part.value, (part.term, part.written)
    yield answer.bias, ("bias", "of calibration")
    yield answer.total, ("sum", "before the site's link")
    yield answer.handwritten, ("handwritten", "")
    yield answer.trained, ("trained", "")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _bar(share: float) -> str:
    """A bar from the middle, to the right in red or to the left in blue."""
    middle = BAR / 2
    length = abs(share) * middle
    left, colour = (middle, RED) if share > 0 else (middle - length, BLUE)
    return (
        f'<svg width="{BAR}" height="{ROW}"><line x1="{middle}" x2="{middle}" y1="0" y2="{ROW}" '
        f'stroke="#999"/><rect x="{left:.1f}" y="2" width="{length:.1f}" height="{ROW - 4}" '
        f'fill="{colour}"/></svg>'
    )
