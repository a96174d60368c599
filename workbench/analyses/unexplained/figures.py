"""The residual error of a theory's units, and which units of the site before would explain it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.analyses.unexplained.candidates import Candidate, proposals, ranked
from workbench.analyses.unexplained.directions import Directions
from workbench.analyses.unexplained.measure import ResidualErrors
from workbench.analyses.unexplained.regression import TINY, scaled
from workbench.matching.matched import Matched
from workbench.matching.nearest import Group
from workbench.matching.subject import Subject, subject_header
from workbench.score.facts import Header, document_json, picture_facts
from workbench.spec.circuit import TrainedCircuit
from workbench.vision.pictures import Picture
from workbench.work import Work

FORMAT = 1
TOGETHER = 8  # channels of the units' own site that are listed
LEAST_LEFT = 0.01  # of the variance, mean over units: with less left, rounding and chance take part

Curves = Mapping[str, Float[np.ndarray, "stimulus unit"]]


@dataclass(frozen=True)
class StimulusKind:
    """How trained and handwritten units differ on drawn stimuli of a kind.

    mean  mean over units and directions of trained less handwritten response, over the trained
          unit's peak
    size  the root of the mean square of the same
    """

    stimuli: str
    mean: float
    size: float


@dataclass(frozen=True)
class Unexplained:
    """The residual error, and what would explain it.

    before      the site before the units', whose channels are candidates
    left        for each unit, the residual's mean square on pictures over the unit's variance
    left_wrong  the same with the handwritten units shuffled among each other
    candidates  the candidates, by what they explain more than chance
    together    channels of the units' own site that vary with the residual: mean squared
                correlation over units
    kinds       kinds of drawn stimuli, the largest difference first
    """

    header: Header
    before: str
    left: Mapping[str, float]
    left_wrong: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    together: Mapping[str, float]
    kinds: tuple[StimulusKind, ...]

    @property
    def suggestion(self) -> Candidate | None:
        """The first candidate that is a suggestion; None where hardly anything is left."""
        if np.mean(list(self.left.values())) < LEAST_LEFT:
            return None
        return next((candidate for candidate in self.candidates if candidate.is_suggestion), None)


@dataclass(frozen=True)
class Evidence:
    """The measurements that the figures are computed from.

    pairs       the trained units that the theory makes claims about
    before      the site before the circuit's
    errors      residual errors at random cells
    directions  factors of what the errors have in common with the units of that site
    tuned       groups of drawn stimuli, and the responses "trained" and "handwritten" to them
    """

    pairs: Sequence[Matched]
    before: str
    errors: ResidualErrors
    directions: Directions
    tuned: tuple[Sequence[Group], Curves]


def unexplained_score(
    subject: Subject, evidence: Evidence, calibration: Sequence[Picture], work: Work
) -> Unexplained:
    """Rank families and directions by what they would explain.

    With a cache, draws of chance that an earlier run finished are read back.
    """
    theory, trained, errors = subject.spec.theory, subject.trained, evidence.errors
    names = [f"{trained.site}:{unit.unit}" for unit in trained.units]
    families = {pair.family: pair.units for pair in evidence.pairs if pair.site == evidence.before}
    reads = list(theory.families[list(theory.families)[-1]].reads)
    proposed = proposals(evidence.before, families, reads, evidence.directions, names)
    return Unexplained(
        header=subject_header(subject, calibration=picture_facts(calibration), seed=work.seed),
        before=evidence.before,
        left=dict(zip(names, left(errors.residual, errors.trained).tolist(), strict=True)),
        left_wrong=dict(zip(names, left(errors.wrong, errors.trained).tolist(), strict=True)),
        candidates=ranked(proposed, evidence.before, errors, work),
        together=_together(errors, trained),
        kinds=_kinds(*evidence.tuned),
    )


def left(
    residual: Float[np.ndarray, "row unit"], trained: Float[np.ndarray, "row unit"]
) -> Float[np.ndarray, " unit"]:
    """A residual's mean square over the trained unit's variance: 1 minus its explained variance."""
    return (residual**2).mean(0) / np.maximum(trained.var(0), TINY)


def _together(errors: ResidualErrors, trained: TrainedCircuit) -> dict[str, float]:
    """Channels of the units' site, themselves excepted, that correlate most with the residual.

    The value is the squared correlation, mean over units.
    """
    same_site, residual = (
        scaled(values[:, :, None])[:, :, 0] for values in (errors.same_site, errors.residual)
    )
    common = ((residual.T @ same_site / len(residual)) ** 2).mean(0)
    units = {unit.unit for unit in trained.units}
    others = [int(i) for i in np.argsort(-common, kind="stable") if int(i) not in units]
    return {f"{trained.site}:{i}": float(common[i]) for i in others[:TOGETHER]}


def _kinds(groups: Sequence[Group], responses: Curves) -> tuple[StimulusKind, ...]:
    peak = np.maximum(responses["trained"].max(0), TINY)
    difference = (responses["trained"] - responses["handwritten"]) / peak
    ends = np.cumsum([0, *(len(group.normals_deg) for group in groups)])
    kinds = []
    for group, first, last in zip(groups, ends, ends[1:], strict=False):
        rows = difference[first:last]
        size = float(np.sqrt((rows**2).mean()))
        kinds.append(StimulusKind(group.name, float(rows.mean()), size))
    return tuple(sorted(kinds, key=lambda kind: -kind.size))


def unexplained_json(result: Unexplained) -> str:
    """The text of unexplained.json (docs/unexplained.md); numbers not finite become null."""
    return document_json(result, FORMAT)
