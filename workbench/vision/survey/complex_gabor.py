"""Complex Gabors: units that respond to one orientation, whatever the phase and polarity.

Their stimulus is a grating, a bar or an edge. "Early Vision", doi 10.23915/distill.00024.002; the
complex cells of Hubel & Wiesel 1962, doi 10.1113/jphysiol.1962.sp006837.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.vision.pictures import Picture
from workbench.vision.stimuli import Stroke, line
from workbench.vision.stimuli.canvas import RGB, Point
from workbench.vision.survey import trials
from workbench.vision.survey.family import Family, Judged, early_sites
from workbench.vision.survey.gratings import CONTRAST, ORIENTATIONS_DEG, PHASES_DEG, WAVELENGTHS_PX
from workbench.vision.survey.gratings import draw as draw_gratings
from workbench.vision.survey.moved import Draw, along_normal, moved_units
from workbench.vision.survey.responses import Steps, best_responses, moments

TINY = 1e-9
NORMALS_DEG = ORIENTATIONS_DEG + 90
CHANNEL = "luma"
# straight contours
CONTOURS = tuple((fill, polarity) for fill in trials.FILLS for polarity in trials.POLARITIES)
CELLS_AROUND = 1  # the highest of 3 x 3 cells
SHIFTS_PX = np.arange(-6.0, 7.0, 2.0)  # of a bar, along its normal

SUMMARY = (
    f"sine gratings every {ORIENTATIONS_DEG[1]:g} degrees and {PHASES_DEG[1]:g} degrees of phase, "
    f"wavelengths {', '.join(f'{px:g}' for px in WAVELENGTHS_PX)} px, "
    f"contrast {CONTRAST[CHANNEL]:g}; straight bars {trials.WIDTH_PX:g} px wide and edges, "
    f"bright and dark on mid-grey; shift from bars moved by up to {SHIFTS_PX.max():g} px "
    "along their normal"
)

# What makes a complex Gabor unit.
THRESHOLDS = {
    # a grating drives it beyond its mean over pictures by two of their standard deviations
    "strength": 2.0,
    # one peak over 180 degrees: a cosine that falls to a quarter of its peak has that
    "concentration": 0.3,
    # gratings 60 degrees and more from the best give at most half of the best response
    "selectivity": 0.5,
    # the worst phase of the best grating gives half of the response to the best phase; a half-wave
    # Gabor responds to half of the phases with zero
    "phase": 0.5,
    # bright and dark, bar and edge: the worst of the four gives two fifths of the best response
    "polarity": 0.4,
}


@dataclass(frozen=True)
class Oriented(Judged):
    """Tuning of every unit to gratings, bars and edges.

    `normal_deg` is that of the gratings each unit prefers: the vector mean over 180 degrees.
    """

    normal_deg: Float[np.ndarray, " unit"]


def judge(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> Mapping[str, Oriented]:
    """Tuning to gratings, bars and edges of every unit of sites on one grid."""
    over_pictures = moments(host, sites, pictures, steps)
    waves = best_responses(
        host,
        sites,
        "gratings",
        [partial(_grating, host, wavelength_px) for wavelength_px in WAVELENGTHS_PX],
        0,
        steps,
    )
    contours = best_responses(
        host,
        sites,
        "bars and edges",
        [partial(_contour, host, contour) for contour in CONTOURS],
        CELLS_AROUND,
        steps,
    )
    shape = len(WAVELENGTHS_PX), len(NORMALS_DEG), len(PHASES_DEG), -1
    sides = len(CONTOURS), 2, len(NORMALS_DEG), -1
    return {
        name: oriented(
            waves[name].reshape(shape), contours[name].reshape(sides).max(1), *over_pictures[name]
        )
        for name in sites
    }


def units(host: Host, site: Site, judged: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The complex Gabor units of a site.

    `centre_deg` is the direction of their normal, 0 to 180, along which they are shifted.
    """
    if not isinstance(judged, Oriented):
        raise TypeError("not the tuning of complex Gabors")
    chosen = np.flatnonzero(judged.passes)
    normal_deg = judged.normal_deg[chosen]
    nearest = _apart_deg(normal_deg).argmin(0)
    shifts = along_normal(
        host, site, chosen, nearest, NORMALS_DEG % 180, SHIFTS_PX, _moved(host), steps
    )
    return moved_units(judged, chosen, normal_deg, 180, shifts)


def oriented(
    waves: Float[np.ndarray, "wavelength orientation phase unit"],
    contours: Float[np.ndarray, "contour orientation unit"],
    mean: Float[np.ndarray, " unit"],
    spread: Float[np.ndarray, " unit"],
) -> Oriented:
    """The figures of every unit, from its responses."""
    index = np.arange(waves.shape[-1])
    best = waves.max((0, 1, 2))
    # orientation phase unit, at the wavelength of the highest response
    preferred = waves[waves.max((1, 2)).argmax(0), :, :, index].transpose(1, 2, 0)
    curve = preferred.mean(1)
    vector = (curve * np.exp(2j * np.radians(NORMALS_DEG))[:, None]).sum(0)
    normal_deg = np.degrees(np.angle(vector)) / 2 % 180
    phases, by_contour = preferred[preferred.max(1).argmax(0), :, index], contours.max(1)
    across = np.where(_apart_deg(normal_deg) >= 60, curve, 0).max(0)
    figures = {
        "strength": (best - mean) / (spread + TINY),
        "concentration": np.abs(vector) / (curve.sum(0) + TINY),
        "selectivity": 1 - across / (curve.max(0) + TINY),
        "phase": phases.min(1) / (phases.max(1) + TINY),
        "polarity": by_contour.min(0) / (by_contour.max(0) + TINY),
    }
    return Oriented(figures, THRESHOLDS, normal_deg)


def _apart_deg(normal_deg: Float[np.ndarray, " unit"]) -> Float[np.ndarray, "orientation unit"]:
    return np.abs((NORMALS_DEG[:, None] - normal_deg + 90) % 180 - 90)


def _grating(host: Host, wavelength_px: float, at: Point) -> Float[Tensor, "n 3 h w"]:
    """Gratings of every orientation and phase, the last fastest.

    They fill the picture, so the point `at` does not matter.
    """
    return draw_gratings(host, CHANNEL, wavelength_px)


def _contour(host: Host, contour: tuple[str, str], at: Point) -> Float[Tensor, "n 3 h w"]:
    """Straight contours of every orientation, then the same with their sides exchanged."""
    normals = np.concatenate([NORMALS_DEG, NORMALS_DEG + 180])
    return trials.draw(
        host.picture_input.size_px, *contour, trials.STRAIGHT_RADIUS_PX, normals, at
    ).float()


def _moved(host: Host) -> list[Draw]:
    """Functions that draw a bar of one polarity at a point, for each polarity."""

    def draw(at: Point, colour: float) -> RGB:
        orientation_deg = torch.tensor(NORMALS_DEG - 90)
        stroke = Stroke(trials.WIDTH_PX, colour)
        return line(host.picture_input.size_px, at, orientation_deg, stroke=stroke)

    return [partial(draw, colour=colour) for colour in trials.POLARITIES.values()]


FAMILY = Family("complex_gabor", SUMMARY, THRESHOLDS, early_sites, judge, units)
