"""The page of a comparison: the theory against others that `--compare-with` names."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.files import write_whole
from workbench.report.conditions import interval, number, shown_quantities
from workbench.report.drawing import png
from workbench.report.embedding import Shown, embedded
from workbench.report.kernels import draw, panels_of
from workbench.report.page import template
from workbench.report.summary import cells, titles
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec, source
from workbench.spec.problems import key_text

FILE = "compare.html"
ABOUT = (
    "theory",
    "about",
    "source",
    "tuned",
    "variants",
    "claims",
)  # keys without effect on the weights
NONE = "–"


@dataclass(frozen=True)
class Change:
    """A value of the theory that another theory has not, by its key; NONE where it has no such."""

    key: str
    theory: str
    other: str


def write_comparison(
    folder: Path,
    card: Scorecard,
    written: tuple[Spec, HandwrittenCircuit],
    others: Sequence[tuple[Spec, HandwrittenCircuit]],
) -> Path:
    """Write compare.html to `folder`: changed values, paired differences, kernels side by side.

    `written` is the card's theory, `others` are those that it was compared with. Raises
    WorkbenchError if the folder cannot be written.
    """
    spec, _ = written
    page = template("comparison.html.jinja").render(
        card=card,
        titles=titles(card),
        rows=list(_rows(card)),
        differences=list(_differences(card)),
        label=card.headline_quantity.label,
        changes={other.theory.theory: changes(spec, other) for other, _ in others},
        kernels=list(_kernels([written, *others])),
    )
    write_whole(folder / FILE, page)
    return folder / FILE


def changes(spec: Spec, other: Spec) -> list[Change]:
    """Every value in which two theories differ, as they are written; of a tuned number the value.

    A family that only one of them has is one change. Names, descriptions, sources, ledgers,
    variants and claims are left out.
    """
    both = spec.theory.families.keys() & other.theory.families.keys()
    ours, theirs = (
        dict(_values(source.parse(written.text).values, both)) for written in (spec, other)
    )
    keys = dict.fromkeys((*ours, *theirs))
    return [
        Change(key, ours.get(key, NONE), theirs.get(key, NONE))
        for key in keys
        if ours.get(key, NONE) != theirs.get(key, NONE)
    ]


def _values(
    value: Any, both: Collection[str], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str, str]]:
    """Every value of a file's plain values with its key; of families only those in `both`."""
    if path[:1] == ("families",) and len(path) == 2 and path[1] not in both:
        yield key_text(path), "a family"
    elif isinstance(value, Mapping) and "tune" not in value:
        for name, item in value.items():
            if path or name not in ABOUT:
                yield from _values(item, both, (*path, name))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _values(item, both, (*path, i))
    else:
        number = value["tune"] if isinstance(value, Mapping) else value
        numeric = isinstance(number, (int, float)) and not isinstance(number, bool)
        yield key_text(path), f"{number:g}" if numeric else str(number)


def _rows(card: Scorecard) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The conditions that are compared, with the cells of `titles`."""
    for name in ("natural", "ablated.zero", "spliced", *(f"compared.{key}" for key in card.others)):
        yield name, cells(card, card.conditions[name], shown_quantities(card))


def _differences(card: Scorecard) -> Iterator[tuple[str, ...]]:
    """For each other theory what the theory recovers more, and how much higher Pearson is."""
    for name, comparison in card.others.items():
        figures = (comparison.recovered, comparison.pearson)
        yield (
            name,
            *(
                text
                for figure in figures
                for text in (number(figure.value, 3), interval(figure.ci95, 3))
            ),
        )


def _kernels(
    theories: Sequence[tuple[Spec, HandwrittenCircuit]],
) -> Iterator[tuple[str, list[Shown]]]:
    """For each family the kernels of every theory that has it, side by side."""
    panels = [(spec.theory.theory, panels_of(circuit)) for spec, circuit in theories]
    for family in dict.fromkeys(name for _, of in panels for name in of):
        shown = [
            embedded(
                f"kernels-{i}-{family}",
                png(draw(of[family])),
                f"Kernels of {family} in {theory}.",
                f"{theory}. Red excites, blue inhibits, white is zero.",
            )
            for i, (theory, of) in enumerate(panels)
            if family in of
        ]
        yield family, shown
