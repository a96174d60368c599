"""Terms that a family's score does not have: which would explain more of the trained patterns.

Each candidate is added to the rule with one gain for each head, fitted on half of the calibration
prompts, and judged on the other half by the attention that it adds to the overlap of patterns.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from workbench.score.uncertainty import Figure, bootstrap
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.fit import FEW as FEW_KEYS
from workbench.sequences.fit import fitted_heads
from workbench.sequences.head_parts import seen_keys, trained_patterns
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.rule import LookTerm, pattern, scores
from workbench.sequences.subject import Subject
from workbench.spec.language import INPUT

FEW = 48  # prompts of each half
LEAST = 0.005  # of a gain in overlap that is suggested: less than this changes no answer
OFFSETS = (0, 1, 2, 3)  # candidates, and their opposites where later places are seen
PLACES = ("distance", "first")  # candidates
LATER = ("after", "last")  # candidates where later places are seen


@dataclass(frozen=True)
class TermCandidate:
    """A term that a family's rule does not have.

    gain_in_overlap  how much more attention is shared with the trained patterns, as a mean over
                     the family's heads and prompts that did not fit the term, out of 1
    head     the head that gains most, and `of_head` its gain
    """

    family: str
    words: str
    gain_in_overlap: Figure
    head: str
    of_head: float

    @property
    def clear(self) -> bool:
        """Whether the whole interval of its gain is above LEAST."""
        return bool(self.gain_in_overlap.ci95 and self.gain_in_overlap.ci95[0] > LEAST)


def candidates(family: WrittenHeads, above: Mapping[str, WrittenHeads], causal: bool) -> Iterator:
    """Terms that a family's rule does not have, with their words."""
    none = torch.zeros(family.count)
    offsets = OFFSETS if causal else (*OFFSETS, *(-at for at in OFFSETS if at))
    made = {f"place: offset, at: {at}": LookTerm("offset", at, None, none) for at in offsets}
    for place in (*PLACES, *(() if causal else LATER)):
        made[f"place: {place}"] = LookTerm(place, 0, None, none)
    for source in (INPUT, *above):
        made[f"match: same, of: {source}"] = LookTerm("any", 0, source, none)
    present = {(term.place, term.at, term.of) for term in family.terms}
    for words, term in made.items():
        if (term.place, term.at, term.of) not in present:
            yield words, term


@torch.no_grad()
def term_candidates(subject: Subject) -> list[TermCandidate]:
    """Every candidate term of every family of heads, the best first.

    There are none where no query sees more than `FEW_KEYS` keys, since gains are not fitted there.
    """
    heads, causal = subject.written.heads, subject.causal
    if int(seen_keys(subject.run, causal).sum(1).max()) <= FEW_KEYS:
        return []
    half = min(FEW, len(subject.run.tokens) // 2)
    fit, judge = (subject.run.of(prompts) for prompts in torch.arange(2 * half).split(half))
    made = []
    above: dict[str, WrittenHeads] = {}
    for name, family in heads.items():
        for words, term in candidates(family, above, causal):
            made.append(_tried(heads, name, words, term, (fit, judge), subject))
        above[name] = family
    return sorted(made, key=lambda tried: -(tried.gain_in_overlap.value or 0.0))


def _tried(
    heads: Mapping[str, WrittenHeads],
    name: str,
    words: str,
    term: LookTerm,
    halves: tuple[NaturalRun, NaturalRun],
    subject: Subject,
) -> TermCandidate:
    family, (fit, judge) = heads[name], halves
    longer = replace(family, terms=(*family.terms, term), calibrated=(len(family.terms),))
    carried = {source: trained_patterns(other, fit).mean(1) for source, other in heads.items()}
    trained = trained_patterns(family, fit)
    fitted = fitted_heads(longer, fit.tokens, trained, carried, seen_keys(fit, subject.causal))
    before, after = (
        _shared(written, heads, name, judge, subject.causal) for written in (family, fitted)
    )
    rise = (after - before).double().numpy()
    best = int(rise.mean(0).argmax())
    layer, head = family.places[best]
    figure = bootstrap({"rise": rise.mean(1)}, lambda means: means["rise"], subject.seed)
    return TermCandidate(name, words, figure, f"{layer}.{head}", float(np.mean(rise[:, best])))


def _shared(
    family: WrittenHeads,
    heads: Mapping[str, WrittenHeads],
    name: str,
    run: NaturalRun,
    causal: bool,
) -> Tensor:
    """The attention that a family's rule shares with its trained patterns, `n head`."""
    carried = {source: trained_patterns(other, run).mean(1) for source, other in heads.items()}
    written = pattern(scores(family.terms, run.tokens, carried), seen_keys(run, causal))
    return torch.minimum(written, trained_patterns(heads[name], run)).sum(-1).mean(-1)
