"""Unexplained -> the table that a terminal shows."""

import numpy as np
from rich.console import Group
from rich.text import Text

from workbench.analyses.unexplained.candidates import Candidate
from workbench.analyses.unexplained.figures import Unexplained
from workbench.report.conditions import number
from workbench.report.plain import plain_table
from workbench.score.facts import header_facts

KINDS = 4  # of drawn stimuli that are listed
NO_SUGGESTION = "no suggestion: nothing that the theory does not read explains more than chance"


def unexplained_table(result: Unexplained) -> Group:
    """The residual error, the candidates, and the suggestion."""
    facts = header_facts(result.header)
    where = f"{facts['spec']['theory']} on {facts['host']['name']}:{facts['circuit']['site']}"
    shown = plain_table()
    shown.add_column(f"reading more of {result.before}", overflow="fold", min_width=26)
    for heading in ("explains", "by chance", "needed", "p", "read?"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("channels", overflow="fold")
    for candidate in result.candidates:
        values = candidate.explained, candidate.random, candidate.needed, candidate.p
        figures = (number(value, 3) for value in values)
        read = "yes" if candidate.read else "no"
        shown.add_row(title(candidate), *figures, read, _channels(candidate))
    kinds = "; ".join(
        f"{kind.stimuli} {number(kind.size, 2)} (mean {number(kind.mean, 2)})"
        for kind in result.kinds[:KINDS]
    )
    together = ", ".join(f"{name} {number(value, 2)}" for name, value in result.together.items())
    return Group(
        Text(f"{where}, {facts['calibration']['n']} images: {left(result)}"),
        shown,
        Text(
            "drawn stimuli that differ most, trained less handwritten response over the trained "
            f"peak: {kinds}"
        ),
        Text(
            "channels of the same site that vary with what is left (mean squared correlation): "
            f"{together}"
        ),
        Text(suggestion(result), style="bold"),
    )


def left(result: Unexplained) -> str:
    """The residual error, and that of shuffled units, as means over units.

    A difference that is larger than the units' variance is not a part of it.
    """
    right, wrong = (
        float(np.mean(list(shares.values()))) for shares in (result.left, result.left_wrong)
    )
    count, size = len(result.left), number(right, 2)
    lead = (
        f"the {count} units differ by {size} times their variance"
        if right > 1
        else f"of the {count} units' variance {size} is left"
    )
    return f"{lead}; with the handwritten units shuffled among each other, {number(wrong, 2)}"


def title(candidate: Candidate) -> str:
    """`line at mixed3a` or `direction 2, missing excitation: line 0.81`."""
    if candidate.missing is None:
        return candidate.name
    shares = sorted(
        ((share, family) for family, share in candidate.families.items() if share >= 0.1),
        reverse=True,
    )
    families = ", ".join(f"{family} {number(share, 2)}" for share, family in shares) or "no family"
    return f"{candidate.name}, missing {candidate.missing}: {families}"


def suggestion(result: Unexplained) -> str:
    """A sentence on the units to read next."""
    best = result.suggestion
    if best is None:
        return NO_SUGGESTION
    figures = (
        f"{number(best.explained, 3)} of what is left, by chance {number(best.random, 3)}, "
        f"p {number(best.p, 3)}"
    )
    return f"suggestion: read {title(best)}, {len(best.channels)} channels: {figures}"


def _channels(candidate: Candidate) -> str:
    numbers = [name.partition(":")[2] for name in candidate.channels]
    return ", ".join(numbers[:6]) + (", …" if len(numbers) > 6 else "")
