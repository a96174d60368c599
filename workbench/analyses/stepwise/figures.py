"""Which steps of a theory hold in the trained weights, and where a unit that fails goes wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.analyses.stepwise.hypothesis import Hypothesis
from workbench.analyses.stepwise.steps import (
    FAILS,
    HOLDS,
    TOLERANCES,
    Measured,
    Step,
    UnitMeasured,
)
from workbench.matching.subject import Subject, subject_header
from workbench.score.facts import Header, document_json, picture_facts
from workbench.vision.pictures import Picture

FORMAT = 1


@dataclass(frozen=True)
class UnitSteps:
    """The steps of a trained unit that the theory makes a claim about.

    steps    under each assumption, from the site just before the unit back to the pixels
    handwritten  the handwritten unit on trained inputs
    goes_wrong_at  the first layer, counted from the unit, whose trained weights do not turn the
                   claimed inputs into what the unit needs; None where no step fails, and where the
                   unit holds with nothing assumed, since its weights are then right
    not_enough     for a unit that holds with nothing assumed, the first assumed site under which it
                   fails: what is claimed there does not suffice
    """

    unit: str
    pose: str
    steps: tuple[Step, ...]
    handwritten: Step | None
    goes_wrong_at: str | None
    not_enough: str | None


@dataclass(frozen=True)
class ClaimSteps:
    """The units of one site that the theory claims to be of one family.

    `unread` is why the handwritten family has no step on trained inputs, or "".
    """

    family: str
    site: str
    unread: str
    units: tuple[UnitSteps, ...]


@dataclass(frozen=True)
class Stepwise:
    """Every step of a theory.

    tolerances  least correlations for a step to hold
    inputs      for each site with claims, how many of its channels have one, and how many it has
    """

    header: Header
    tolerances: Mapping[str, float]
    inputs: Mapping[str, tuple[int, int]]
    claims: tuple[ClaimSteps, ...]


def stepwise_score(
    subject: Subject,
    theory: Hypothesis,
    measured: Measured,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
) -> Stepwise:
    """The verdict on every step."""
    counts = {
        site: sum(len(claim.pair.units) for claim in theory.claims if claim.pair.site == site)
        for site in theory.sites
    }
    return Stepwise(
        header=subject_header(
            subject,
            images=picture_facts(pictures),
            calibration=picture_facts(calibration),
            seed=measured.seed,
        ),
        tolerances=TOLERANCES,
        inputs={site: (count, theory.host.site(site).channels) for site, count in counts.items()},
        claims=tuple(_claim(theory, i, measured) for i in range(len(theory.claims))),
    )


def _claim(theory: Hypothesis, number: int, measured: Measured) -> ClaimSteps:
    claim = theory.claims[number]
    pair, sites = claim.pair, theory.sites
    names = next(
        layer.units.names for layer in theory.circuit.layers if layer.family == pair.family
    )
    above = sites[: sites.index(pair.site)][::-1]
    units = []
    for i, (unit, pose) in enumerate(zip(pair.units, pair.poses, strict=True)):
        one = UnitMeasured(measured, number, i)
        steps = (*(one.assumed_step(site) for site in above), one.natural_step())
        units.append(
            UnitSteps(
                unit=f"{pair.site}:{unit}",
                pose=names[pose],
                steps=steps,
                handwritten=one.handwritten_step(claim.on_trained) if claim.on_trained else None,
                goes_wrong_at=goes_wrong_at(pair.site, above, steps),
                not_enough=not_enough(above, steps),
            )
        )
    return ClaimSteps(pair.family, pair.site, claim.unread, tuple(units))


def goes_wrong_at(site: str, above: Sequence[str], steps: Sequence[Step]) -> str | None:
    """The layer after the first assumption, counted from the unit, under which a unit fails.

    `steps` assume the sites `above`, nearest first, then the pixels. None where the last of these
    holds: trained weights that give the right activation from the picture are not wrong.
    """
    if steps[-1].verdict == HOLDS:
        return None
    layers = (site, *above)
    return next(
        (layer for layer, step in zip(layers, steps, strict=True) if step.verdict == FAILS), None
    )


def not_enough(above: Sequence[str], steps: Sequence[Step]) -> str | None:
    """The first assumed site under which a unit fails that holds with nothing assumed."""
    if steps[-1].verdict != HOLDS:
        return None
    return next(
        (site for site, step in zip(above, steps[:-1], strict=True) if step.verdict == FAILS), None
    )


def stepwise_json(result: Stepwise) -> str:
    """The text of stepwise.json (docs/stepwise.md); numbers that are not finite become null."""
    return document_json(result, FORMAT)
