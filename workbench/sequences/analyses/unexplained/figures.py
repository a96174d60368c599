"""The rest that a theory of tokens leaves unexplained, by head and outside it, and its document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.evaluate.statistics import Statistics
from workbench.score.recovery import distance, gains, recovered
from workbench.score.score import mean_figure
from workbench.score.uncertainty import Figure
from workbench.sequences.analyses.opened import Opened
from workbench.sequences.analyses.unexplained.heads import Residual
from workbench.sequences.analyses.unexplained.neurons import FrequencyPart
from workbench.sequences.analyses.unexplained.outside import ALONE, WITH, WITHOUT, Outside
from workbench.sequences.analyses.unexplained.terms import TermCandidate
from workbench.sequences.document import figure_facts
from workbench.sequences.evaluate import NATURAL, OVERLAP
from workbench.sequences.part_score import judged_by

FORMAT = 1
SHORT = 400  # cells of a table that the document has in full
LEAST = 0.01  # of the headline quantity lost outside the theory: below it nothing is suggested


@dataclass(frozen=True)
class HeadLeft:
    """A head that is handwritten alone in the trained network.

    lost     the headline quantity that is lost with the rule's pattern
    uniform  the same with uniform attention
    left     the share of the second that the first is; None where nothing is lost
    overlap  attention shared with the trained pattern
    """

    family: str
    head: str
    lost: Figure
    uniform: Figure
    left: Figure
    overlap: float
    residual: Residual


@dataclass(frozen=True)
class NeuronsLeft:
    """The neurons of a frequency, handwritten alone in the trained network.

    neurons  how many trained neurons follow the frequency
    lost     the headline quantity that is lost with the rule in their place
    ablated  the same with them at the ablation that loses least
    left     the share of the second that the first is; None where nothing is lost
    """

    family: str
    frequency: int
    neurons: int
    lost: Figure
    ablated: Figure
    left: Figure


@dataclass(frozen=True)
class UnitOutside:
    """A unit that the theory does not speak of.

    without   the headline quantity that is lost with it alone at its mean
    restores  how much less is lost with everything outside the theory at its mean but it
    """

    name: str
    units: int
    without: Figure
    restores: Figure


@dataclass(frozen=True)
class TokenUnexplained:
    """The rest that a theory leaves.

    heads    the head that loses most first
    neurons  the frequency that loses most first; none without neurons
    terms    the best first
    outside  the unit that restores most first
    alone    the headline quantity that is lost with everything outside the theory at its mean, and
             the judged quantity then
    """

    opened: Opened
    heads: Sequence[HeadLeft]
    neurons: Sequence[NeuronsLeft]
    terms: Sequence[TermCandidate]
    outside: Sequence[UnitOutside]
    alone: Mapping[str, Figure]

    @property
    def suggested_term(self) -> TermCandidate | None:
        """The term that adds most to the overlap of patterns; None if none clearly does."""
        return next((term for term in self.terms if term.clear), None)

    @property
    def suggested_unit(self) -> UnitOutside | None:
        """The unit that restores most; None if none clearly does, or almost nothing is lost."""
        lost = self.alone.get(self.opened.host.output.headline.key, Figure(None)).value
        best = self.outside[0].restores if self.outside else Figure(None)
        clear = best.ci95 is not None and best.ci95[0] > 0
        return self.outside[0] if clear and lost is not None and lost >= LEAST else None


def head_left(
    family: str, name: str, rows: Statistics, opened: Opened, residual: Residual
) -> HeadLeft:
    """The figures of a head from the rows of its two conditions."""
    headline, seed = opened.host.output.headline.name, opened.seed
    lost, uniform = (
        mean_figure(rows, distance(rows, condition, headline), seed)
        for condition in ("spliced", "ablated.uniform")
    )
    left = share_left(rows, "ablated.uniform", opened)
    overlap = float(np.mean(rows.rows["spliced"][OVERLAP]))
    return HeadLeft(family, name, lost, uniform, left, overlap, residual)


def share_left(rows: Statistics, ablation: str, opened: Opened) -> Figure:
    """The share of what an ablation loses that is lost with the handwritten units."""
    headline, seed = opened.host.output.headline.name, opened.seed
    share = recovered(rows, "spliced", ablation, headline, seed=seed)
    if share.value is None:
        return Figure(None)
    return Figure(1 - share.value, (1 - share.ci95[1], 1 - share.ci95[0]) if share.ci95 else None)


def neurons_left(alone: FrequencyPart, rows: Statistics, opened: Opened) -> NeuronsLeft:
    """The figures of a frequency from the rows of its conditions."""
    headline, seed = opened.host.output.headline.name, opened.seed
    figures = {
        spliced.facts.name: mean_figure(rows, distance(rows, spliced.facts.name, headline), seed)
        for spliced in alone.part.conditions
    }
    lost = figures.pop("spliced")
    cheapest = min(figures, key=lambda name: figures[name].value or 0.0)
    left = share_left(rows, cheapest, opened)
    return NeuronsLeft(alone.family, alone.frequency, alone.neurons, lost, figures[cheapest], left)


def units_outside(
    units: Sequence[Outside], rows: Statistics, opened: Opened
) -> tuple[list[UnitOutside], dict[str, Figure]]:
    """Every unit outside the theory, and what is lost without all of them."""
    host, seed = opened.host, opened.seed
    headline, judge = host.output.headline.name, judged_by(host)
    made = [
        UnitOutside(
            unit.name,
            len(unit.units),
            gains(rows, NATURAL.name, WITHOUT + unit.name, headline, seed),
            gains(rows, WITH + unit.name, ALONE, headline, seed),
        )
        for unit in units
    ]
    alone = {
        host.output.headline.key: gains(rows, NATURAL.name, ALONE, headline, seed),
        judge.key: mean_figure(rows, rows.rows[ALONE][judge.name], seed),
    }
    return sorted(made, key=lambda unit: -(unit.restores.value or 0.0)), alone


def to_json(result: TokenUnexplained) -> str:
    """The text of unexplained.json (docs/sequences.md)."""
    term, unit = result.suggested_term, result.suggested_unit
    return result.opened.document(
        FORMAT,
        headline=result.opened.host.output.headline.key,
        heads=[_head(head) for head in result.heads],
        neurons=[_neurons(of_frequency) for of_frequency in result.neurons],
        terms=[_term(candidate) for candidate in result.terms],
        outside=[_outside(left_out) for left_out in result.outside],
        theory_alone={key: figure_facts(figure) for key, figure in result.alone.items()},
        suggested={
            "term": f"{term.family}: {term.words}" if term else None,
            "unit": unit.name if unit else None,
        },
    )


def _neurons(neurons: NeuronsLeft) -> dict[str, Any]:
    figures = {name: figure_facts(getattr(neurons, name)) for name in ("lost", "ablated", "left")}
    names = {name: getattr(neurons, name) for name in ("family", "frequency", "neurons")}
    return {**names, **figures}


def _term(term: TermCandidate) -> dict[str, Any]:
    return {
        "family": term.family,
        "term": term.words,
        "gain_in_overlap": figure_facts(term.gain_in_overlap),
        "head": term.head,
        "of_head": term.of_head,
    }


def _outside(unit: UnitOutside) -> dict[str, Any]:
    figures = {name: figure_facts(getattr(unit, name)) for name in ("without", "restores")}
    return {"unit": unit.name, "units": unit.units, **figures}


def _head(head: HeadLeft) -> dict[str, Any]:
    residual, (offset, difference) = head.residual, head.residual.worst_offset
    table = residual.by_token
    return {
        "family": head.family,
        "head": head.head,
        **{name: figure_facts(getattr(head, name)) for name in ("lost", "uniform", "left")},
        "overlap": head.overlap,
        "worst_offset": offset,
        "attention_beyond_the_rule": difference,
        "offsets": list(residual.by_offset.offsets),
        "trained_by_offset": residual.by_offset.trained.tolist(),
        "handwritten_by_offset": residual.by_offset.handwritten.tolist(),
        "by_token": table.tolist() if table is not None and table.size <= SHORT else None,
    }
