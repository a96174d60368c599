"""Every picture of a report, with its description and caption."""

from collections.abc import Iterator, Sequence

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.report.conditions import number
from workbench.report.curves import draw_aligned, draw_directions, draw_radii
from workbench.report.diagram import draw_diagram
from workbench.report.drawing import Drawing
from workbench.report.kernels import draw, panels_of
from workbench.report.ledger import PREDICTORS, draw_bits, draw_ledger, draw_summary
from workbench.report.patches import draw_patches, units_of
from workbench.report.summary import summary
from workbench.report.visualised import draw_visualised
from workbench.score.scorecard import Scorecard, UnitScore
from workbench.spec.language import INPUT, Theory
from workbench.vision.examples import Example
from workbench.vision.tuning import TuningCurves
from workbench.vision.visualise.units import Visualised

OPEN = 2  # kernels that are not folded: two stand next to each other
LINES = "Trained in black, handwritten in red."
SHARES = (
    "Left of each pair the picture made for the trained unit, right the one made for the "
    "handwritten unit, with the trained unit’s response to it as a share of its response to the "
    "left one (1: it drives the trained unit as far). Where the theory is right, both show the "
    "same feature."
)
READS = (
    "From the pixels to the units that take the trained ones’ places, in red. A square shows where "
    "a family reads, across its window, for a unit whose normal points down (of a curve: to the "
    "centre of curvature): places in grey, and on them the wanted poses. A curve is the weight of "
    "an upstream unit by its pose, the wanted pose in the middle: up to 90° off to both sides for "
    "orientations, 180° for directions of the centre. Red excites, blue inhibits; the curves of a "
    "family have one scale. With, against: only poses turned as the arc turns, or the other way. "
    "Filters are drawn at phase 0; gains by phase, size or colour are in the sentences below."
)
ECHO = "An echo, the response to {}, would be in the shaded band."


def drawings(
    card: Scorecard,
    theories: Sequence[Theory],
    circuits: Sequence[HandwrittenCircuit],
    curves: Sequence[TuningCurves],
    examples: Sequence[Example],
    visualised: Sequence[Visualised] = (),
) -> Iterator[Drawing]:
    """Draw the pictures in the order of the page.

    `theories`, `circuits`, `curves` and `visualised` are in the order of the card's theories.
    """
    yield _summary(card)
    for i, responses in enumerate(curves):
        yield from _tuning(card.units_of(i), responses, *_which(card, i))
    for i, made in enumerate(visualised):
        if not made.missing:
            yield _visualised(card, made, *_which(card, i))
    for unit in units_of(examples):
        yield _patches(card, unit, [example for example in examples if example.unit == unit])
    for i, circuit in enumerate(circuits):
        yield from _kernels(circuit, *_which(card, i))
    for i, (theory, circuit) in enumerate(zip(theories, circuits, strict=True)):
        yield _circuit(theory, circuit, *_which(card, i))
    yield Drawing(
        "ledger",
        "ledger",
        draw_ledger(card),
        f"{_measured(card)} of each condition with its 95 % interval; "
        "the numbers are in the table below.",
        "Dots are figures, bars 95 % intervals of a bootstrap over pictures; "
        "an arrow marks a figure beyond the edge. Handwritten in red, ablations grey, controls and "
        "baselines blue.",
        curves=True,
    )
    if card.bits:
        yield _bits(card)


def _summary(card: Scorecard) -> Drawing:
    """The handwritten circuit against the best baseline, on one axis."""
    rows = [(row.words, card.conditions[row.condition]) for row in summary(card)]
    of = _measured(card)
    figures = ", ".join(
        f"{words} {number((row.recovered if card.compared else row.pearson).value, 2)}"
        for words, row in rows
    )
    bars = "Bars are 95 % intervals over pictures."
    return Drawing(
        "summary", "summary", draw_summary(card), f"{of}: {figures}.", f"{of}. {bars}", curves=True
    )


def _bits(card: Scorecard) -> Drawing:
    """The distance from the trained network against description length."""
    lengths = ", ".join(
        f"{PREDICTORS[name]} {bits:,.0f}" for name, bits in card.bits.items() if name in PREDICTORS
    )
    lost = f"{card.headline_quantity.label} from the trained network"
    return Drawing(
        "bits",
        "ledger",
        draw_bits(card),
        f"Description lengths in bits: {lengths}.",
        f"{lost if card.compared else 'Mean Pearson'} against the bits that a description takes, "
        "the theory from pixels; the baselines read trained units, which are given. The "
        "command workbench rivals compares it with more predictors.",
        curves=True,
    )


def _measured(card: Scorecard) -> str:
    return f"Recovered {card.headline_quantity.label}" if card.compared else "Mean Pearson"


def _which(card: Scorecard, theory: int) -> tuple[str, str]:
    """A prefix of file names and a sentence for one of several theories; empty for a single one."""
    if len(card.theories) == 1:
        return "", ""
    score = card.theories[theory]
    return f"{theory + 1}-", f"{score.spec['theory']} at {score.circuit['site']}. "


def _visualised(card: Scorecard, made: Visualised, which: str, theory: str) -> Drawing:
    units = "; ".join(
        f"{unit}, Pearson {_pearson(card, unit)}, share {number(share, 2)}"
        for unit, share in zip(made.units, made.shares, strict=True)
    )
    return Drawing(
        f"visualised-{which}units",
        "visualised",
        draw_visualised(made),
        f"{theory}Pairs of pictures made to drive {', '.join(made.units)}: left for the trained "
        f"unit, right for the handwritten unit.",
        f"{theory}{SHARES} The units have the highest, the middle and the lowest Pearson: {units}.",
    )


def _patches(card: Scorecard, unit: str, examples: Sequence[Example]) -> Drawing:
    names = "; ".join(
        f"{kind}: {', '.join(example.picture for example in examples if example.kind == kind)}"
        for kind in ("best", "worst")
    )
    return Drawing(
        f"patches-{unit.replace(':', '-')}",
        "patches",
        draw_patches(examples),
        f"Patches of pictures, and over them the activation of the trained and the handwritten "
        f"unit {unit}.",
        f"{unit}, Pearson {_pearson(card, unit)}. Pictures: {names}.",
    )


def _kernels(circuit: HandwrittenCircuit, which: str, theory: str) -> Iterator[Drawing]:
    """The kernels of the last family's first OPEN reads; all others are in another section."""
    panels = panels_of(circuit)
    for layer in (circuit.layers[-1], *circuit.layers[:-1]):
        for i, (read, panel) in enumerate(zip(layer.reads, panels[layer.family], strict=True)):
            seen = (
                f"{theory}{layer.family} reads the picture: each square is the filter of one unit, "
                "by its pose."
                if read.source == INPUT
                else f"{theory}{layer.family} reads {read.source}: each square is the kernel from "
                "the pose of its row to the pose of its column."
            )
            first = layer is circuit.layers[-1] and i < OPEN
            alt = f"Kernels: {theory}{panel.title}. Red excites, blue inhibits."
            yield Drawing(
                f"kernels-{which}{layer.family}-{i + 1}",
                "kernels" if first else "more kernels",
                draw([panel]),
                alt,
                seen,
            )


def _circuit(theory: Theory, circuit: HandwrittenCircuit, which: str, named: str) -> Drawing:
    units = {layer.family: len(layer.units) for layer in circuit.layers}
    reads = "; ".join(
        f"{name} reads {', '.join('the pixels' if source == INPUT else source for source in reads)}"
        for name in units
        for reads in (theory.families[name].reads,)
    )
    return Drawing(
        f"circuit-{which}diagram",
        "circuit",
        draw_diagram(theory, units),
        f"Diagram of the circuit: {reads}. Next to each read, where it looks and the weight of "
        "each pose.",
        f"{named}{READS}",
        curves=True,
    )


def _tuning(
    units: Sequence[UnitScore], curves: TuningCurves, which: str, theory: str
) -> Iterator[Drawing]:
    count, radii = len(units), ", ".join(f"{radius:g}" for radius in curves.radius_px)
    over = f"Mean over radii {radii} px" if len(curves.radius_px) > 1 else "Straight"
    yield Drawing(
        f"tuning-{which}aligned",
        "aligned",
        draw_aligned(units, curves),
        f"Mean tuning curve of {count} trained and handwritten units against "
        f"{curves.probe.turned}, aligned at their poses.",
        f"{theory}{LINES} Each unit’s curve over its own peak, aligned at its pose; "
        f"thick lines are means. {ECHO.format(curves.probe.echo)}",
        curves=True,
    )
    yield Drawing(
        f"tuning-{which}directions",
        "tuning",
        draw_directions(units, curves),
        f"Tuning curves of {count} units against the {curves.probe.turned} of the "
        f"{curves.probe.name}, trained and handwritten.",
        f"{theory}{LINES} {over}; dotted lines are preferred {curves.probe.turned}s.",
        curves=True,
    )
    if len(curves.radius_px) == 1:
        return
    yield Drawing(
        f"tuning-{which}radii",
        "radii",
        draw_radii(units, curves),
        f"Responses of {count} units against the radius of the {curves.probe.name}, trained "
        "and handwritten.",
        f"{theory}{LINES} The highest response over {curves.probe.turned}s at each radius.",
        curves=True,
    )


def _pearson(card: Scorecard, unit: str) -> str:
    return next(
        (f"{row.pearson:.2f}".replace("-", "−") for row in card.units if row.unit == unit), "–"
    )
