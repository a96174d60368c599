"""Every picture of a report, with the words that go with it."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.examples import Example
from workbench.evaluate.tuning import TuningCurves
from workbench.report.curves import draw_aligned, draw_directions, draw_radii
from workbench.report.kernels import draw, panels_of
from workbench.report.ledger import draw_ledger
from workbench.report.patches import draw_patches, units_of
from workbench.score.scorecard import Scorecard, UnitScore

DOTS_PER_INCH = 150
LINES = "Trained in black, handwritten in red."
ECHOES = {  # by how often the stimulus looks the same in a full turn
    1: "A unit that takes the stimulus for itself turned round responds in the shaded band too: the echo.",
    2: "A unit that responds to a bar across its own does so in the shaded band: the echo.",
}


@dataclass(frozen=True)
class Drawing:
    """A picture of one section of the page; `name` is its file's, without .png, `alt` what it says to who cannot see it."""

    name: str
    section: str
    figure: Figure
    alt: str
    caption: str


def drawings(
    card: Scorecard, circuits: Sequence[HandwrittenCircuit], curves: Sequence[TuningCurves], examples: Sequence[Example]
) -> Iterator[Drawing]:
    """The pictures in the order of the page; `circuits` and `curves` are in the order of the card's theories."""
    for i, circuit in enumerate(circuits):
        yield from _kernels(circuit, *_which(card, i))
    for i, responses in enumerate(curves):
        yield from _tuning(card.units_of(i), responses, *_which(card, i))
    for unit in units_of(examples):
        own = [example for example in examples if example.unit == unit]
        names = "; ".join(f"{kind}: {', '.join(e.picture for e in own if e.kind == kind)}" for kind in ("best", "worst"))
        alt = f"Patches of pictures beside the activation of the trained and of the handwritten unit {unit}."
        name = f"patches-{unit.replace(':', '-')}"
        yield Drawing(
            name,
            "patches",
            draw_patches(own),
            alt,
            f"{unit}, Pearson {_pearson(card, unit)}. One colour scale for each pair. Pictures: {names}.",
        )
    alt = "Recovered KL of each condition with its 95 % interval; the numbers are in the table below."
    yield Drawing(
        "ledger",
        "ledger",
        draw_ledger(card),
        alt,
        "Dots are figures, bars 95 % intervals of a bootstrap over pictures; an arrow points to what lies beyond the edge.",
    )


def png(figure: Figure) -> bytes:
    """The figure as PNG, the same bytes each time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def _which(card: Scorecard, theory: int) -> tuple[str, str]:
    """What tells one of several theories from the others, in the name of a file and in words; nothing where there is only one."""
    if len(card.theories) == 1:
        return "", ""
    own = card.theories[theory]
    return f"{theory + 1}-", f"{own.spec['theory']} at {own.circuit['site']}. "


def _kernels(circuit: HandwrittenCircuit, which: str, said: str) -> Iterator[Drawing]:
    for family, panels in panels_of(circuit).items():
        for i, panel in enumerate(panels):
            alt = f"Kernels: {said}{panel.title}. Red excites, blue inhibits."
            yield Drawing(f"kernels-{which}{family}-{i + 1}", "kernels", draw([panel]), alt, said.rstrip())


def _tuning(units: Sequence[UnitScore], curves: TuningCurves, which: str, said: str) -> Iterator[Drawing]:
    count, radii = len(units), ", ".join(f"{radius:g}" for radius in curves.radius_px)
    over = f"Mean over radii {radii} px" if len(curves.radius_px) > 1 else "Straight"
    yield Drawing(
        f"tuning-{which}aligned",
        "tuning",
        draw_aligned(units, curves),
        f"Mean tuning curve of {count} trained and handwritten units against direction, aligned at their poses.",
        f"{said}{LINES} Each unit’s curve over its own peak, aligned at its pose; thick lines are means. {ECHOES[curves.probe.turns]}",
    )
    yield Drawing(
        f"tuning-{which}directions",
        "tuning",
        draw_directions(units, curves),
        f"Tuning curves of {count} units against the direction of the {curves.probe.name}, trained and handwritten.",
        f"{said}{LINES} {over}; dotted lines are preferred directions.",
    )
    if len(curves.radius_px) == 1:
        return
    yield Drawing(
        f"tuning-{which}radii",
        "tuning",
        draw_radii(units, curves),
        f"Responses of {count} units against the radius of the arc, trained and handwritten.",
        f"{said}{LINES} The highest response over directions at each radius.",
    )


def _pearson(card: Scorecard, unit: str) -> str:
    return next((f"{row.pearson:.2f}".replace("-", "−") for row in card.units if row.unit == unit), "–")
