"""Stepwise -> the tree that a terminal shows."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.text import Text
from rich.tree import Tree

from workbench.analyses.stepwise.figures import ClaimSteps, Stepwise, UnitSteps
from workbench.analyses.stepwise.steps import FAILS, HOLDS, PIXELS, UNKNOWN, Step
from workbench.report.conditions import known, number
from workbench.score.facts import header_facts
from workbench.score.uncertainty import Figure

MARKS = {HOLDS: ("✓", "green"), FAILS: ("✗", "red"), UNKNOWN: ("?", "yellow")}


def stepwise_table(result: Stepwise) -> Tree:
    """Sites from the picture on, their families, and each family's steps.

    The last family is shown unit by unit.
    """
    facts, least = header_facts(result.header), result.tolerances
    where = f"{facts['spec']['theory']} on {facts['host']['name']}:{facts['circuit']['site']}"
    rule = (
        f"a step holds at {least['pictures']:g} on pictures (95 % interval) and "
        f"{least['drawn']:g} on drawn stimuli, above wrong poses and above without"
    )
    tree = Tree(Text(f"{where}, {facts['images']['n']} images: correlations; {rule}"))
    for site, (count, channels) in result.inputs.items():
        branch = tree.add(
            Text(f"{site}: the theory makes claims about {count} of {channels} units")
        )
        for claim in (claim for claim in result.claims if claim.site == site):
            title = Text(f"{claim.family}, {_units(len(claim.units))}", style="bold")
            _family(branch.add(title), claim, claim is result.claims[-1])
    return tree


def _family(node: Tree, claim: ClaimSteps, every: bool) -> None:
    for steps in zip(*(unit.steps for unit in claim.units), strict=True):
        node.add(_line(assumption(steps[0]), steps))
    handwritten = [unit.handwritten for unit in claim.units if unit.handwritten]
    node.add(
        _line(f"handwritten, on trained {handwritten[0].assumes}", handwritten)
        if handwritten
        else Text(f"handwritten, on trained inputs: unknown, {claim.unread}", style="dim")
    )
    wrong = Counter(unit.goes_wrong_at for unit in claim.units if unit.goes_wrong_at)
    if wrong:
        counts = ", ".join(f"{site} ({count})" for site, count in wrong.items())
        node.add(Text(f"goes wrong at {counts}"))
    for site, count in Counter(unit.not_enough for unit in claim.units if unit.not_enough).items():
        node.add(
            Text(
                f"what is claimed of {site} does not suffice ({count}): the units hold with "
                "nothing assumed"
            )
        )
    if every:
        for unit in claim.units:
            node.add(_unit(unit))


def assumption(step: Step) -> str:
    """The assumption of a step of the trained weights, in words."""
    return (
        "nothing assumed, the trained units"
        if step.assumes == PIXELS
        else f"if {step.assumes} is as claimed"
    )


def counts(steps: Sequence[Step]) -> dict[str, int]:
    """How many steps hold, fail and are unknown."""
    return {verdict: sum(step.verdict == verdict for step in steps) for verdict in MARKS}


def _line(label: str, steps: Sequence[Step]) -> Text:
    """`if conv2d1 is as claimed: ✓3 ✗20 ?5, 0.48, wrong poses 0.04`."""
    text = Text(f"{label}: ")
    for verdict, count in counts(steps).items():
        mark, style = MARKS[verdict]
        text.append(f"{mark}{count} ", style=style if count else "dim")
    right, wrong = (
        number(mean(values), 2)
        for values in ([step.pearson.value for step in steps], [step.wrong for step in steps])
    )
    text.append(f" {right}, wrong poses {wrong}")
    if (natural := mean([step.natural for step in steps])) is not None:
        without = number(mean([step.without for step in steps]), 2)
        text.append(f"; others natural {number(natural, 2)}, without the claimed {without}")
        above = (
            [step.above_without for step in steps],
            [step.natural_above_without for step in steps],
        )
        text.append("; above without " + ", natural ".join(_above(figures) for figures in above))
    return text


def _above(figures: Sequence[Figure | None]) -> str:
    """`0.18 (16 of 18 clearly)`: the mean, and for how many units the interval is above 0."""
    measured = [figure for figure in figures if figure is not None]
    clearly = sum(figure.ci95 is not None and figure.ci95[0] > 0 for figure in measured)
    above = number(mean([figure.value for figure in measured]), 2)
    return f"{above} ({clearly} of {len(figures)} clearly)"


def _unit(unit: UnitSteps) -> Text:
    text = Text(f"{unit.unit.partition(':')[2]}: ")
    for step in [*unit.steps, *([unit.handwritten] if unit.handwritten else [])]:
        mark, style = MARKS[step.verdict]
        text.append(f"{mark}{number(step.pearson.value, 2)} ", style=style)
        if step.above_without is not None and step.above_without.ci95 is not None:
            ends = " to ".join(number(end, 2) for end in step.above_without.ci95)
            text.append(f"(above without {ends}) ", style="dim")
    if unit.not_enough:
        text.append(f" what is claimed of {unit.not_enough} does not suffice")
    return text.append(f" goes wrong at {unit.goes_wrong_at}") if unit.goes_wrong_at else text


def mean(values: Sequence[float | None]) -> float | None:
    """The mean over the values that are known; None where none is."""
    kept = [value for value in values if value is not None and known(value)]
    return float(np.mean(kept)) if kept else None


def _units(count: int) -> str:
    return f"{count} unit{'' if count == 1 else 's'}"
