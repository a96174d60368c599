"""Claims: what trained and handwritten units say to turning stimuli before and after the edits that a theory makes claims about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from workbench.cache import Cache
from workbench.compiler.bind import Bound
from workbench.evaluate.tuning import STEP_DEG, Probe, answers
from workbench.hosts.host import Host
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Claim
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Condition, Handwritten, natural
from workbench.splice.edit import edit_trained, edited

TRAINED, HANDWRITTEN = "trained", "handwritten"
Curves = Mapping[str, Float[np.ndarray, "radius pose unit"]]  # of the trained and the handwritten units, where they could be had


@dataclass(frozen=True)
class ClaimCurves:
    """Mean responses to bright and dark stimuli, as `TuningCurves` has them, before any edit and after that of each claim.

    A claim has no trained curves where a family that it names is not bound to trained units.
    """

    centre_deg: Float[np.ndarray, " pose"]
    probe: Probe
    before: Curves
    after: Mapping[str, Curves]


def claim_curves(
    host: Host,
    splices: Splices,
    trained: TrainedCircuit,
    claims: Mapping[str, Claim],
    bound: Bound,
    probe: Probe,
    progress: Callable[[int], None] | None = None,
    step_deg: int = STEP_DEG,
    cache: Cache | None = None,
) -> ClaimCurves:
    """Curves of every claim. Gain and bias of the handwritten units stay those of the whole circuit. With a cache,
    neither the host nor a circuit runs again on what it answered before. Raises WorkbenchError where the host does not tell how trained units hear
    those that a family is bound to."""
    spliced, by_hand = splices.circuits["spliced"], splices.conditions["spliced"]
    if not isinstance(by_hand, Handwritten):
        raise TypeError("the splice is of handwritten units")
    circuits = {"spliced": spliced, **{name: edited(spliced, claim.edit) for name, claim in claims.items()}}
    conditions: dict[tuple[str, str], Condition] = {(TRAINED, ""): natural, (HANDWRITTEN, ""): by_hand}
    for name, claim in claims.items():
        conditions[HANDWRITTEN, name] = replace(by_hand, circuit=name)
        if not unbound(claim, bound):
            conditions[TRAINED, name] = edit_trained(host, trained, claim.edit, [bound[family] for family in claim.edit.families])

    poses = np.arange(0, 360, step_deg, dtype=np.float64)
    lines = list(probe.variants.values())[:2]
    said = [[answers(host, circuits, conditions, line, radius, poses, progress, cache) for line in lines] for radius in probe.radii_px]
    curves = {key: np.stack([(bright[key] + dark[key]) / 2 for bright, dark in said]) for key in conditions}

    def of(name: str) -> Curves:
        return {side: curves[side, name] for side in (TRAINED, HANDWRITTEN) if (side, name) in curves}

    return ClaimCurves(poses, probe, of(""), {name: of(name) for name in claims})


def unbound(claim: Claim, bound: Bound) -> list[str]:
    """Families of a claim that no trained units stand for."""
    return [family for family in claim.edit.families if family not in bound]


def picture_count(probe: Probe, step_deg: int = STEP_DEG) -> int:
    """Pictures that `claim_curves` draws."""
    return 2 * len(probe.radii_px) * len(range(0, 360, step_deg))
