"""Every parameter: how much of the trained weights between two families a theory explains, and how much it foretells of weights not seen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

import workbench
from workbench.compiler.bind import Bound
from workbench.evaluate.weights import Between, halves, turned_mean
from workbench.hosts.host import Host
from workbench.score.document import finite
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
PERMUTATIONS = 1_000  # of the downstream units' poses: the least p is 1 in 1,001
WORST = 20  # weights listed of each pair

Weights = Float[np.ndarray, "down up kh kw"]


@dataclass(frozen=True)
class Agreement:
    """A figure, the mean of the same with the downstream units' poses permuted, and the share of permutations that reach it (p)."""

    value: float
    permuted: float
    p: float


@dataclass(frozen=True)
class Wrong:
    """A trained weight that the theory gets wrong, of the upstream unit that lies `at_px` from the downstream one. `theory` is after the scale."""

    downstream: str
    upstream: str
    at_px: tuple[float, float]
    trained: float
    theory: float


@dataclass(frozen=True)
class PairExplained:
    """The weights from one family to another.

    scale     the one number, not below 0, that the theory's weights are multiplied by
    share     of the sum of squares of all weights to these downstream units, the part that these weights are
    theory    AGREEMENTS of the theory's weights with the trained
    each      the same with a scale for each downstream unit, as calibration gives each handwritten unit a gain of its own; fitted again for
              every permutation. Signs are those of `theory`
    foretold  the same for weights of units not seen: "theory", its scale fitted on the other half of the downstream units, and "turned", the
              other half's trained weights turned; no constant of the theory is in these
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
    each: Mapping[str, Agreement]
    foretold: Mapping[str, Mapping[str, Agreement]]
    worst: tuple[Wrong, ...]


@dataclass(frozen=True)
class Explained:
    """Every pair of families that has weights; `left_out`: those that have none, and why."""

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    bound: Mapping[str, str]
    seed: int
    pairs: tuple[PairExplained, ...]
    left_out: Mapping[str, str]


def explained_score(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    bound: Bound,
    found: Sequence[Between],
    left_out: Mapping[str, str],
    seed: int = 0,
) -> Explained:
    """The figures of every pair."""
    return Explained(
        workbench=workbench.__version__,
        host={"name": host.name, "fingerprint": host.fingerprint},
        spec={"theory": spec.theory.theory, "file": spec.path.name, "sha256": spec.sha256},
        circuit={"name": trained.circuit, "site": trained.site, "sha256": trained.sha256},
        bound={family: units.sha256 for family, units in bound.items()},
        seed=seed,
        pairs=tuple(_pair(pair, seed) for pair in found),
        left_out=left_out,
    )


def _pair(pair: Between, seed: int) -> PairExplained:
    scaled = scale(pair.trained, pair.theory) * pair.theory
    return PairExplained(
        families=pair.families,
        sites=pair.sites,
        pooled=pair.pooled,
        downstream=pair.downstream.names,
        upstream=pair.upstream.names,
        weights=pair.trained.size,
        share=pair.share,
        scale=scale(pair.trained, pair.theory),
        theory=agreements(pair.trained, scaled, seed),
        each=scaled_each(pair.trained, pair.theory, seed),
        foretold={name: agreements(pair.trained, weights, seed) for name, weights in foretold(pair).items()},
        worst=_worst(pair, scaled),
    )


def foretold(pair: Between) -> dict[str, Weights]:
    """Each half of the downstream units' weights, foretold from the other half's."""
    theory, turned = np.zeros_like(pair.trained), np.zeros_like(pair.trained)
    first, second = halves(pair.downstream)
    for seen, unseen in ((first, second), (second, first)):
        theory[unseen] = scale(pair.trained[seen], pair.theory[seen]) * pair.theory[unseen]
        turned[unseen] = turned_mean(pair, seen, unseen)
    return {"theory": theory, "turned": turned}


def scale(trained: Weights, theory: Weights) -> float:
    """The factor of least squares, not below 0: a theory of the opposite sign explains nothing."""
    size = float((theory**2).sum())
    return max(0.0, float((trained * theory).sum()) / size) if size > 0 else 0.0


def agreements(trained: Weights, theory: Weights, seed: int = 0) -> dict[str, Agreement]:
    """Four figures of weights against the trained ones, each beside what permuted poses give.

    explained  1 - squared differences over those of the trained weights from their mean; below 0 is worse than one number
    cosine     of the two as vectors
    sign       the share of the sum of the trained weights' sizes that has the theory's sign; where the theory says 0 it has none
    rank       Spearman's correlation
    """
    count = len(trained)
    ours, theirs = theory.reshape(count, -1), trained.reshape(count, -1)
    product, signs, ranks = ours @ theirs.T, np.sign(ours) @ (np.abs(theirs) * np.sign(theirs)).T, _ranks(ours) @ _ranks(theirs).T
    known = (ours != 0).astype(float) @ np.abs(theirs).T
    sizes = float((ours**2).sum()), float((theirs**2).sum())
    about_mean = float(((theirs - theirs.mean()) ** 2).sum())
    figures = {
        "explained": lambda order: 1 - (sizes[0] + sizes[1] - 2 * _along(product, order)) / about_mean,
        "cosine": lambda order: _along(product, order) / max(np.sqrt(sizes[0] * sizes[1]), 1e-300),
        "sign": lambda order: (_along(known, order) + _along(signs, order)) / 2 / np.abs(theirs).sum(),
        "rank": lambda order: _along(ranks, order),
    }
    return {name: _beside(figure, count, seed) for name, figure in figures.items()}


def scaled_each(trained: Weights, theory: Weights, seed: int = 0) -> dict[str, Agreement]:
    """`explained` and `cosine` of the theory's weights with the trained ones, each downstream unit's after a scale of its own, not below 0."""
    ours, theirs = theory.reshape(len(theory), -1), trained.reshape(len(trained), -1)
    size, about_mean = float((theirs**2).sum()), float(((theirs - theirs.mean()) ** 2).sum())
    # what least squares takes away of unit i's squares, unit j's theory being read in its place
    taken = np.maximum(ours @ theirs.T, 0) ** 2 / np.maximum((ours**2).sum(1), 1e-300)[:, None]
    figures = {
        "explained": lambda order: 1 - (size - _along(taken, order)) / about_mean,
        "cosine": lambda order: np.sqrt(_along(taken, order) / max(size, 1e-300)),
    }
    return {name: _beside(figure, len(ours), seed) for name, figure in figures.items()}


def _beside(figure, count: int, seed: int) -> Agreement:
    generator, own = np.random.default_rng(seed), np.arange(count)
    orders = [generator.permutation(count) for _ in range(PERMUTATIONS)]
    value, permuted = float(figure(own)), np.array([figure(order) for order in orders])
    return Agreement(value, float(permuted.mean()), float((1 + (permuted >= value).sum()) / (1 + len(permuted))))


def _along(table: Float[np.ndarray, "down down"], order: Int[np.ndarray, " down"]) -> float:
    """The sum over units of the table's entries, unit i's theory being that of order[i]."""
    return float(table[order, np.arange(len(order))].sum())


def _ranks(weights: Float[np.ndarray, "down m"]) -> Float[np.ndarray, "down m"]:
    """Ranks among all, of mean 0 and length 1."""
    ranks = rankdata(weights).reshape(weights.shape)
    ranks = ranks - ranks.mean()
    return ranks / max(np.sqrt((ranks**2).sum()), 1e-300)


def _worst(pair: Between, theory: Weights) -> tuple[Wrong, ...]:
    """The WORST weights by the size of their difference."""
    order = np.argsort(-np.abs(pair.trained - theory), axis=None, kind="stable")[:WORST]
    reach = pair.trained.shape[-1] // 2
    found = []
    for at in order:
        down, up, row, column = (int(i) for i in np.unravel_index(at, pair.trained.shape))
        at_px = float(pair.step_px * (column - reach)), float(pair.step_px * (row - reach))
        names = pair.downstream.names[down], pair.upstream.names[up]
        found.append(Wrong(*names, at_px, float(pair.trained[down, up, row, column]), float(theory[down, up, row, column])))
    return tuple(found)


def explained_json(explained: Explained) -> str:
    """explain.json (docs/explain.md): keys in a fixed order, numbers that are not finite become null."""
    return json.dumps(finite({"format": FORMAT, **asdict(explained)}), indent=1, allow_nan=False) + "\n"
