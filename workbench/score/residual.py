"""What a theory does not know: which units of the layer before would explain what remains of the trained units, ranked as suggestions."""

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.decomposition import NMF

import workbench
from workbench.compiler.bind import Bound
from workbench.evaluate.layers import Matched
from workbench.evaluate.matching import Group
from workbench.evaluate.residual import Remains
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.document import finite
from workbench.score.score import set_sha256
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
DIRECTIONS = 6  # components of the factorisation: two for each of missing excitation, missing inhibition and what else there is
OF_HIGHEST = 0.25  # of a direction's largest weight: channels with less are not named
MOST_CHANNELS = 12  # of a direction
DRAWS = 10  # groups of random channels beside each candidate
RIDGE = 1.0  # of the mean variance: hundreds of correlated columns, and residuals that are mostly 0
TOGETHER = 8  # channels of the units' own site that are listed
LEAST_LEFT = 0.01  # of the variance, mean over units: of less, rounding and chance are a part
TINY = 1e-6


@dataclass(frozen=True)
class Candidate:
    """A group of channels of the site before, a family's or a direction's, as something that the theory might read.

    read       whether the theory's last family reads it already; of a direction, whether half of it is of families that it reads
    explained  of what remains, the share on unseen pictures that least squares on these channels explains, mean over units
    random     the mean of the same for as many random other channels, and `highest` the highest
    families   the share of a direction's weight that each claimed family has
    missing    of a direction: "excitation" or "inhibition"; `units`: those whose residual it is of, the most so first
    """

    name: str
    channels: tuple[str, ...]
    read: bool
    explained: float
    random: float
    highest: float
    families: Mapping[str, float]
    missing: str | None = None
    units: tuple[str, ...] = ()

    @property
    def above_random(self) -> float:
        """What the group explains more than random channels do."""
        return self.explained - self.random

    @property
    def named(self) -> bool:
        """Whether it is a suggestion: better than every random group, and not read yet."""
        return not self.read and self.explained > max(self.highest, 0.0)


@dataclass(frozen=True)
class Kind:
    """Drawn stimuli of a kind: mean over units and directions of trained less handwritten response, over the trained unit's peak, and the root
    of the mean square."""

    stimuli: str
    mean: float
    size: float


@dataclass(frozen=True)
class Residual:
    """What remains. `left`: of each unit's variance on pictures. `candidates` by what they explain more than random channels, `together` the
    channels of the same site that go with the residual (mean squared correlation over units), `kinds` the drawn stimuli, largest first."""

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    bound: Mapping[str, str]
    images: Mapping[str, object]
    calibration: Mapping[str, object]
    seed: int
    before: str
    left: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    together: Mapping[str, float]
    kinds: tuple[Kind, ...]

    @property
    def suggestion(self) -> Candidate | None:
        """The first candidate that is one; None where hardly anything is left."""
        if np.mean(list(self.left.values())) < LEAST_LEFT:
            return None
        return next((each for each in self.candidates if each.named), None)


@dataclass(frozen=True)
class Directions:
    """Non-negative factors of what the residual has in common with the layer before.

    signs     1 where the trained unit says more (excitation is missing), -1 where it says less
    units     how much each direction is of each unit's residual; channels: of each channel
    """

    signs: Int[np.ndarray, " k"]
    units: Float[np.ndarray, "k unit"]
    channels: Float[np.ndarray, "k c"]


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
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    seed: int = 0,
) -> Residual:
    """Rank families and directions; `tuned` holds the answers "trained" and "by hand" to drawn stimuli."""
    names = [f"{trained.site}:{unit.unit}" for unit in trained.units]
    families = {pair.family: pair.units for pair in pairs if pair.site == before}
    reads = spec.theory.families[list(spec.theory.families)[-1]].reads
    regression = Regression.of(found, seed)
    candidates = [
        _candidate(f"{family} at {before}", before, units, regression, {family: 1.0}, read=family in reads)
        for family, units in families.items()
    ]
    candidates += [_direction(directions, k, before, regression, families, reads, names) for k in range(len(directions.signs))]
    return Residual(
        workbench=workbench.__version__,
        host={"name": host.name, "fingerprint": host.fingerprint},
        spec={"theory": spec.theory.theory, "file": spec.path.name, "sha256": spec.sha256},
        circuit={"name": trained.circuit, "site": trained.site, "sha256": trained.sha256},
        bound={family: units.sha256 for family, units in bound.items()},
        images={"n": len(pictures), "sha256": set_sha256([picture.sha256 for picture in pictures])},
        calibration={"n": len(calibration), "sha256": set_sha256([picture.sha256 for picture in calibration])},
        seed=seed,
        before=before,
        left=dict(zip(names, left(found).tolist(), strict=True)),
        candidates=tuple(sorted(candidates, key=lambda each: -each.above_random)),
        together=_together(found, trained),
        kinds=_kinds(*tuned),
    )


def left(found: Remains) -> Float[np.ndarray, " unit"]:
    """The mean square of the residual over the trained unit's variance: 1 minus its explained variance."""
    return (found.residual**2).mean(0) / np.maximum(found.trained.var(0), TINY)


@dataclass(frozen=True)
class Regression:
    """Least squares from channels, in their surroundings, to the residual: fitted on every second picture, judged on the others."""

    columns: Float[np.ndarray, "row c near"]
    residual: Float[np.ndarray, "row unit"]
    seen: Bool[np.ndarray, " row"]
    generator: np.random.Generator

    @classmethod
    def of(cls, found: Remains, seed: int) -> "Regression":
        return cls(_scaled(found.before), _scaled(found.residual[:, :, None])[:, :, 0], fitted_on(found), np.random.default_rng(seed))

    def explained(self, channels: Sequence[int] | Int[np.ndarray, " n"]) -> float:
        """The share of the residual's variance on unseen pictures, mean over units; below 0 where it was fitted to accidents."""
        columns = self.columns[:, list(channels)].reshape(len(self.columns), -1).astype(np.float64)
        columns = columns - columns[self.seen].mean(0)
        wanted = self.residual - self.residual[self.seen].mean(0)
        gram = columns[self.seen].T @ columns[self.seen]
        gram += RIDGE * max(float(gram.diagonal().mean()), TINY) * np.eye(len(gram))
        weight = np.linalg.solve(gram, columns[self.seen].T @ wanted[self.seen])
        remaining = wanted[~self.seen] - columns[~self.seen] @ weight
        return float((1 - (remaining**2).sum(0) / np.maximum((wanted[~self.seen] ** 2).sum(0), TINY)).mean())

    def random(self, channels: Sequence[int] | Int[np.ndarray, " n"]) -> list[float]:
        """The same for DRAWS groups of as many random channels, none of these; of all others where they are too few."""
        others = np.setdiff1d(np.arange(self.columns.shape[1]), channels)
        count = min(len(channels), len(others))
        return [self.explained(self.generator.choice(others, count, replace=False)) for _ in range(DRAWS)]


def fitted_on(found: Remains) -> Bool[np.ndarray, " row"]:
    """Rows of every second picture."""
    return found.picture % 2 == 0


def factorised(found: Remains, seed: int = 0) -> Directions:
    """DIRECTIONS non-negative factors (Lee & Seung 1999, doi 10.1038/44565) of the squared correlations of each unit's residual with each channel,
    summed over the surroundings, those above and below 0 apart: on the pictures that are fitted on."""
    rows = fitted_on(found)
    columns, residual = _scaled(found.before[rows], each=True), _scaled(found.residual[rows][:, :, None])[:, :, 0]
    common = np.einsum("ru,rcn->ucn", residual, columns, optimize=True) / len(residual)
    energy = np.concatenate([(np.maximum(sign * common, 0) ** 2).sum(2) for sign in (1, -1)])
    count = min(DIRECTIONS, *energy.shape)
    model = NMF(count, init="nndsvda", random_state=seed, max_iter=1000, tol=1e-5)
    weights = model.fit_transform(energy / max(float(energy.max()), 1e-300))
    more, less = weights.T[:, : common.shape[0]], weights.T[:, common.shape[0] :]
    signs = np.where(more.sum(1) >= less.sum(1), 1, -1)
    return Directions(signs, np.where(signs[:, None] > 0, more, less), model.components_)


def clustered(directions: Directions, loud: Remains) -> Float[np.ndarray, "row k"]:
    """How much each direction is what differs at each loud cell: the residual of its units, of its sign, times what its channels say there."""
    residual, said = loud.residual / np.maximum(np.abs(loud.residual).max(0), TINY), loud.before.mean(2)
    said = said / np.maximum(said.max(0), TINY)
    wanted = np.stack([np.maximum(sign * residual, 0) @ units for sign, units in zip(directions.signs, directions.units, strict=True)], 1)
    return wanted * (said @ directions.channels.T)


def _scaled(values: Float[np.ndarray, "row c near"], each: bool = False) -> Float[np.ndarray, "row c near"]:
    """Of mean 0, and of variance 1 in each channel, or in each place of each."""
    centred = values - values.mean(0)
    return centred / np.maximum(np.sqrt((centred**2).mean(0 if each else (0, 2), keepdims=True)), TINY)


def _candidate(
    name: str,
    site: str,
    units: Int[np.ndarray, " n"],
    regression: Regression,
    families: Mapping[str, float],
    read: bool,
    missing: str | None = None,
    of_units: tuple[str, ...] = (),
) -> Candidate:
    random = regression.random(units)
    channels = tuple(f"{site}:{unit}" for unit in units)
    return Candidate(name, channels, read, regression.explained(units), float(np.mean(random)), max(random), families, missing, of_units)


def _direction(
    directions: Directions,
    k: int,
    site: str,
    regression: Regression,
    families: Mapping[str, np.ndarray],
    reads: Container[str],
    names: Sequence[str],
) -> Candidate:
    weight, units = directions.channels[k], directions.units[k]
    order = np.argsort(-weight, kind="stable")[:MOST_CHANNELS]
    chosen = order[weight[order] >= OF_HIGHEST * weight.max()]
    total = max(float(weight[chosen].sum()), TINY)
    shares = {family: float(weight[np.intersect1d(chosen, own)].sum()) / total for family, own in families.items()}
    known = sum(share for family, share in shares.items() if family in reads)
    missing = "excitation" if directions.signs[k] > 0 else "inhibition"
    most = tuple(names[i] for i in np.argsort(-units, kind="stable") if units[i] >= 0.5 * units.max())
    return _candidate(f"direction {k + 1}", site, chosen, regression, shares, known >= 0.5, missing, most)


def _together(found: Remains, trained: TrainedCircuit) -> dict[str, float]:
    """Mean over units of the squared correlation of the residual with channels of the units' own site, the highest ones; not the units' own."""
    beside, residual = (_scaled(values[:, :, None])[:, :, 0] for values in (found.beside, found.residual))
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
    return json.dumps(finite({"format": FORMAT, **asdict(residual)}), indent=1, allow_nan=False) + "\n"
