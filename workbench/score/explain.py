"""Every parameter: how much of the trained weights between two families a theory explains, and how much those of half of the units foretell
of the other half's: by the theory, its constants fitted to them, and by turning alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass

import numpy as np
from jaxtyping import Float, Int

import workbench
from workbench.cache import Cache, Kept, content_of, known_by
from workbench.code import computed_by
from workbench.compiler.bind import Bound
from workbench.evaluate.foretold import BY_TURNS, fitted, splits, turned
from workbench.evaluate.run import Progress
from workbench.evaluate.weights import Between
from workbench.hosts.host import Host
from workbench.score.facts import as_json, circuit_facts, host_facts, spec_facts
from workbench.score.ranks import ranks
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
PERMUTATIONS = 200  # of the downstream units' poses, after each of which all is fitted anew: the least p is 1 in 201
PERMUTED = "permuted"  # the kind of cache entry
WORST = 20  # weights listed of each pair

Weights = Float[np.ndarray, "down up kh kw"]
Agreements = Mapping[str, Mapping[str, "Agreement"]]
Way = Callable[[Between, Int[np.ndarray, "order down"]], Mapping[str, Float[np.ndarray, "order down up kh kw"]]]


@dataclass(frozen=True)
class Agreement:
    """A figure, the mean of the same with the downstream units' poses permuted and all fitted anew, and p: the share of permutations that reach
    it."""

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
    theory    `agreements` of the theory's weights with the trained; `other_half`: the scale of each half of the units is fitted on the other
              half. Neither foretells anything: the theory's constants are fitted to what all these units say
    constants how many of the theory's constants these weights are linear in
    fitted    of each of `evaluate.foretold.splits`, the same for the theory with these constants fitted to the other half's trained weights
    foretold  and for the other half's trained weights turned: no constant of the theory is in these
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
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Explained:
    """The figures of every pair; `progress` is told of pairs. With a cache, what was fitted to permuted poses is kept."""
    files = [spec.sha256, trained.sha256, *(f"{family} {units.sha256}" for family, units in bound.items())]
    pairs = []
    for pair in found:
        weights = content_of(pair.trained, pair.theory, *(part.weights for part in pair.parts))
        key = known_by(computed_by(), host.facts, *files, pair.families, pair.sites, weights, seed)
        pairs.append(_pair(pair, seed, Kept(cache, PERMUTED, key)))
        if progress:
            progress(1)
    return Explained(
        workbench=workbench.__version__,
        host=host_facts(host),
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        bound={family: units.sha256 for family, units in bound.items()},
        seed=seed,
        pairs=tuple(pairs),
        left_out=left_out,
    )


def _pair(pair: Between, seed: int, kept: Kept) -> PairExplained:
    orders = permutations(len(pair.downstream), seed)
    scaled = scale(pair.trained, pair.theory) * pair.theory
    by_turns = splits(pair.downstream)[BY_TURNS]

    def theory() -> Agreements:
        by_half = [other_half(pair.trained, pair.theory[order], by_turns) for order in orders]
        return {
            "theory": agreements((pair.trained, scale(pair.trained, pair.theory[order]) * pair.theory[order]) for order in orders),
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
        fitted=_once(kept, "fitted", lambda: foretold(pair, orders, fitted)),
        foretold=_once(kept, "foretold", lambda: foretold(pair, orders, turned)),
        worst=_worst(pair, scaled),
    )


def _once(kept: Kept, name: str, found: Callable[[], Agreements]) -> Agreements:
    """Agreements, in their order."""

    def figures() -> dict[str, dict[str, tuple]]:
        return {each: {figure: astuple(agreement) for figure, agreement in row.items()} for each, row in found().items()}

    rows = kept.figures(name, figures)
    return {each: {figure: Agreement(*values) for figure, values in row.items()} for each, row in rows.items()}


def foretold(pair: Between, orders: Int[np.ndarray, "order down"], way: Way = turned) -> dict[str, dict[str, Agreement]]:
    """For each of `splits`, how the weights of each half agree with what is foretold of them from the other's: `turned`, with no theory said of
    them, or `fitted`."""
    return {
        name: agreements((pair.trained[order], weights) for order, weights in zip(orders, found, strict=True))
        for name, found in way(pair, orders).items()
    }


def permutations(count: int, seed: int) -> Int[np.ndarray, "order down"]:
    """The order of the units as they are, and PERMUTATIONS others."""
    generator = np.random.default_rng(seed)
    return np.stack([np.arange(count), *(generator.permutation(count) for _ in range(PERMUTATIONS))])


def other_half(trained: Weights, theory: Weights, halves: tuple[list[int], list[int]]) -> Weights:
    """The theory's weights, those of each half times the scale that fits the other."""
    found = np.zeros_like(trained)
    for seen, unseen in (halves, halves[::-1]):
        found[unseen] = scale(trained[seen], theory[seen]) * theory[unseen]
    return found


def scale(trained: Weights, theory: Weights) -> float:
    """The factor of least squares, not below 0: a theory of the opposite sign explains nothing."""
    size = float((theory**2).sum())
    return max(0.0, float((trained * theory).sum()) / size) if size > 0 else 0.0


def agreements(both: Iterable[tuple[Weights, Weights]]) -> dict[str, Agreement]:
    """`figures` of trained weights and those that are to be them: the first pair as they are, all others with permuted poses, fitted anew."""
    own, *others = [figures(*each) for each in both]
    found = {}
    for name, value in own.items():
        permuted = np.array([other[name] for other in others])
        found[name] = Agreement(value, float(permuted.mean()), float((1 + (permuted >= value).sum()) / (1 + len(permuted))))
    return found


def figures(trained: Weights, theory: Weights) -> dict[str, float]:
    """How weights agree with the trained ones.

    explained  1 - squared differences over those of the trained weights from their mean; below 0 is worse than one number
    cosine     of the two as vectors; 0 where one is 0 throughout
    sign       the share of the sum of the trained weights' sizes that has the theory's sign; where the theory says 0 it has none
    rank       Spearman's correlation; 0 where one is the same throughout
    """
    sizes = np.sqrt(float((trained**2).sum()) * float((theory**2).sum()))
    return {
        "explained": 1 - float(((trained - theory) ** 2).sum() / ((trained - trained.mean()) ** 2).sum()),
        "cosine": float((trained * theory).sum() / sizes) if sizes > 0 else 0.0,
        "sign": float(np.abs(trained)[np.sign(trained) * np.sign(theory) > 0].sum() / np.abs(trained).sum()),
        "rank": float((_ranks(trained) * _ranks(theory)).sum()),
    }


def _ranks(weights: Weights) -> Float[np.ndarray, " m"]:
    """Ranks among all, of mean 0 and length 1."""
    found = ranks(weights.ravel()) - (weights.size + 1) / 2
    return found / max(np.sqrt((found**2).sum()), 1e-300)


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
    return as_json({"format": FORMAT, **asdict(explained)})
