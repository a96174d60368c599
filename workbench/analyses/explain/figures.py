"""How much of the trained weights between two families a theory explains.

And how well the weights of half of the units predict those of the other half: by the theory with
its constants fitted to them, and by turning alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from workbench.cache import Kept, cache_key, content_of
from workbench.code import code_version
from workbench.matching.agreement import (
    Agreement,
    Agreements,
    Weights,
    agreements,
    permutations,
    predicted,
)
from workbench.matching.prediction import BY_TURNS, fitted, splits, turned
from workbench.matching.subject import Subject, subject_header
from workbench.matching.weights import FamilyWeights
from workbench.score.facts import Header, document_json
from workbench.work import Work

FORMAT = 1
PERMUTED = "permuted"  # the kind of cache entry
WORST = 20  # weights listed of each two families


@dataclass(frozen=True)
class Wrong:
    """A trained weight that the theory gets wrong.

    at_px   place of the upstream unit from the downstream one
    theory  the theory's weight, after the scale
    """

    downstream: str
    upstream: str
    at_px: tuple[float, float]
    trained: float
    theory: float


@dataclass(frozen=True)
class PairExplained:
    """The weights from one family to another.

    scale     the one number, not below 0, that the theory's weights are multiplied by
    share     of the sum of squares of all weights to these downstream units, the part that these
              weights are
    theory    `agreements` of the theory's weights with the trained; in `other_half` the scale of
              each half of the units is fitted on the other half. Neither is a prediction: the
              theory's constants are fitted to the responses of all these units
    constants how many of the theory's constants these weights are linear in
    fitted    for each of `matching.prediction.splits`, the same for the theory with these constants
              fitted to the other half's trained weights
    predicted the same for the other half's trained weights, turned: they use no constant of the
              theory; None where the upstream units differ in more than place and direction
    worst     the weights that the theory gets most wrong
    """

    families: tuple[str, str]
    sites: tuple[str, str]
    pooled: bool
    downstream: Sequence[str]
    upstream: Sequence[str]
    weights: int
    share: float
    scale: float
    theory: Mapping[str, Agreement]
    other_half: Mapping[str, Agreement]
    constants: int
    fitted: Mapping[str, Mapping[str, Agreement]]
    predicted: Mapping[str, Mapping[str, Agreement]] | None
    worst: tuple[Wrong, ...]


@dataclass(frozen=True)
class Explained:
    """Every two families that have weights; `left_out`: those that have none, and why."""

    header: Header
    pairs: tuple[PairExplained, ...]
    left_out: Mapping[str, str]


def explained_score(
    subject: Subject,
    weights: Sequence[FamilyWeights],
    left_out: Mapping[str, str],
    work: Work,
) -> Explained:
    """The figures of every two families.

    With a cache, what was fitted to permuted poses is kept.
    """
    progress = work.stage("permutations", len(weights))
    files = [
        subject.spec.sha256,
        subject.trained.sha256,
        *(f"{family} {units.sha256}" for family, units in subject.bound.items()),
    ]
    pairs = []
    for pair in weights:
        content = content_of(pair.trained, pair.theory, *(part.weights for part in pair.parts))
        key = cache_key(
            code_version(),
            subject.host.facts,
            *files,
            pair.families,
            pair.sites,
            content,
            work.seed,
        )
        pairs.append(_pair(pair, work.seed, Kept(work.cache, PERMUTED, key)))
        progress(1)
    return Explained(
        header=subject_header(subject, seed=work.seed), pairs=tuple(pairs), left_out=left_out
    )


def _pair(pair: FamilyWeights, seed: int, kept: Kept) -> PairExplained:
    orders = permutations(len(pair.downstream), seed)
    scaled = scale(pair.trained, pair.theory) * pair.theory
    by_turns = splits(pair.downstream)[BY_TURNS]

    def theory() -> Agreements:
        by_half = [other_half(pair.trained, pair.theory[order], by_turns) for order in orders]
        return {
            "theory": agreements(
                (pair.trained, scale(pair.trained, pair.theory[order]) * pair.theory[order])
                for order in orders
            ),
            "other_half": agreements((pair.trained, weights) for weights in by_half),
        }

    return PairExplained(
        families=pair.families,
        sites=pair.sites,
        pooled=pair.pooled,
        downstream=pair.downstream.names,
        upstream=pair.upstream.names,
        weights=pair.trained.size,
        share=pair.share,
        scale=scale(pair.trained, pair.theory),
        **_once(kept, "theory", theory),
        constants=len(pair.parts),
        fitted=_once(kept, "fitted", lambda: predicted(pair, orders, fitted)),
        predicted=_once(kept, "predicted", lambda: predicted(pair, orders, turned))
        if pair.turns
        else None,
        worst=_worst(pair, scaled),
    )


def _once(kept: Kept, name: str, compute: Callable[[], Agreements]) -> Agreements:
    """Agreements, in their order: read back where they are kept, else computed and kept."""

    def figures() -> dict[str, dict[str, tuple[float, ...]]]:
        return {
            kind: {figure: astuple(agreement) for figure, agreement in row.items()}
            for kind, row in compute().items()
        }

    rows = kept.figures(name, figures)
    return {
        kind: {figure: Agreement(*values) for figure, values in row.items()}
        for kind, row in rows.items()
    }


def other_half(trained: Weights, theory: Weights, halves: tuple[list[int], list[int]]) -> Weights:
    """The theory's weights, those of each half times the scale that fits the other."""
    scaled = np.zeros_like(trained)
    for seen, unseen in (halves, halves[::-1]):
        scaled[unseen] = scale(trained[seen], theory[seen]) * theory[unseen]
    return scaled


def scale(trained: Weights, theory: Weights) -> float:
    """The factor of least squares, not below 0: a theory of the opposite sign explains nothing."""
    size = float((theory**2).sum())
    return max(0.0, float((trained * theory).sum()) / size) if size > 0 else 0.0


def _worst(pair: FamilyWeights, theory: Weights) -> tuple[Wrong, ...]:
    """The WORST weights by the size of their difference."""
    order = np.argsort(-np.abs(pair.trained - theory), axis=None, kind="stable")[:WORST]
    reach = pair.trained.shape[-1] // 2
    worst = []
    for at in order:
        down, up, row, column = (int(i) for i in np.unravel_index(at, pair.trained.shape))
        at_px = float(pair.step_px * (column - reach)), float(pair.step_px * (row - reach))
        names = pair.downstream.names[down], pair.upstream.names[up]
        worst.append(
            Wrong(
                *names,
                at_px,
                float(pair.trained[down, up, row, column]),
                float(theory[down, up, row, column]),
            )
        )
    return tuple(worst)


def explained_json(explained: Explained) -> str:
    """The text of explain.json (docs/explain.md)."""
    return document_json(explained, FORMAT)
