"""Refuse numbers that are not finite: a figure would silently leave out their pictures."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.evaluate.statistics import MOMENTS
from workbench.hosts.host import Host
from workbench.splice.inputs import ConditionInputs
from workbench.vision.pictures import Picture

NAMED = 3  # pictures that a message names
MEANINGS = {
    "consumer": "an activation at the site after the splice is not finite",
    "kl": "the class distribution is not finite: a logit is nan or infinite, or a class has "
    "probability 0 that the network's own answer gives it",
    "distance": "the embedding is not finite",
}


def refuse_not_finite(
    pictures: Sequence[Picture],
    rows: Mapping[str, np.ndarray],
    summed: Callable[[str], bool],
    units: Sequence[str] = (),
) -> None:
    """Raise WorkbenchError if rows of a batch are not finite; it names the pictures.

    Rows are named `CONDITION/QUANTITY`. Those that are `summed`, MOMENTS `picture unit 6`, must be
    finite; any other may be nan where a quantity is not known, but not infinite. `units` are names.
    """
    for key in sorted(rows, key=lambda key: not summed(key)):  # causes before effects
        row, sums = rows[key], summed(key)
        bad = ~np.isfinite(row) if sums else np.isinf(row)
        if bad.any():
            condition, _, quantity = key.rpartition("/")
            meaning = MEANINGS.get(quantity, f"{quantity} is not finite")
            meaning = _which_unit(bad, units) if sums else meaning
            _refuse(pictures, bad.reshape(len(row), -1).any(1), f"{meaning} (under {condition})")


def refuse_answers(host: Host, answers: Tensor) -> None:
    """Raise WorkbenchError if a batch of the network's own answers is not of the host's output."""
    if problems := host.output.problems(answers):
        raise WorkbenchError(f"host {host.name}", "; ".join(problems))


def refuse_inputs(pictures: Sequence[Picture], inputs: ConditionInputs) -> None:
    """Raise WorkbenchError if an activation or a drive of a batch is not finite."""
    parts = {f"an activation of the units at {inputs.site_name}": inputs.trained}
    parts |= {f"the drive of {name}": drive for name, drive in inputs.drives.items()}
    for place in ("before", "site", "entering"):
        if (value := getattr(inputs, place)) is not None:
            parts[f"an activation read for {inputs.site_name} ({place})"] = value
    for name, value in parts.items():  # nan and infinity stay in a sum, which is quick in float32
        dtype = torch.promote_types(value.dtype, torch.float32)
        sums = value.sum(tuple(range(1, value.ndim)), dtype=dtype)
        if not sums.isfinite().all():
            _refuse(pictures, ~sums.isfinite().cpu().numpy(), f"{name} is not finite")


def _which_unit(bad: Bool[np.ndarray, "picture unit 6"], units: Sequence[str]) -> str:
    """The first unit whose sums are not finite; sums of the trained one come first."""
    unit = int(bad.any((0, 2)).argmax())
    trained = bad[:, unit, MOMENTS.index("trained")].any()
    name = units[unit] if units else str(unit)
    return f"the {'trained ' if trained else ''}activation of unit {name} is not finite"


def _refuse(pictures: Sequence[Picture], bad: Bool[np.ndarray, " picture"], problem: str) -> None:
    names = [picture.name for picture, is_bad in zip(pictures, bad, strict=True) if is_bad]
    shown = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
    raise WorkbenchError(
        f"{len(names)} of a batch of {len(pictures)} pictures ({shown})",
        problem,
        "finite numbers for every picture",
        "Leave out these pictures, or find the layer or weight that gives nan or overflows.",
    )
