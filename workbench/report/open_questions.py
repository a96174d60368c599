"""What each part of a report leaves open, from its own figures: the sentences under "What was not shown"."""

from collections.abc import Iterator

from workbench.report.conditions import number
from workbench.report.induction import assumption
from workbench.score.claims import Claims
from workbench.score.equivariance import Equivariance
from workbench.score.explain import Explained
from workbench.score.induction import FAILS, HOLDS, Induction
from workbench.score.layers import Layers
from workbench.score.polysemanticity import Polysemanticity
from workbench.score.residual import Residual


def of_layers(found: Layers) -> Iterator[str]:
    """Families that no trained unit is like."""
    for family in found.families:
        if not any(row.family == family for row in found.layers):
            yield f"That the network has anything like the theory's family {family}: no trained unit corresponds to one of its units."


def of_claims(found: Claims) -> Iterator[str]:
    """Claims that did not come true, or were not tested."""
    for outcome in found.claims:
        if outcome.trained is None:
            yield f"The claim {outcome.claim} of the trained network: bind {', '.join(outcome.unbound)} to test it."
        for side, measured in (("of the trained network", outcome.trained), ("by hand", outcome.handwritten)):
            if measured is not None and not measured.came_true:
                yield f"The claim {outcome.claim}: it did not come true {side}."


def of_induction(found: Induction) -> Iterator[str]:
    """Steps that do not hold in every unit."""
    for claim in found.claims:
        for k, first in enumerate(claim.units[0].steps):
            verdicts = [unit.steps[k].verdict for unit in claim.units]
            if verdicts.count(HOLDS) < len(verdicts):
                fail, unknown = verdicts.count(FAILS), len(verdicts) - verdicts.count(HOLDS) - verdicts.count(FAILS)
                yield (
                    f"That {claim.family} at {claim.site} follows ({assumption(first)}): of {len(verdicts)} units {fail} fail and "
                    f"{unknown} are unknown."
                )


def of_explained(found: Explained) -> Iterator[str]:
    """How much of the weights the theory does not explain."""
    for pair in found.pairs:
        downstream, upstream = pair.families
        explained = number(pair.theory["explained"].value, 2)
        yield f"Why the weights from {upstream} to {downstream} are as they are: the theory explains {explained} of their variance."
    for name, why in found.left_out.items():
        yield f"Anything of the weights to {name}: {why}"


def of_equivariance(found: Equivariance) -> Iterator[str]:
    """How far the units are from copies of one another."""
    for view in found.views:
        said = f"That the units are copies of one another, in {view.view}: the others, turned, explain {number(view.explained.value, 2)} of each"
        yield said + (", no more than in wrong frames." if not view.turned else ".")


def of_residual(found: Residual) -> Iterator[str]:
    """What is left of the units, and what the theory might read. Of a difference that is larger than the units' variance there is no part."""
    left = sum(found.left.values()) / len(found.left)
    size = number(left, 2)
    suggested = f"the theory might read {found.suggestion.name}" if found.suggestion else "nothing of the layer before is beyond chance"
    if left > 1:
        yield f"Why trained and handwritten units differ on pictures, by {size} times the units' variance: {suggested}."
    else:
        yield f"What makes up the {size} of the units' variance on pictures that is left: {suggested}."


def of_polysemanticity(found: Polysemanticity) -> Iterator[str]:
    """The activation that the theory does not account for."""
    yield (
        f"What the rest of the units' activation is: the theory accounts for {number(found.explained, 2)} of it, and {number(found.other, 2)} is "
        "left in clusters of other stimuli."
    )
