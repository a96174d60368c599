"""High-low frequency detectors: units for fine texture on one side and coarse on the other.

Schubert et al. 2021, "High-Low Frequency Detectors", doi 10.23915/distill.00024.005. A unit's
direction is that of the fine side.
"""

import itertools
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
from workbench.vision.stimuli import Textures, texture_edge
from workbench.vision.stimuli.canvas import RGB, Point
from workbench.vision.survey.family import Family, Judged, moderate_sites
from workbench.vision.survey.moved import Draw, along_normal, moved_units
from workbench.vision.survey.responses import Steps, best_responses, moments
from workbench.vision.survey.trials import DIRECTION_STEP_DEG, DIRECTIONS_DEG
from workbench.vision.survey.tuning import vector_mean

TINY = 1e-9
PAIRS_PX = ((3.0, 12.0), (4.0, 16.0), (5.0, 24.0))  # wavelengths of the fine and of the coarse side
TILTS_DEG = (0.0, 45.0, 90.0)  # of the stripes from the edge
PHASES_DEG = (0.0, 90.0)
CELLS_AROUND = 1  # the highest of 3 x 3 cells
SHIFTS_PX = np.arange(-12.0, 13.0, 4.0)  # of the edge, along its normal

SUMMARY = (
    "edges between two gratings of wavelengths "
    f"{', '.join(f'{fine:g} and {coarse:g}' for fine, coarse in PAIRS_PX)} px, "
    f"stripes at {', '.join(f'{tilt:g}' for tilt in TILTS_DEG)} degrees "
    f"from the edge, in a Gaussian window of 45 px, every {DIRECTION_STEP_DEG} degrees; "
    "the same gratings without an edge; "
    f"shift from edges moved by up to {SHIFTS_PX.max():g} px along their normal"
)

# What makes a high-low frequency unit.
THRESHOLDS = {
    # an edge between textures drives it beyond its mean over pictures by four of their standard
    # deviations
    "strength": 4.0,
    "concentration": 0.4,  # one peak over 360 degrees
    # with the two sides exchanged its response is at most two fifths of the best
    "direction": 0.6,
    "edge": 0.6,  # neither texture alone gives more than two fifths, whatever its orientation
    "frequencies": 0.25,  # the worst pair of wavelengths gives a quarter of the best
    "stripes": 0.3,  # the worst orientation of stripes gives three tenths of the best
}


@dataclass(frozen=True)
class Sided(Judged):
    """Tuning of every unit to edges between textures.

    `direction_deg` is that of the fine side: the vector mean over 360 degrees.
    """

    direction_deg: Float[np.ndarray, " unit"]


def judge(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> Mapping[str, Sided]:
    """Tuning of every unit of sites on one grid to edges between textures."""
    over_pictures = moments(host, sites, pictures, steps)
    kinds = list(itertools.product(PAIRS_PX, TILTS_DEG, PHASES_DEG))
    alone = list(
        itertools.product(
            [(wavelength_px, wavelength_px) for wavelength_px in itertools.chain(*PAIRS_PX)],
            TILTS_DEG[::2],
            PHASES_DEG,
        )
    )
    edges = _responses(host, sites, kinds, "edges", steps)
    plain = _responses(host, sites, alone, "textures", steps)
    return {name: _sided(edges[name], plain[name], *over_pictures[name]) for name in sites}


def units(host: Host, site: Site, judged: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The high-low frequency units of a site: `centre_deg` points to the fine side."""
    if not isinstance(judged, Sided):
        raise TypeError("not the tuning of high-low frequency detectors")
    chosen = np.flatnonzero(judged.passes)
    direction_deg = judged.direction_deg[chosen]
    nearest = _apart_deg(direction_deg).argmin(0)
    shifts = along_normal(
        host, site, chosen, nearest, DIRECTIONS_DEG, SHIFTS_PX, _moved(host), steps
    )
    return moved_units(judged, chosen, direction_deg, 360, shifts)


def _sided(edges: np.ndarray, plain: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> Sided:
    """The figures of every unit, from its responses `kind direction unit`."""
    best, curve = edges.max((0, 1)), edges.mean(0)
    direction_deg, concentration = vector_mean(curve)
    apart = _apart_deg(direction_deg)
    at_direction = (
        np.where(apart <= DIRECTION_STEP_DEG, edges, 0)
        .max(1)
        .reshape(len(PAIRS_PX), len(TILTS_DEG), len(PHASES_DEG), -1)
    )
    by_pair, by_stripes = at_direction.mean((1, 2)), at_direction.mean((0, 2))
    figures = {
        "strength": (best - mean) / (spread + TINY),
        "concentration": concentration,
        "direction": 1 - np.where(apart >= 90, curve, 0).max(0) / (curve.max(0) + TINY),
        "edge": 1 - plain.max((0, 1)) / (best + TINY),
        "frequencies": by_pair.min(0) / (by_pair.max(0) + TINY),
        "stripes": by_stripes.min(0) / (by_stripes.max(0) + TINY),
    }
    return Sided(figures, THRESHOLDS, direction_deg)


def _apart_deg(direction_deg: Float[np.ndarray, " unit"]) -> Float[np.ndarray, "direction unit"]:
    return np.abs((DIRECTIONS_DEG[:, None] - direction_deg + 180) % 360 - 180)


def _responses(
    host: Host, sites: Sequence[str], kinds: Sequence[tuple], stage: str, steps: Steps
) -> dict[str, np.ndarray]:
    """Highest responses near the middle cell: `kind direction unit`."""

    def drawn(kind: tuple, at: Point) -> Float[Tensor, "n 3 h w"]:
        (fine_px, coarse_px), tilt_deg, phase_deg = kind
        textures = Textures(fine_px, coarse_px, tilt_deg, phase_deg)
        return _draw(at, host.picture_input.size_px, textures).permute(0, 3, 1, 2).float()

    return best_responses(
        host, sites, stage, [partial(drawn, kind) for kind in kinds], CELLS_AROUND, steps
    )


def _draw(at: Point, size_px: int, textures: Textures) -> RGB:
    return texture_edge(size_px, at, torch.tensor(DIRECTIONS_DEG), textures)


def _moved(host: Host) -> list[Draw]:
    """Functions that draw edges at a point, of the middle wavelengths and stripes into the edge."""
    size_px, (fine_px, coarse_px) = host.picture_input.size_px, PAIRS_PX[1]
    return [
        partial(
            _draw,
            size_px=size_px,
            textures=Textures(fine_px, coarse_px, TILTS_DEG[-1], phase_deg),
        )
        for phase_deg in PHASES_DEG
    ]


FAMILY = Family("high-low-frequency", SUMMARY, THRESHOLDS, moderate_sites, judge, units)
