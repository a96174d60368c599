"""Blobs: units whose responses to gratings are those of one Gaussian spot, grey or coloured.

The spot is fitted to the responses. Colour contrast in the first layer of "Early Vision", doi
10.23915/distill.00024.002, where it has no orientation.
"""

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.theory.poses import MIXTURE, SCALE, SHIFT_X, SHIFT_Y, Units
from workbench.theory.rule import blob_weights
from workbench.vision.survey.family import Family, Judged, first_site
from workbench.vision.survey.filters import OFFSET, Fitted, Form, Poses, judge
from workbench.vision.survey.gratings import SUMMARY, Trials
from workbench.vision.survey.responses import Steps

SIGMA_PX = 1.0  # of the spot that `scale` is a factor of

# What makes a blob.
THRESHOLDS = {
    # a grating drives it beyond its mean over pictures by one of their standard deviations (colours
    # have a low contrast)
    "strength": 1.0,
    "explained": 0.85,  # share of the variance of its responses that its spot explains
    # the worst orientation gives at least three fifths of the response to the best
    "evenness": 0.6,
}
# fitted parameters -> (step of the fit, lowest, highest); SCALE by its logarithm
STEPS = {
    SHIFT_X: (0.04, -3.0, 3.0),
    SHIFT_Y: (0.04, -3.0, 3.0),
    SCALE: (0.03, math.log(0.3), math.log(4.0)),
    OFFSET: (0.03, -1.0, 1.0),
    **dict.fromkeys(MIXTURE, (0.1, -math.inf, math.inf)),
}


def units(host: Host, site: Site, fitted: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The blobs of a site. They have no direction; the parts of a mixture add up to 1 or -1."""
    if not isinstance(fitted, Fitted):
        raise TypeError("not a fit of blobs")
    trained = []
    for unit in np.flatnonzero(fitted.passes):
        pose = {axis: float(column[unit]) for axis, column in fitted.poses.items()}
        size = sum(abs(pose[channel]) for channel in MIXTURE)
        luma, red_green, blue_yellow = (round(pose[name] / size, 3) for name in MIXTURE)
        trained.append(
            TrainedUnit(
                unit=int(unit),
                shift_px=(round(pose[SHIFT_X], 2) + 0.0, round(pose[SHIFT_Y], 2) + 0.0),
                scale=round(pose[SCALE], 3),
                mixture=(luma, red_green, blue_yellow),
                strength=round(float(fitted.figures["strength"][unit]), 2),
                explained=round(float(fitted.figures["explained"][unit]), 3),
            )
        )
    return tuple(trained)


def _start(trials: Trials, wanted: Tensor, width_px: float) -> Poses:
    """A start of the fit: a spot in the colour of each unit's preferred grating at its phase."""
    kinds = [trials.kinds[i] for i in wanted.argmax(0).tolist()]
    same = torch.ones(len(kinds), dtype=torch.float64)
    signs = [math.copysign(3.0, math.cos(math.radians(phase_deg))) for *_, phase_deg in kinds]
    return {
        SHIFT_X: same * 0.0,
        SHIFT_Y: same * 0.0,
        SCALE: same * math.log(width_px / SIGMA_PX),
        OFFSET: same * 0.0,
        **{
            name: torch.tensor(
                [sign * (kind[0] == name) for kind, sign in zip(kinds, signs, strict=True)],
                dtype=torch.float64,
            )
            for name in MIXTURE
        },
    }


def _columns(parameters: Poses) -> Poses:
    """The poses of units, from the fitted parameters."""
    columns = {axis: value for axis, value in parameters.items() if axis != OFFSET}
    return columns | {SCALE: columns[SCALE].exp()}


def _filters(parameters: Poses, field_px: int) -> Float[Tensor, "unit 3 k k"]:
    """The blobs, as the compiler makes them."""
    names = tuple(map(str, range(len(parameters[SCALE]))))
    blobs = Units(names, _columns(parameters), {"unit": len(names)})
    return blob_weights(blobs, SIGMA_PX, 1.0, field_px, torch.zeros((), dtype=torch.float64))


def _poses(parameters: Poses) -> Mapping[str, Float[np.ndarray, " unit"]]:
    return {axis: column.numpy() for axis, column in _columns(parameters).items()}


FORM = Form(
    STEPS, [partial(_start, width_px=width_px) for width_px in (0.8, 1.6)], _filters, _poses
)
STIMULI = f"{SUMMARY}; poses of the Gaussian spot whose answers come nearest, sigma {SIGMA_PX:g} px"
FAMILY = Family(
    "blob",
    STIMULI,
    THRESHOLDS,
    first_site,
    partial(judge, form=FORM, thresholds=THRESHOLDS),
    units,
)
