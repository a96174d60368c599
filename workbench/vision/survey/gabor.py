"""Gabors: units whose responses to gratings are those of one Gabor filter, grey or coloured.

The Gabor is fitted to the responses (Jones & Palmer 1987, doi 10.1152/jn.1987.58.6.1233) through
the function that compiles it.
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
from workbench.theory.poses import (
    ASPECT,
    CENTRE,
    ENVELOPE,
    MIXTURE,
    PHASE,
    SCALE,
    SHIFT_X,
    SHIFT_Y,
    UNIT,
    Units,
)
from workbench.theory.rule import gabor_weights
from workbench.vision.survey.family import Family, Judged, first_site
from workbench.vision.survey.filters import TINY, Fitted, Form, Poses, judge
from workbench.vision.survey.gratings import SUMMARY, Trials
from workbench.vision.survey.responses import Steps

# of the kernel that scale, envelope and aspect are factors of
WAVELENGTH_PX, SIGMA_PX, ASPECT_RATIO = 5.0, 1.6, 1.2

# What makes a Gabor unit.
THRESHOLDS = {
    # a grating drives it beyond its mean over pictures by one of their standard deviations (colours
    # have a low contrast)
    "strength": 1.0,
    # share of the variance of its responses that its Gabor explains; neurons are called simple
    # cells at the same share
    "explained": 0.85,
    # the worst orientation gives at most half of the response to the best
    "selectivity": 0.5,
}
# A rough Gabor: a Gabor explains less of its responses than of the others', and more than of nearly
# every filter with shuffled weights.
ROUGH_THRESHOLDS = {
    **THRESHOLDS,
    "explained": 0.75,
    "unexplained": 0.15,  # so that a unit belongs to one of the two families
}

# fitted poses -> (step of the fit, lowest, highest); those of FACTORS by their logarithm
STEPS = {
    CENTRE: (2.0, -math.inf, math.inf),
    PHASE: (4.0, -math.inf, math.inf),
    SHIFT_X: (0.06, -4.0, 4.0),
    SHIFT_Y: (0.06, -4.0, 4.0),
    SCALE: (0.03, math.log(2.2 / WAVELENGTH_PX), math.log(20 / WAVELENGTH_PX)),
    "width_px": (0.03, math.log(0.6), math.log(3.0)),
    ASPECT: (0.03, math.log(0.3), math.log(2.0)),
    **dict.fromkeys(MIXTURE, (0.1, -math.inf, math.inf)),
}
FLOAT64 = torch.zeros((), dtype=torch.float64)  # filters are computed in arrays like it
FACTORS = (SCALE, "width_px", ASPECT)
STARTS = [
    (width, x, y)
    for width in (1.3, 2.0)
    for x, y in ((0.0, 0.0), (1.5, 0.0), (-1.5, 0.0), (0.0, 1.5), (0.0, -1.5))
]


def units(host: Host, site: Site, fitted: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The Gabor units of a site."""
    if not isinstance(fitted, Fitted):
        raise TypeError("not a fit of Gabors")
    trained = []
    for unit in np.flatnonzero(fitted.passes):
        pose = {name: float(column[unit]) for name, column in fitted.poses.items()}
        trained.append(
            TrainedUnit(
                unit=int(unit),
                centre_deg=round(pose[CENTRE], 1) % 360,
                shift_px=(round(pose[SHIFT_X], 2), round(pose[SHIFT_Y], 2)),
                phase_deg=round(pose[PHASE], 1) % 360,
                scale=round(pose[SCALE], 3),
                envelope=round(pose[ENVELOPE], 3),
                aspect=round(pose[ASPECT], 3),
                mixture=(
                    round(pose[MIXTURE[0]], 3),
                    round(pose[MIXTURE[1]], 3),
                    round(pose[MIXTURE[2]], 3),
                ),
                **{
                    figure: round(float(fitted.figures[figure][unit]), digits)
                    for figure, digits in (("strength", 2), ("explained", 3))
                    if figure in fitted.figures
                },
            )
        )
    return tuple(trained)


def _start(
    trials: Trials, wanted: Tensor, width_px: float, shift_x: float, shift_y: float
) -> Poses:
    """A start of the fit: each unit's preferred grating through an envelope at a shift."""
    kinds = [trials.kinds[i] for i in wanted.argmax(0).tolist()]
    wavelength_px, orientation_deg, phase_deg = (
        torch.tensor([kind[k] for kind in kinds], dtype=torch.float64) for k in (1, 2, 3)
    )
    turn = torch.deg2rad(orientation_deg + 90)
    moved = 360 / wavelength_px * (shift_x * torch.cos(turn) + shift_y * torch.sin(turn))
    same = torch.ones(len(kinds), dtype=torch.float64)
    lowest, highest = STEPS[SCALE][1:]
    return {
        CENTRE: orientation_deg + 90,
        PHASE: moved - phase_deg,
        SHIFT_X: same * shift_x,
        SHIFT_Y: same * shift_y,
        SCALE: (wavelength_px / WAVELENGTH_PX).log().clamp(lowest, highest),
        "width_px": same * math.log(width_px),
        ASPECT: same * 0.0,
        **{
            name: torch.tensor([3.0 * (kind[0] == name) for kind in kinds], dtype=torch.float64)
            for name in MIXTURE
        },
    }


def _filters(poses: Poses, field_px: int) -> Float[Tensor, "unit 3 k k"]:
    """The Gabor filters, as the compiler makes them."""
    return gabor_weights(units_of(poses), WAVELENGTH_PX, SIGMA_PX, ASPECT_RATIO, field_px, FLOAT64)


def units_of(parameters: Poses) -> Units:
    """Units with the fitted parameters."""
    names = tuple(map(str, range(len(parameters[CENTRE]))))
    return Units(names, _columns(parameters), {UNIT: len(names)})


def _columns(poses: Poses) -> Poses:
    """The poses of units, from the fitted parameters.

    An envelope's width in pixels is sigma_px * envelope * scale.
    """
    columns = {name: value.exp() if name in FACTORS else value for name, value in poses.items()}
    columns[ENVELOPE] = columns.pop("width_px") / (SIGMA_PX * columns[SCALE])
    columns[ASPECT] = columns[ASPECT] / ASPECT_RATIO
    return columns


def canonical(poses: Poses) -> dict[str, Float[np.ndarray, " unit"]]:
    """The same Gabors, each in one of its four equivalent forms.

    In it the largest part of the mixture is above 0, and the bright side lies towards `centre_deg`.
    """
    columns = {name: value.numpy().copy() for name, value in _columns(poses).items()}
    mixture = np.stack([columns[name] for name in MIXTURE])
    largest = np.take_along_axis(mixture, np.abs(mixture).argmax(0)[None], 0)[0]
    columns[PHASE] = (columns[PHASE] + 180.0 * (largest < 0)) % 360
    mixture = mixture * np.where(largest < 0, -1, 1) / (np.abs(mixture).sum(0) + TINY)
    away = columns[PHASE] < 180
    columns[CENTRE] = (columns[CENTRE] + 180.0 * away) % 360
    columns[PHASE] = np.where(away, -columns[PHASE], columns[PHASE]) % 360
    return columns | dict(zip(MIXTURE, mixture, strict=True))


FORM = Form(
    STEPS,
    [partial(_start, width_px=width, shift_x=x, shift_y=y) for width, x, y in STARTS],
    _filters,
    canonical,
)
STIMULI = (
    f"{SUMMARY}; poses of the Gabor whose answers come nearest, "
    f"against {WAVELENGTH_PX:g} px, sigma {SIGMA_PX:g} px, aspect {ASPECT_RATIO:g}"
)


def _family(name: str, thresholds: Mapping[str, float]) -> Family:
    judged = partial(judge, form=FORM, thresholds=thresholds)
    return Family(name, STIMULI, thresholds, first_site, judged, units)


FAMILY = _family("gabor", THRESHOLDS)
ROUGH = _family("rough_gabor", ROUGH_THRESHOLDS)
