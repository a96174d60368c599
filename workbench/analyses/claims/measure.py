"""Tuning curves of trained and handwritten units before and after the edits of claims."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from workbench.compiler.bind import Bound
from workbench.matching.subject import Subject
from workbench.spec.language import INPUT, Blob, Claim, Gabor, Theory
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Condition, Handwritten, natural
from workbench.splice.edit import (
    EditedTrained,
    edit_every_weight,
    edit_trained,
    edited,
    is_read,
)
from workbench.splice.natural import site_before
from workbench.vision.tuning import (
    COLOUR_EDGES,
    HUED_SPOTS,
    STEP_DEG,
    Probe,
    answers,
    over_variants,
    probe_of,
)
from workbench.work import Work

TRAINED, HANDWRITTEN = "trained", "handwritten"
# By circuit, TRAINED or HANDWRITTEN; without the one that was not measured.
Curves = Mapping[str, Float[np.ndarray, "radius pose unit"]]


@dataclass(frozen=True)
class ClaimCurves:
    """Responses to the probe's stimuli before any edit and after that of each claim.

    They are as in `TuningCurves`. A claim has no trained curves where a family that it names is not
    bound to trained units, unless the edit is of every weight (`edited_site`).
    """

    centre_deg: Float[np.ndarray, " pose"]
    probe: Probe
    before: Curves
    after: Mapping[str, Curves]


def claims_probe(theory: Theory) -> Probe:
    """The stimulus of a theory's claims: that of its tuning curves (`probe_of`).

    A family that reads the picture alone has units of many colours. Gabors, which do not respond to
    a plain field, are measured on edges between colours, and filters with a blob on spots of all
    hues.
    """
    reads = list(theory.families.values())[-1].reads
    kernels = reads[INPUT] if set(reads) == {INPUT} else ()
    if any(isinstance(kernel, Blob) for kernel in kernels):
        return HUED_SPOTS
    gabors = kernels and all(isinstance(kernel, Gabor) for kernel in kernels)
    return COLOUR_EDGES if gabors else probe_of(theory)


def claim_curves(
    subject: Subject,
    splices: Splices,
    probe: Probe,
    work: Work,
    step_deg: int = STEP_DEG,
) -> ClaimCurves:
    """Measure the curves of every claim, on stimuli turned in steps of `step_deg`.

    Gain and bias of the handwritten units stay those of the whole circuit. With a cache, known
    responses of the host and of circuits are read from it. Raises WorkbenchError where it is not
    known which weights of the host lead from a family's units to the trained ones.
    """
    claims = subject.spec.theory.claims
    progress = work.stage("tuning curves", picture_count(probe, step_deg))
    spliced, handwritten = splices.circuits["spliced"], splices.conditions["spliced"]
    if not isinstance(handwritten, Handwritten):
        raise TypeError("the splice is of handwritten units")
    circuits = {
        "spliced": spliced,
        **{name: edited(spliced, claim.edit) for name, claim in claims.items()},
    }
    conditions: dict[tuple[str, str], Condition] = {
        (TRAINED, ""): natural,
        (HANDWRITTEN, ""): handwritten,
    }
    for name, claim in claims.items():
        conditions[HANDWRITTEN, name] = replace(handwritten, circuit=name)
        if edit := _trained_edit(subject, claim):
            conditions[TRAINED, name] = edit

    poses = np.arange(0, 360, step_deg, dtype=np.float64)
    lines = list(probe.variants.values())[: probe.measured]
    by_radius = [
        [
            answers(subject.host, circuits, conditions, line, radius, poses, progress, work.cache)
            for line in lines
        ]
        for radius in probe.radii_px
    ]
    whole = (TRAINED, "")
    curves = {
        key: np.stack(
            [
                over_variants(probe, *([curves[one] for curves in lines] for one in (whole, key)))
                for lines in by_radius
            ]
        )
        for key in conditions
    }

    def curves_of(name: str) -> Curves:
        return {
            side: curves[side, name] for side in (TRAINED, HANDWRITTEN) if (side, name) in curves
        }

    return ClaimCurves(poses, probe, curves_of(""), {name: curves_of(name) for name in claims})


def _trained_edit(subject: Subject, claim: Claim) -> EditedTrained | None:
    """A claim's edit of the trained network; None where the claim is not tested there."""
    host, trained, edit = subject.host, subject.trained, claim.edit
    if not unbound(claim, subject.bound):
        units = [subject.bound[family] for family in edit.families]
        return edit_trained(host, trained, edit, units)
    site = edited_site(subject, claim)
    return edit_every_weight(host, trained, edit, site) if site else None


def edited_site(subject: Subject, claim: Claim) -> str | None:
    """The site of which a claim edits every weight in the trained network; None for any other.

    The claim's edit is of all weights of one sign: it names every family that the last one reads.
    One of these is not bound to trained units. The way to the units from the site just before
    theirs is known. For units of a first convolution that way is from INPUT, and so is their
    family's.
    """
    reads = set(list(subject.spec.theory.families.values())[-1].reads)
    everything = claim.edit.sign is not None and set(claim.edit.families) == reads
    if not everything or not unbound(claim, subject.bound):
        return None
    site = site_before(subject.host, subject.trained.site) or INPUT
    same_level = (site == INPUT) == (reads == {INPUT})
    return site if same_level and is_read(subject.host, subject.trained, site) else None


def unbound(claim: Claim, bound: Bound) -> list[str]:
    """Families of a claim that no trained units stand in for."""
    return [family for family in claim.edit.families if family not in bound]


def picture_count(probe: Probe, step_deg: int = STEP_DEG) -> int:
    """Pictures that `claim_curves` draws."""
    return probe.measured * len(probe.radii_px) * len(range(0, 360, step_deg))
