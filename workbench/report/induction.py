"""Induction -> the tree that a terminal shows."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.text import Text
from rich.tree import Tree

from workbench.report.conditions import known, number
from workbench.score.induction import FAILS, HOLDS, PIXELS, UNKNOWN, ClaimInduction, Induction, Step, UnitInduction
from workbench.score.uncertainty import Figure

MARKS = {HOLDS: ("✓", "green"), FAILS: ("✗", "red"), UNKNOWN: ("?", "yellow")}


def induction_tree(induction: Induction) -> Tree:
    """Sites from the picture on, their families, and each family's steps; of the last family every unit."""
    least = induction.tolerances
    where = f"{induction.spec['theory']} on {induction.host['name']}:{induction.circuit['site']}, {induction.images['n']} images"
    rule = (
        f"a step holds at {least['pictures']:g} on pictures (95 % interval) and {least['drawn']:g} on drawn stimuli, "
        "above wrong poses and above without"
    )
    tree = Tree(Text(f"{where}: correlations; {rule}"))
    for site, (count, of) in induction.inputs.items():
        branch = tree.add(Text(f"{site}: the theory speaks of {count} of {of} units"))
        for claim in (claim for claim in induction.claims if claim.site == site):
            _family(branch.add(Text(f"{claim.family}, {_units(len(claim.units))}", style="bold")), claim, claim is induction.claims[-1])
    return tree


def _family(node: Tree, claim: ClaimInduction, every: bool) -> None:
    for steps in zip(*(unit.steps for unit in claim.units), strict=True):
        node.add(_line(assumption(steps[0]), steps))
    by_hand = [unit.by_hand for unit in claim.units if unit.by_hand]
    node.add(
        _line(f"by hand on trained {by_hand[0].assumes}", by_hand) if by_hand else Text(f"by hand: unknown, {claim.unread}", style="dim")
    )
    wrong = Counter(unit.goes_wrong_at for unit in claim.units if unit.goes_wrong_at)
    if wrong:
        node.add(Text("goes wrong at " + ", ".join(f"{site} ({count})" for site, count in wrong.items())))
    for site, count in Counter(unit.not_enough for unit in claim.units if unit.not_enough).items():
        node.add(Text(f"what is claimed of {site} does not suffice ({count}): the units hold with nothing assumed"))
    if every:
        for unit in claim.units:
            node.add(_unit(unit))


def assumption(step: Step) -> str:
    """What a step of the trained weights assumes, in words."""
    return "nothing assumed, the trained units" if step.assumes == PIXELS else f"if {step.assumes} is as claimed"


def counts(steps: Sequence[Step]) -> dict[str, int]:
    """How many hold, fail and are unknown."""
    return {verdict: sum(step.verdict == verdict for step in steps) for verdict in MARKS}


def _line(said: str, steps: Sequence[Step]) -> Text:
    """`if conv2d1 is as claimed: ✓3 ✗20 ?5, 0.48, wrong poses 0.04`."""
    text = Text(f"{said}: ")
    for verdict, count in counts(steps).items():
        mark, style = MARKS[verdict]
        text.append(f"{mark}{count} ", style=style if count else "dim")
    text.append(
        f" {number(mean([step.pearson.value for step in steps]), 2)}, wrong poses {number(mean([step.wrong for step in steps]), 2)}"
    )
    if (natural := mean([step.natural for step in steps])) is not None:
        text.append(f"; others natural {number(natural, 2)}, without the claimed {number(mean([step.without for step in steps]), 2)}")
        above = [step.above_without for step in steps], [step.natural_above_without for step in steps]
        text.append("; above without " + ", natural ".join(_above(figures) for figures in above))
    return text


def _above(figures: Sequence[Figure | None]) -> str:
    """`0.18 (16 of 18 clearly)`: the mean, and of how many units the interval is above 0."""
    there = [each for each in figures if each is not None and each.ci95 is not None]
    clearly = sum(each.ci95 is not None and each.ci95[0] > 0 for each in there)
    return f"{number(mean([each.value for each in there]), 2)} ({clearly} of {len(figures)} clearly)"


def _unit(unit: UnitInduction) -> Text:
    text = Text(f"{unit.unit.partition(':')[2]}: ")
    for step in [*unit.steps, *([unit.by_hand] if unit.by_hand else [])]:
        mark, style = MARKS[step.verdict]
        text.append(f"{mark}{number(step.pearson.value, 2)} ", style=style)
        if step.above_without is not None and step.above_without.ci95 is not None:
            text.append(f"(above without {' to '.join(number(end, 2) for end in step.above_without.ci95)}) ", style="dim")
    if unit.not_enough:
        text.append(f" what is claimed of {unit.not_enough} does not suffice")
    return text.append(f" goes wrong at {unit.goes_wrong_at}") if unit.goes_wrong_at else text


def mean(values: Sequence[float | None]) -> float | None:
    """Over those that are known; None where none is."""
    there = [value for value in values if value is not None and known(value)]
    return float(np.mean(there)) if there else None


def _units(count: int) -> str:
    return f"{count} unit{'' if count == 1 else 's'}"
