"""What a theory does not know: which units of the layer before would explain what remains of the trained units, ranked as suggestions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

import workbench
from workbench.cache import Cache, Kept, content_of, known_by
from workbench.code import computed_by
from workbench.compiler.bind import Bound
from workbench.evaluate.layers import Matched
from workbench.evaluate.matching import Group
from workbench.evaluate.residual import Remains
from workbench.evaluate.run import Progress
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.directions import Common, Directions, factorised
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, spec_facts
from workbench.score.regression import TINY, Regression, scaled
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
DRAWS = 200  # of chance groups for all candidates at once: the least p is 1 in 201
CHANCE = "chance"  # the kind of cache entry, and its array
P = 0.05  # of a suggestion, over all candidates together
TOGETHER = 8  # channels of the units' own site that are listed
LEAST_LEFT = 0.01  # of the variance, mean over units: of less, rounding and chance are a part


@dataclass(frozen=True)
class Candidate:
    """A group of channels of the site before, a family's or a direction's, as something that the theory might read.

    read       whether the theory's last family reads it already; of a direction, whether half of it is of families that it reads
    explained  of what remains, the share on unseen pictures that least squares on these channels explains, mean over units
    random     the mean of the same for as many channels by chance (`chances`)
    needed     what `explained` must be above for p < P
    p          the share of draws in which any candidate's chance group stands out as far from its mean
    families   the share of a direction's weight that each claimed family has
    missing    of a direction: "excitation" or "inhibition"; `units`: those whose residual it is of, the most so first
    """

    name: str
    channels: tuple[str, ...]
    read: bool
    explained: float
    random: float
    needed: float
    p: float
    families: Mapping[str, float]
    missing: str | None = None
    units: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether it is a suggestion: beyond chance, and not read yet."""
        return not self.read and self.p < P and self.explained > 0


@dataclass(frozen=True)
class Kind:
    """Drawn stimuli of a kind: mean over units and directions of trained less handwritten response, over the trained unit's peak, and the root
    of the mean square."""

    stimuli: str
    mean: float
    size: float


@dataclass(frozen=True)
class Residual:
    """What remains. `left`: of each unit's variance on pictures; `left_wrong`: the same of the units in each other's places. `candidates` by what
    they explain more than chance, `together` the channels of the same site that go with the residual (mean squared correlation over units), `kinds`
    the drawn stimuli, largest first."""

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    bound: Mapping[str, str]
    calibration: Mapping[str, object]
    seed: int
    before: str
    left: Mapping[str, float]
    left_wrong: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    together: Mapping[str, float]
    kinds: tuple[Kind, ...]

    @property
    def suggestion(self) -> Candidate | None:
        """The first candidate that is one; None where hardly anything is left."""
        if np.mean(list(self.left.values())) < LEAST_LEFT:
            return None
        return next((each for each in self.candidates if each.named), None)


def residual_score(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    bound: Bound,
    pairs: Sequence[Matched],
    before: str,
    found: Remains,
    directions: Directions,
    tuned: tuple[Sequence[Group], Mapping[str, Float[np.ndarray, "stimulus unit"]]],
    calibration: Sequence[Picture],
    seed: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Residual:
    """Rank families and directions; `tuned` holds the answers "trained" and "by hand" to drawn stimuli. `progress` counts DRAWS; with a cache,
    one that was made before is read back."""
    names = [f"{trained.site}:{unit.unit}" for unit in trained.units]
    families = {pair.family: pair.units for pair in pairs if pair.site == before}
    reads = spec.theory.families[list(spec.theory.families)[-1]].reads
    groups = [_Group(f"{family} at {before}", units, family in reads, {family: 1.0}) for family, units in families.items()]
    groups += [_direction(directions, k, families, list(reads), names) for k in range(len(directions.signs))]
    return Residual(
        workbench=workbench.__version__,
        host=host_facts(host),
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        bound={family: units.sha256 for family, units in bound.items()},
        calibration=picture_facts(calibration),
        seed=seed,
        before=before,
        left=dict(zip(names, left(found.residual, found.trained).tolist(), strict=True)),
        left_wrong=dict(zip(names, left(found.wrong, found.trained).tolist(), strict=True)),
        candidates=_ranked(groups, before, found, seed, progress, cache),
        together=_together(found, trained),
        kinds=_kinds(*tuned),
    )


def left(residual: Float[np.ndarray, "row unit"], trained: Float[np.ndarray, "row unit"]) -> Float[np.ndarray, " unit"]:
    """The mean square of a residual over the trained unit's variance: 1 minus its explained variance."""
    return (residual**2).mean(0) / np.maximum(trained.var(0), TINY)


@dataclass(frozen=True)
class _Group:
    """A candidate before it is tried; `direction` is its number, None for a family."""

    name: str
    channels: Int[np.ndarray, " n"]
    read: bool
    families: Mapping[str, float]
    direction: int | None = None
    missing: str | None = None
    units: tuple[str, ...] = ()


def _direction(directions: Directions, k: int, families: Mapping[str, np.ndarray], reads: Sequence[str], names: Sequence[str]) -> _Group:
    chosen, weight, units = directions.named(k), directions.channels[k], directions.units[k]
    total = max(float(weight[chosen].sum()), TINY)
    shares = {family: float(weight[np.intersect1d(chosen, own)].sum()) / total for family, own in families.items()}
    known = sum(share for family, share in shares.items() if family in reads)
    missing = "excitation" if directions.signs[k] > 0 else "inhibition"
    most = tuple(names[i] for i in np.argsort(-units, kind="stable") if units[i] >= 0.5 * units.max())
    return _Group(f"direction {k + 1}", chosen, known >= 0.5, shares, k, missing, most)


def _ranked(
    groups: Sequence[_Group], site: str, found: Remains, seed: int, progress: Progress | None, cache: Cache | None
) -> tuple[Candidate, ...]:
    own = [(group.channels, group.direction) for group in groups]
    seen, asked = [getattr(found, name) for name in Remains.__dataclass_fields__], [(each.tolist(), k) for each, k in own]
    key = known_by(computed_by(), content_of(*seen), asked, seed) if cache else ""
    regression = Regression.of(found)
    explained = np.array([regression.explained(group.channels) for group in groups])
    by_chance = chances(own, regression, Common.of(found), seed, progress, Kept(cache, CHANCE, key))
    needed, p = beyond_chance(explained, by_chance)
    made = [
        Candidate(
            name=group.name,
            channels=tuple(f"{site}:{channel}" for channel in group.channels),
            read=group.read,
            explained=float(explained[i]),
            random=float(by_chance[:, i].mean()),
            needed=float(needed[i]),
            p=float(p[i]),
            families=group.families,
            missing=group.missing,
            units=group.units,
        )
        for i, group in enumerate(groups)
    ]
    return tuple(sorted(made, key=lambda each: each.random - each.explained))


def chances(
    groups: Sequence[tuple[Int[np.ndarray, " n"], int | None]],
    regression: Regression,
    common: Common,
    seed: int = 0,
    progress: Progress | None = None,
    kept: Kept | None = None,
) -> Float[np.ndarray, "draw group"]:
    """What groups by chance explain, each as large as a candidate, of its channels and the number of its direction or None for a family.

    In a draw the channels change places, which gives every family others; and the residuals change pictures, which gives every direction
    what the same factorisation finds where there is nothing: for both, the residual that they are to explain is the true one.
    What a draw gives that is `kept` is read back.
    """
    generator, found, kept = np.random.default_rng(seed), [], kept or Kept(None, CHANCE, "")

    def drawn(moved: Int[np.ndarray, " c"], shuffled: Common) -> dict[str, np.ndarray]:
        by_chance = factorised(shuffled, seed)
        own = [moved[own] if k is None else by_chance.strongest(k, len(own)) for own, k in groups]
        return {CHANCE: np.array([regression.explained(each) for each in own])}

    for draw in range(DRAWS):
        moved, shuffled = generator.permutation(regression.channels), common.shuffled(generator)
        found.append(kept.once(str(draw), partial(drawn, moved, shuffled))[CHANCE])
        if progress:
            progress(1)
    return np.array(found)


def beyond_chance(
    explained: Float[np.ndarray, " group"], by_chance: Float[np.ndarray, "draw group"]
) -> tuple[Float[np.ndarray, " group"], Float[np.ndarray, " group"]]:
    """What each candidate must explain for p < P, and its p: by the highest, over candidates, of the distance from the mean of chance in standard
    deviations (the max-statistic of Westfall & Young 1993), so that many candidates have no more chances than one."""
    mean, spread = by_chance.mean(0), np.maximum(by_chance.std(0), TINY)
    highest = ((by_chance - mean) / spread).max(1)
    p = (1 + (highest[:, None] >= (explained - mean) / spread).sum(0)) / (1 + len(highest))
    return mean + spread * np.sort(highest)[-int(P * (1 + len(highest)))], p


def _together(found: Remains, trained: TrainedCircuit) -> dict[str, float]:
    """Mean over units of the squared correlation of the residual with channels of the units' own site, the highest ones; not the units' own."""
    beside, residual = (scaled(values[:, :, None])[:, :, 0] for values in (found.beside, found.residual))
    common = ((residual.T @ beside / len(residual)) ** 2).mean(0)
    own = {unit.unit for unit in trained.units}
    order = [int(i) for i in np.argsort(-common, kind="stable") if int(i) not in own][:TOGETHER]
    return {f"{trained.site}:{i}": float(common[i]) for i in order}


def _kinds(groups: Sequence[Group], answers: Mapping[str, Float[np.ndarray, "stimulus unit"]]) -> tuple[Kind, ...]:
    peak = np.maximum(answers["trained"].max(0), TINY)
    difference = (answers["trained"] - answers["by hand"]) / peak
    ends = np.cumsum([0, *(len(group.normals_deg) for group in groups)])
    found = [
        Kind(group.name, float(own.mean()), float(np.sqrt((own**2).mean())))
        for group, own in ((group, difference[a:b]) for group, a, b in zip(groups, ends, ends[1:], strict=False))
    ]
    return tuple(sorted(found, key=lambda kind: -kind.size))


def residual_json(residual: Residual) -> str:
    """residual.json (docs/residual.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(residual)})
