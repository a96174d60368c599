"""Whether a theory's claims about edits come true, in trained and in handwritten units."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from workbench.analyses.claims.measure import (
    HANDWRITTEN,
    TRAINED,
    ClaimCurves,
    edited_site,
    unbound,
)
from workbench.matching.subject import Subject, subject_header
from workbench.score.facts import Header, document_json, picture_facts
from workbench.score.tuning import NAN, echo, one_period, width_deg
from workbench.spec.changes import HOLDS
from workbench.spec.language import Expect
from workbench.vision.pictures import Picture

FORMAT = 2
RADII: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda curve: curve.mean(0),
    "smallest": lambda curve: curve[0],
    "largest": lambda curve: curve[-1],
}


@dataclass(frozen=True)
class Measured:
    """A figure before and after an edit.

    before, after  means over the units that have the figure (a silent unit has no echo and no
                   width); `each` has those of every unit
    silent         units without the figure after the edit
    holds          in how many units the expectation holds
    came_true      whether it holds in the mean, or in every unit, as the claim demands
    """

    before: float
    after: float
    unit_figures: tuple[tuple[float, float], ...]
    silent: int
    holds: int
    came_true: bool


@dataclass(frozen=True)
class Outcome:
    """A claim and its outcome.

    `trained` is None where families are `unbound`: the claim was not tested there. Where
    `every_weight_from` names a site, it was tested by an edit of the weights from every unit there.
    """

    claim: str
    about: str
    edit: Mapping[str, Any]
    expect: Mapping[str, Any]
    unbound: Sequence[str]
    every_weight_from: str | None
    trained: Measured | None
    handwritten: Measured
    agree: bool | None


@dataclass(frozen=True)
class Claims:
    """Every claim of a theory, in its order."""

    header: Header
    radius_px: Sequence[float]
    units: Sequence[str]
    claims: tuple[Outcome, ...]


def claims_score(
    subject: Subject, curves: ClaimCurves, calibration: Sequence[Picture], seed: int
) -> Claims:
    """Judge every claim of the subject's theory by the curves before and after its edit."""
    spec, trained = subject.spec, subject.trained
    return Claims(
        header=subject_header(subject, calibration=picture_facts(calibration), seed=seed),
        radius_px=curves.probe.radii_px,
        units=[f"{trained.site}:{unit.unit}" for unit in trained.units],
        claims=tuple(_outcome(subject, name, curves) for name in spec.theory.claims),
    )


def _outcome(subject: Subject, name: str, curves: ClaimCurves) -> Outcome:
    claim, after = subject.spec.theory.claims[name], curves.after[name]
    by_side = {
        side: measured(claim.expect, curves.before[side], after[side], curves) for side in after
    }
    trained, handwritten = by_side.get(TRAINED), by_side[HANDWRITTEN]
    edit, expect = (
        claim.edit.model_dump(exclude_none=True),
        claim.expect.model_dump(exclude_none=True),
    )
    agree = trained.came_true == handwritten.came_true if trained else None
    return Outcome(
        name,
        claim.about,
        edit,
        expect,
        unbound(claim, subject.bound),
        edited_site(subject, claim),
        trained,
        handwritten,
        agree,
    )


def measured(
    expect: Expect,
    before: Float[np.ndarray, "radius pose unit"],
    after: Float[np.ndarray, "radius pose unit"],
    curves: ClaimCurves,
) -> Measured:
    """The figure of a claim before and after its edit, and whether the expectation holds."""
    pick, (comparison, bound) = RADII[expect.radius], expect.comparison
    natural = one_period(pick(before), curves.centre_deg, curves.probe.turns)[0].max(0)
    first, then = (
        _figure(expect.figure, pick(curve), natural, curves) for curve in (before, after)
    )
    holds, means = HOLDS[comparison](first, then, bound), (_mean(first), _mean(then))
    true = holds.all() if expect.of == "every" else HOLDS[comparison](*means, bound)
    of_units = tuple(zip(first.tolist(), then.tolist(), strict=True))
    return Measured(
        *means,
        unit_figures=of_units,
        silent=int(np.isnan(then).sum()),
        holds=int(holds.sum()),
        came_true=bool(true),
    )


def _mean(figure: Float[np.ndarray, " unit"]) -> float:
    return NAN if np.isnan(figure).all() else float(np.nanmean(figure))


def _figure(
    name: str,
    curve: Float[np.ndarray, "pose unit"],
    natural: Float[np.ndarray, " unit"],
    curves: ClaimCurves,
) -> Float[np.ndarray, " unit"]:
    """A figure of every unit."""
    turns = curves.probe.turns
    part, angle_deg = one_period(curve, curves.centre_deg, turns)
    if name == "peak":
        return np.divide(part.max(0), natural, out=np.full(len(natural), NAN), where=natural > 0)
    of = echo if name == "echo" else lambda column: width_deg(column, angle_deg) / turns
    return np.array([of(column) for column in part.T])


def claims_json(claims: Claims) -> str:
    """The text of claims.json (docs/claims.md)."""
    return document_json(claims, FORMAT)
