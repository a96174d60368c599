"""Colour fields: units that a broad field of one colour drives, with a coarse Gabor in that colour.

A field does not drive a Gabor, whose weights add up to 0. Noise in the weights of these units makes
their responses to fine gratings large, so their poses are fitted to responses to natural pictures
(Theunissen et al. 2001, doi 10.1080/net.12.3.289.316).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Arrays
from workbench.compiler.respond import in_circuit_units
from workbench.errors import WorkbenchError
from workbench.hosts.host import Host, Site
from workbench.theory.poses import ASPECT, CENTRE, MIXTURE, PHASE, SCALE, SHIFT_X, SHIFT_Y
from workbench.theory.rule import blob_weights, gabor_weights
from workbench.vision.geometry.gabor import OPPONENT
from workbench.vision.pictures import Picture, batch
from workbench.vision.survey import gabor
from workbench.vision.survey.family import Family, first_site
from workbench.vision.survey.filters import OFFSET, TINY, Fitted, Form, Poses, fit
from workbench.vision.survey.gratings import Trials, field_px
from workbench.vision.survey.responses import BATCH, Steps, activations, apex_of

FIELD_GAIN = 0.25  # of the spot, next to a Gabor of gain 1
PLACES = 7  # windows of each picture, along each side
START_WAVELENGTH_PX, START_SIGMA_PX = 10.0, 2.0
DIRECTIONS_DEG = (0.0, 90.0, 180.0, 270.0)  # of the starts
START_PHASE_DEG = 45.0  # half a field, half an edge

# The least figures of a colour field.
THRESHOLDS = {
    # share of the variance of its activation over pictures that the mean colour of its receptive
    # field explains; InceptionV1's first convolution has no unit between 0.07 and 0.15
    "field": 0.1,
    "explained": 0.4,  # share that its field with a Gabor explains
}

STEPS = {**gabor.STEPS, OFFSET: (0.03, -1.0, 1.0)}


def judge(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> Mapping[str, Fitted]:
    """Figures of every unit of each site, against its nearest field with a Gabor."""
    fitted = {}
    for name in sites:
        trials = windows(host, host.site(name), pictures, steps)
        parameters, explained = fit(trials, steps, FORM)
        figures = {"field": by_mean_colour(trials, trials.responses)[1], "explained": explained}
        fitted[name] = Fitted(figures, THRESHOLDS, FORM.poses(parameters))
    return fitted


def windows(host: Host, site: Site, pictures: Sequence[Picture], steps: Steps) -> Trials:
    """Receptive fields in natural pictures, evenly over each, and the units' activations there.

    Raises WorkbenchError where no cell's receptive field lies within the picture.
    """
    reach = field_px(host, site) // 2
    cells = _inside(host, site, reach)

    def shown(start: int) -> Arrays:
        rgb = host.picture_input.decode(batch(pictures[start : start + BATCH], host.picture_input))
        maps = activations(host, rgb, [site.name])[site.name]
        field = in_circuit_units(rgb, host.picture_input.mean_rgb)
        patches = []
        for cell in itertools.product(cells, cells):
            x, y = map(int, apex_of(site, cell))
            patches.append(field[:, :, y - reach : y + reach + 1, x - reach : x + reach + 1])
        responses = maps[:, :, cells][..., cells].flatten(2).permute(2, 0, 1).flatten(0, 1)
        return {"shown": torch.cat(patches).numpy(), "responses": responses.numpy()}

    content = [picture.sha256 for picture in pictures]
    batches = list(steps("windows", len(pictures), shown, site.name, content, size=BATCH))
    shown_there, responses = (
        torch.from_numpy(np.concatenate([arrays[name] for arrays in batches])).double()
        for name in ("shown", "responses")
    )
    return Trials(shown_there, responses, ())


def _inside(host: Host, site: Site, reach: int) -> list[int]:
    """Cells evenly along a side, whose receptive fields lie within the picture."""
    size_px = host.picture_input.size_px
    first = max(0, math.ceil((reach - site.offset_px) / site.stride_px))
    last = min(site.height - 1, (size_px - 1 - reach - site.offset_px) // site.stride_px)
    if first > last:
        raise WorkbenchError(
            f"host {host.name}: site {site.name}",
            f"no unit sees {2 * reach + 1} px within pictures of {size_px} px",
            "receptive fields in natural pictures",
            "Survey another family.",
        )
    return np.linspace(first, last, PLACES).astype(int).tolist()


def by_mean_colour(
    trials: Trials, wanted: Tensor
) -> tuple[Float[Tensor, "4 unit"], Float[np.ndarray, " unit"]]:
    """Least squares on each receptive field's mean colour.

    Parts of luma, red-green and blue-yellow and a constant, and the share of variance that they
    explain: 0 for a unit that never responds.
    """
    opponent = torch.tensor(list(OPPONENT.values()), dtype=torch.float64)
    parts = trials.shown.mean((2, 3)) @ opponent.T
    parts = torch.cat([parts, torch.ones_like(parts[:, :1])], 1)
    factors = torch.linalg.lstsq(parts, wanted).solution
    whole, left = wanted.var(0), (wanted - parts @ factors).var(0)
    return factors, ((whole - left) / whole.clamp_min(TINY)).numpy()


def _start(trials: Trials, wanted: Tensor, direction_deg: float) -> Poses:
    """A start of the fit: a coarse edge in the colour of each unit's field."""
    factors, _ = by_mean_colour(trials, wanted)
    same = torch.ones(wanted.shape[1], dtype=torch.float64)
    return {
        CENTRE: same * direction_deg,
        PHASE: same * START_PHASE_DEG,
        SHIFT_X: same * 0.0,
        SHIFT_Y: same * 0.0,
        SCALE: same * math.log(START_WAVELENGTH_PX / gabor.WAVELENGTH_PX),
        "width_px": same * math.log(START_SIGMA_PX),
        ASPECT: same * 0.0,
        **{name: factors[i].clone() for i, name in enumerate(MIXTURE)},
        OFFSET: factors[-1].clone(),
    }


def _poses(parameters: Poses) -> Poses:
    return {name: value for name, value in parameters.items() if name != OFFSET}


def _filters(parameters: Poses, field_px: int) -> Float[Tensor, "unit 3 k k"]:
    """The fields with their Gabors, as the compiler makes them."""
    units, like = gabor.units_of(_poses(parameters)), gabor.FLOAT64
    wavelength_px, sigma_px = gabor.WAVELENGTH_PX, gabor.SIGMA_PX
    return gabor_weights(
        units, wavelength_px, sigma_px, gabor.ASPECT_RATIO, field_px, like
    ) + blob_weights(units, sigma_px, FIELD_GAIN, field_px, like)


FORM = Form(
    STEPS,
    [partial(_start, direction_deg=direction) for direction in DIRECTIONS_DEG],
    _filters,
    lambda parameters: gabor.canonical(_poses(parameters)),
)
STIMULI = (
    f"natural pictures, {PLACES} x {PLACES} receptive fields of each; poses of the Gabor with a "
    f"spot of gain {FIELD_GAIN:g} whose answers come nearest, against "
    f"{gabor.WAVELENGTH_PX:g} px, sigma {gabor.SIGMA_PX:g} px, aspect {gabor.ASPECT_RATIO:g}"
)
FAMILY = Family("colour_field", STIMULI, THRESHOLDS, first_site, judge, gabor.units)
