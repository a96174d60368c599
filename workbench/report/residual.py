"""What remains -> the table that a terminal shows."""

import numpy as np
from rich.console import Group
from rich.text import Text

from workbench.report.conditions import number
from workbench.report.plain import plain_table
from workbench.score.residual import Candidate, Residual

KINDS = 4  # of drawn stimuli that are listed


def residual_table(residual: Residual) -> Group:
    """What is left, the candidates, and the suggestion."""
    where = f"{residual.spec['theory']} on {residual.host['name']}:{residual.circuit['site']}, {residual.calibration['n']} images"
    shown = plain_table()
    shown.add_column(f"reading more of {residual.before}", overflow="fold", min_width=26)
    for heading in ("explains", "by chance", "needed", "p", "read?"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("channels", overflow="fold")
    for each in residual.candidates:
        figures = (number(value, 3) for value in (each.explained, each.random, each.needed, each.p))
        shown.add_row(title(each), *figures, "yes" if each.read else "no", _channels(each))
    kinds = "; ".join(f"{kind.stimuli} {number(kind.size, 2)} (mean {number(kind.mean, 2)})" for kind in residual.kinds[:KINDS])
    together = ", ".join(f"{name} {number(value, 2)}" for name, value in residual.together.items())
    return Group(
        Text(f"{where}: {left(residual)}"),
        shown,
        Text(f"drawn stimuli that differ most, trained less by hand over the peak: {kinds}"),
        Text(f"fire together with what is left (mean squared correlation): {together}"),
        Text(suggestion(residual), style="bold"),
    )


def left(residual: Residual) -> str:
    """What is left, and what wrong poses leave, means over units; of a difference that is larger than the units' variance there is no part."""
    own, wrong = (float(np.mean(list(each.values()))) for each in (residual.left, residual.left_wrong))
    count = len(residual.left)
    part, more = (
        f"of the {count} units' variance {number(own, 2)} is left",
        f"the {count} units differ by {number(own, 2)} times their variance",
    )
    return f"{more if own > 1 else part}; in each other's places, {number(wrong, 2)}"


def title(candidate: Candidate) -> str:
    """`line at mixed3a` or `direction 2, missing excitation: line 0.81`."""
    if candidate.missing is None:
        return candidate.name
    shares = sorted(((share, family) for family, share in candidate.families.items() if share >= 0.1), reverse=True)
    families = ", ".join(f"{family} {number(share, 2)}" for share, family in shares) or "no family"
    return f"{candidate.name}, missing {candidate.missing}: {families}"


def suggestion(residual: Residual) -> str:
    """What to read next, in a sentence."""
    best = residual.suggestion
    if best is None:
        return "no suggestion: nothing that the theory does not read explains more than chance"
    figures = f"{number(best.explained, 3)} of what is left, by chance {number(best.random, 3)}, p {number(best.p, 3)}"
    return f"suggestion: read {title(best)}, {len(best.channels)} channels: {figures}"


def _channels(candidate: Candidate) -> str:
    numbers = [name.partition(":")[2] for name in candidate.channels]
    return ", ".join(numbers[:6]) + (", …" if len(numbers) > 6 else "")
