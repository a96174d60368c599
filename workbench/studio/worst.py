"""The worst place of a unit as an answer of the studio."""

from collections.abc import Mapping

from workbench.studio.answers import Part, WorstAnswer
from workbench.studio.overlay import overlay_svg
from workbench.vision.worst import WorstPlace


def answer_of(place: WorstPlace, units: tuple[str, ...], written: Mapping[str, str]) -> WorstAnswer:
    """The answer of a place; `written` has the YAML of its terms."""
    example, (row, column) = place.example, place.cell
    step_px = len(example.rgb) / len(example.trained)
    shown = {"trained": example.trained, "handwritten": example.handwritten}
    ring_px = (column + 0.5) * step_px, (row + 0.5) * step_px
    return WorstAnswer(
        unit=example.unit,
        units=units,
        picture=example.picture,
        at_px=place.at_px,
        svg=overlay_svg(example.rgb, shown, ring_px=ring_px),
        parts=tuple(Part(term, written[term], value) for term, value in place.parts.items()),
        bias=place.bias,
        total=place.total,
        handwritten=place.handwritten,
        trained=place.trained,
    )
