"""The score of one part: its rows, the cheapest ablation, the nearest rival, and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np

from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host
from workbench.hosts.output import Quantity
from workbench.score.bits import CALIBRATED_BITS, PRECISION
from workbench.score.recovery import distance, gains, loses, mean_over, recovered
from workbench.score.uncertainty import Figure
from workbench.sequences.evaluate import OVERLAP
from workbench.sequences.part import PartNumbers, TokenPart
from workbench.sequences.temperatures import TEMPERATURE
from workbench.splice.conditions import RIVALS, ConditionFacts, ConditionKind

JUDGE = "logit_r2"


@dataclass(frozen=True)
class TokenRow:
    """The scores of one condition: means over prompts, by the quantity's key.

    recovered  1 - headline / that of the part's cheapest ablation
    overlap    of attention patterns with the trained ones; None where none are written
    temperature  that of `fitted_soft_kl`; None where it is not known
    numbers    of a baseline: how many numbers are fitted
    """

    facts: ConditionFacts
    quantities: Mapping[str, float]
    recovered: Figure
    overlap: float | None
    temperature: float | None = None
    numbers: int | None = None


@dataclass(frozen=True)
class PartScore:
    """A part's rows, the natural one first.

    cheapest  the ablation that loses least: `recovered` is a share of what it loses
    rival     the control or baseline that is nearest to the network, by `judged_by`
    ahead     how much farther from the network than the handwritten part the rival is: above 0,
              the theory does better
    floor     the same of the cheapest ablation
    by_ablation  what the handwritten part recovers of each ablation
    variants  for each variant, by its condition, how much less of the cheapest ablation it recovers
    kept      of weights that fit a rule for scores: the share of it that they keep
    """

    name: str
    words: str
    level: str
    numbers: PartNumbers
    cheapest: str
    rival: str | None
    ahead: Figure
    floor: Figure
    by_ablation: Mapping[str, Figure]
    rows: Sequence[TokenRow]
    kept: float | None = None
    variants: Mapping[str, Figure] = field(default_factory=dict)

    def row(self, name: str) -> TokenRow:
        """The row of a condition; raises KeyError without one."""
        for row in self.rows:
            if row.facts.name == name:
                return row
        raise KeyError(name)

    @property
    def works(self) -> bool:
        """Whether the handwritten part is better than the cheapest ablation."""
        return _low(self.row("spliced").recovered) > 0 and _low(self.floor) > 0

    @property
    def supported(self) -> bool:
        """Whether it also is better than every control and baseline."""
        return self.works and self.rival is not None and _low(self.ahead) > 0

    @property
    def verdict(self) -> str:
        """A sentence that says whether the part is the network's mechanism."""
        return verdict(self)


def part_score(part: TokenPart, rows: Statistics, host: Host, seed: int) -> PartScore:
    """The scores of a part from its rows."""
    headline, judge = host.output.headline.name, judged_by(host).name
    counts = {spliced.facts.name: spliced.numbers for spliced in part.conditions}
    ablations, rivals = names_of(part, ConditionKind.ABLATION), names_of(part, *RIVALS)
    cheapest = nearest_to_network(rows, ablations, headline)
    rival = nearest_to_network(rows, rivals, judge) if rivals else None
    return PartScore(
        part.name,
        part.words,
        part.level,
        part.numbers,
        cheapest,
        rival,
        gains(rows, "spliced", rival, judge, seed) if rival else Figure(None),
        gains(rows, "spliced", cheapest, judge, seed),
        {name: recovered(rows, "spliced", name, headline, seed=seed) for name in ablations},
        [
            replace(_row(rows, name, cheapest, host, seed), numbers=counts.get(name))
            for name in rows.rows
        ],
        part.kept,
        {
            name: loses(rows, name, headline, seed, worse=cheapest)
            for name in names_of(part, ConditionKind.VARIANT)
        },
    )


def names_of(part: TokenPart, *kinds: ConditionKind) -> list[str]:
    """The names of a part's conditions of these kinds."""
    return [spliced.facts.name for spliced in part.conditions if spliced.facts.kind in kinds]


def nearest_to_network(rows: Statistics, names: Sequence[str], quantity: str) -> str:
    """The condition that is nearest to the network by a quantity, the mean over prompts."""
    return min(names, key=lambda name: float(np.nanmean(distance(rows, name, quantity))))


def _row(rows: Statistics, name: str, cheapest: str, host: Host, seed: int) -> TokenRow:
    of_condition = rows.rows[name]
    means = {quantity.key: mean_of(rows, name, quantity) for quantity in host.output.quantities}
    share = recovered(rows, name, cheapest, host.output.headline.name, seed=seed)
    shared, temperature = (
        float(of_condition[key].mean()) if key in of_condition else None
        for key in (OVERLAP, TEMPERATURE)
    )
    return TokenRow(rows.conditions[name], means, share, shared, temperature)


def mean_of(rows: Statistics, name: str, quantity: Quantity) -> float:
    """The mean of a quantity over the prompts that have it; nan where none has."""
    values = rows.rows[name][quantity.name]
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def mean_figure(rows: Statistics, name: str, quantity: Quantity, seed: int) -> Figure:
    """The same with its interval; a figure without a value where no prompt has the quantity."""
    values = rows.rows[name][quantity.name]
    known = np.isfinite(values)
    if not known.any():
        return Figure(None)
    return mean_over(rows, {"mean": values}, known, itemgetter("mean"), seed)


def bits(numbers: PartNumbers) -> int:
    """The bits of a part's numbers, as `workbench.score.bits` counts them."""
    fitted = numbers.calibrated + numbers.bound
    return PRECISION * (numbers.rule + numbers.exceptions) + CALIBRATED_BITS * fitted


def judged_by(host: Host) -> Quantity:
    """The quantity that a verdict rests on: the R2 of logits, where there are logits.

    A network that has solved its task answers with certainty. KL and accuracy are then blind to how
    an answer is computed; the logits of all other tokens are not.
    """
    by_name = {quantity.name: quantity for quantity in host.output.quantities}
    return by_name.get(JUDGE, host.output.headline)


def verdict(part: PartScore) -> str:
    """A sentence that says whether the part's figures support the theory."""
    if part.row("spliced").recovered.value is None:
        return "nothing is lost when the part is ablated, so no theory of it can be tested"
    if not part.works:
        return f"not this mechanism: no better than {part.cheapest}"
    if part.rival is None or part.ahead.value is None:
        return "there is no control or baseline to compare with"
    count = part.row(part.rival).numbers
    rival = part.rival if count is None else f"{part.rival}, with {count:,} fitted numbers"
    if part.supported:
        return f"better than every control and baseline; the nearest is {rival}"
    high = part.ahead.ci95[1] if part.ahead.ci95 else part.ahead.value
    comma = "" if count is None else ","
    return f"{rival}{comma} does {'better than' if high < 0 else 'as well as'} the theory"


def _low(figure: Figure) -> float:
    """The lower end of a figure's interval; the figure where it has none."""
    if figure.ci95:
        return figure.ci95[0]
    return float("nan") if figure.value is None else figure.value
