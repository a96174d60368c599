"""Claims: did what a theory says of an edit come true, in the trained units and in the handwritten ones?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

import workbench
from workbench.compiler.bind import Bound
from workbench.evaluate.claims import HANDWRITTEN, TRAINED, ClaimCurves, unbound
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, spec_facts
from workbench.score.tuning import NAN, echo, one_period, width_deg
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Expect

FORMAT = 1
RADII: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda curve: curve.mean(0),
    "smallest": lambda curve: curve[0],
    "largest": lambda curve: curve[-1],
}
HOLDS: Mapping[
    str, Callable[[Any, Any, float], Any]
] = {  # (figure before, after, bound) -> whether it is so; never for a figure that could not be had
    "above": lambda before, after, bound: after > bound,
    "below": lambda before, after, bound: after < bound,
    "rises_by": lambda before, after, bound: after - before > bound,
    "falls_by": lambda before, after, bound: before - after > bound,
}


@dataclass(frozen=True)
class Measured:
    """A figure before and after an edit: in each unit, and the means over the units that have it (a silent unit has no echo and no width).

    `holds`: in how many units the expectation holds; `came_true`: in the mean, or in every unit, as the claim has it.
    """

    before: float
    after: float
    each: tuple[tuple[float, float], ...]
    silent: int
    holds: int
    came_true: bool


@dataclass(frozen=True)
class Outcome:
    """A claim and what came of it. `trained` is None where families are `unbound`: the claim was not tested there."""

    claim: str
    about: str
    edit: Mapping[str, Any]
    expect: Mapping[str, Any]
    unbound: Sequence[str]
    trained: Measured | None
    handwritten: Measured
    agree: bool | None


@dataclass(frozen=True)
class Claims:
    """Every claim of a theory, in its order."""

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    bound: Mapping[str, str]
    calibration: Mapping[str, object]
    seed: int
    radius_px: Sequence[float]
    units: Sequence[str]
    claims: tuple[Outcome, ...]


def claims_score(
    spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound, curves: ClaimCurves, calibration: Sequence[Picture], seed: int
) -> Claims:
    """The outcome of every claim."""
    return Claims(
        workbench=workbench.__version__,
        host=host_facts(host),
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        bound={family: units.sha256 for family, units in bound.items()},
        calibration=picture_facts(calibration),
        seed=seed,
        radius_px=curves.probe.radii_px,
        units=[f"{trained.site}:{unit.unit}" for unit in trained.units],
        claims=tuple(_outcome(spec, name, bound, curves) for name in spec.theory.claims),
    )


def _outcome(spec: Spec, name: str, bound: Bound, curves: ClaimCurves) -> Outcome:
    claim, after = spec.theory.claims[name], curves.after[name]
    found = {side: measured(claim.expect, curves.before[side], after[side], curves) for side in after}
    trained, handwritten = found.get(TRAINED), found[HANDWRITTEN]
    edit, expect = claim.edit.model_dump(exclude_none=True), claim.expect.model_dump(exclude_none=True)
    agree = trained.came_true == handwritten.came_true if trained else None
    return Outcome(name, claim.about, edit, expect, unbound(claim, bound), trained, handwritten, agree)


def measured(
    expect: Expect, before: Float[np.ndarray, "radius pose unit"], after: Float[np.ndarray, "radius pose unit"], curves: ClaimCurves
) -> Measured:
    """The figure that a claim expects something of, and whether that is so."""
    pick, (comparison, bound) = RADII[expect.radius], expect.comparison
    natural = one_period(pick(before), curves.centre_deg, curves.probe.turns)[0].max(0)
    first, then = (_figure(expect.figure, pick(curve), natural, curves) for curve in (before, after))
    holds, means = HOLDS[comparison](first, then, bound), (_mean(first), _mean(then))
    true = holds.all() if expect.of == "every" else HOLDS[comparison](*means, bound)
    each = tuple(zip(first.tolist(), then.tolist(), strict=True))
    return Measured(*means, each=each, silent=int(np.isnan(then).sum()), holds=int(holds.sum()), came_true=bool(true))


def _mean(figure: Float[np.ndarray, " unit"]) -> float:
    return NAN if np.isnan(figure).all() else float(np.nanmean(figure))


def _figure(
    name: str, curve: Float[np.ndarray, "pose unit"], natural: Float[np.ndarray, " unit"], curves: ClaimCurves
) -> Float[np.ndarray, " unit"]:
    """A figure of every unit."""
    turns = curves.probe.turns
    part, angle_deg = one_period(curve, curves.centre_deg, turns)
    if name == "peak":
        return np.divide(part.max(0), natural, out=np.full(len(natural), NAN), where=natural > 0)
    of = echo if name == "echo" else lambda column: width_deg(column, angle_deg) / turns
    return np.array([of(column) for column in part.T])


def claims_json(claims: Claims) -> str:
    """claims.json (docs/claims.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(claims)})
