"""Proof by induction: which steps of a theory hold in the trained weights, and where a unit that fails goes wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

import workbench
from workbench.compiler.bind import Bound
from workbench.evaluate import induction as how
from workbench.evaluate.induction import Claim, Hypothesis
from workbench.evaluate.matching import THRESHOLDS, each_correlation
from workbench.pictures import Picture
from workbench.score.agreement import pearson
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, spec_facts
from workbench.score.uncertainty import Figure, bootstrap
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
HOLDS, FAILS, UNKNOWN = "holds", "fails", "unknown"
PIXELS = "pixels"  # nothing is assumed: the trained network as it is
# Least correlations for a step to hold.
TOLERANCES = {
    "pictures": 0.5,  # over cells and photographs. By convention: a quarter of the variance; no control of this site gives it
    "drawn": THRESHOLDS["tuning"],  # over drawn stimuli. Units that behaviour matched have it by selection, with nothing assumed
}
RESAMPLES = 2_000  # of pictures, for each unit and step: their 95 % interval is known to about 0.01 of itself

Rows = Mapping[str, Float[np.ndarray, "group unit 6"]]
Curves = Mapping[str, Float[np.ndarray, "stimulus unit"]]


@dataclass(frozen=True)
class Step:
    """If `assumes` is as the theory says, does the unit come out as the theory says?

    assumes    a site, or "pixels" where nothing is assumed; for a step by hand the families that are read off trained units, and their sites
    pearson    with what is claimed (by hand: with the trained unit), over cells and pictures, and how far it is above the same with wrong poses
    drawn      the same correlation over drawn stimuli
    trained    with the trained unit's own activation; `natural` and `without`: with what is claimed, when the channels of which the theory
               says nothing are as they are, and those of which it does as it says, or at their mean. None where this has no meaning
    above_without, natural_above_without   how far `pearson` and `natural` are above `without`
    """

    assumes: str
    verdict: str
    pearson: Figure
    above_wrong: Figure
    drawn: float
    trained: float | None = None
    natural: float | None = None
    without: float | None = None
    above_without: Figure | None = None
    natural_above_without: Figure | None = None

    @property
    def wrong(self) -> float | None:
        """The correlation with wrong poses."""
        return None if self.pearson.value is None or self.above_wrong.value is None else self.pearson.value - self.above_wrong.value


@dataclass(frozen=True)
class UnitInduction:
    """A claimed unit. `steps` go from the site just before it back to the pixels; `by_hand`: on trained inputs.

    goes_wrong_at  the first layer, counted from the unit, whose trained weights do not turn the claimed inputs into what the unit needs; None
                   where no step fails, and where the unit holds with nothing assumed: its weights are right
    not_enough     of such a unit the first assumed site under which it fails: what is claimed there does not suffice
    """

    unit: str
    pose: str
    steps: tuple[Step, ...]
    by_hand: Step | None
    goes_wrong_at: str | None
    not_enough: str | None


@dataclass(frozen=True)
class ClaimInduction:
    """The units of one site that the theory says are of one family."""

    family: str
    site: str
    unread: str
    units: tuple[UnitInduction, ...]


@dataclass(frozen=True)
class Induction:
    """The whole tree. `inputs`: for each site with claims, how many channels the theory speaks of, and of how many."""

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    bound: Mapping[str, str]
    images: Mapping[str, object]
    calibration: Mapping[str, object]
    seed: int
    tolerances: Mapping[str, float]
    inputs: Mapping[str, tuple[int, int]]
    claims: tuple[ClaimInduction, ...]


def verdict(figure: Figure, above_wrong: Figure, drawn: float, above_without: Figure | None = None) -> str:
    """holds: the whole interval reaches the tolerance, so do drawn stimuli, and wrong poses do worse, and so does the site without what is claimed
    of it; fails: one of the first three is clearly not so; unknown: all else."""
    if figure.ci95 is None or above_wrong.ci95 is None:
        return UNKNOWN
    least = TOLERANCES["pictures"]
    if drawn < TOLERANCES["drawn"] or figure.ci95[1] < least or above_wrong.ci95[1] <= 0:
        return FAILS
    better = above_without is None or (above_without.ci95 is not None and above_without.ci95[0] > 0)
    return HOLDS if figure.ci95[0] >= least and above_wrong.ci95[0] > 0 and better else UNKNOWN


def induction_score(
    spec: Spec,
    trained: TrainedCircuit,
    theory: Hypothesis,
    bound: Bound,
    rows: Rows,
    curves: Curves,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    seed: int = 0,
) -> Induction:
    """The verdict on every step: `rows` as `evaluate.induction.moments` gives them, `curves` the tuning of the same names."""
    host = theory.host
    spoken_of = {site: sum(len(claim.pair.units) for claim in theory.claims if claim.pair.site == site) for site in theory.sites}
    return Induction(
        workbench=workbench.__version__,
        host=host_facts(host),
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        bound={family: units.sha256 for family, units in bound.items()},
        images=picture_facts(pictures),
        calibration=picture_facts(calibration),
        seed=seed,
        tolerances=TOLERANCES,
        inputs={site: (count, host.site(site).channels) for site, count in spoken_of.items()},
        claims=tuple(_claim(theory, i, rows, curves, seed) for i in range(len(theory.claims))),
    )


def _claim(theory: Hypothesis, i: int, rows: Rows, curves: Curves, seed: int) -> ClaimInduction:
    claim = theory.claims[i]
    names = next(layer.units.names for layer in theory.circuit.layers if layer.family == claim.pair.family)
    sites = theory.sites
    above = sites[: sites.index(claim.pair.site)][::-1]
    units = []
    for u, (unit, pose) in enumerate(zip(claim.pair.units, claim.pair.poses, strict=True)):
        assumed = [_assumed(f"{i}/{site}", site, rows, curves, u, seed) for site in above]
        steps = (*assumed, _natural(i, rows, curves, u, seed))
        by_hand = _by_hand(claim, i, rows, curves, u, seed) if claim.by_hand else None
        blamed = goes_wrong_at(claim.pair.site, above, steps), not_enough(above, steps)
        units.append(UnitInduction(f"{claim.pair.site}:{unit}", names[pose], steps, by_hand, *blamed))
    return ClaimInduction(claim.pair.family, claim.pair.site, claim.unread, tuple(units))


def goes_wrong_at(site: str, above: Sequence[str], steps: Sequence[Step]) -> str | None:
    """The layer behind the first assumption, from the unit back, under which it fails: `steps` assume the sites `above`, nearest first, then the
    pixels. None where the last of these holds: trained weights that give the right answer from the picture are not wrong."""
    if steps[-1].verdict == HOLDS:
        return None
    layers = (site, *above)
    return next((layer for layer, step in zip(layers, steps, strict=True) if step.verdict == FAILS), None)


def not_enough(above: Sequence[str], steps: Sequence[Step]) -> str | None:
    """Of a unit that holds with nothing assumed, the first site under whose assumption it fails."""
    if steps[-1].verdict != HOLDS:
        return None
    return next((site for site, step in zip(above, steps[:-1], strict=True) if step.verdict == FAILS), None)


def _assumed(name: str, site: str, rows: Rows, curves: Curves, u: int, seed: int) -> Step:
    claim = name.partition("/")[0]
    own, wrong = rows[f"{name}/{how.CLAIMED}/{how.CLAIMED}"], rows[f"{name}/{how.PERMUTED}/{how.CLAIMED}"]
    drawn = _drawn(curves, f"{name}/{how.CLAIMED}", f"{claim}/{how.CLAIMED}", u)
    others = {
        "trained": rows[f"{name}/{how.CLAIMED}/{how.TRAINED}"],
        "natural": rows[f"{name}/{how.NATURAL}/{how.CLAIMED}"],
        "without": rows[f"{name}/{how.WITHOUT}/{how.CLAIMED}"],
    }
    natural, without = others["natural"][:, u], others["without"][:, u]
    above = {"above_without": _above(own[:, u], without, seed), "natural_above_without": _above(natural, without, seed)}
    return _step(site, own[:, u], wrong[:, u], drawn, seed, {kind: _value(row[:, u]) for kind, row in others.items()} | above)


def _natural(i: int, rows: Rows, curves: Curves, u: int, seed: int) -> Step:
    """The claim itself: what the trained unit says is what the theory says of it, not of another."""
    own, wrong = rows[f"{i}/{how.TRAINED}/{how.CLAIMED}"], rows[f"{i}/{how.PERMUTED}/{how.TRAINED}"]
    return _step(PIXELS, own[:, u], wrong[:, u], _drawn(curves, f"{i}/{how.TRAINED}", f"{i}/{how.CLAIMED}", u), seed, {})


def _by_hand(claim: Claim, i: int, rows: Rows, curves: Curves, u: int, seed: int) -> Step:
    own, wrong = (rows[f"{i}/{kind}/{how.TRAINED}"] for kind in (how.BY_HAND, how.WRONG))
    read = claim.by_hand.bound if claim.by_hand else {}
    said = ", ".join(f"{family} at {units.site}" for family, units in read.items())
    return _step(said, own[:, u], wrong[:, u], _drawn(curves, f"{i}/{how.BY_HAND}", f"{i}/{how.TRAINED}", u), seed, {})


def _step(assumes: str, own: np.ndarray, wrong: np.ndarray, drawn: float, seed: int, others: Mapping[str, Any]) -> Step:
    figure = bootstrap({"own": own}, lambda means: _pearson(means["own"]), seed, RESAMPLES)
    both = _above(own, wrong, seed)
    return Step(assumes, verdict(figure, both, drawn, others.get("above_without")), figure, both, drawn, **others)


def _above(own: Float[np.ndarray, "group 6"], other: Float[np.ndarray, "group 6"], seed: int) -> Figure:
    """How far one correlation is above another, on the same pictures."""
    return bootstrap({"own": own, "other": other}, lambda means: _pearson(means["own"]) - _pearson(means["other"]), seed, RESAMPLES)


def _pearson(moments: Float[np.ndarray, "*n 6"]) -> Float[np.ndarray, "*n"]:
    """Of one unit."""
    return pearson(moments[..., None, :])[..., 0]


def _value(row: Float[np.ndarray, "group 6"]) -> float:
    return float(_pearson(row.mean(0)))


def _drawn(curves: Curves, name: str, truth: str, u: int) -> float:
    return float(each_correlation(curves[name][:, [u]], curves[truth][:, [u]])[0])


def induction_json(induction: Induction) -> str:
    """induct.json (docs/induct.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(induction)})
