"""High-low frequency detectors: units that want fine texture on one side and coarse texture on the other.

Schubert et al. 2021, "High-Low Frequency Detectors", doi 10.23915/distill.00024.005. Their direction is that of the fine side.
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
from workbench.pictures import Picture
from workbench.spec.circuit import TrainedUnit
from workbench.stimuli import texture_edge
from workbench.stimuli.canvas import Point
from workbench.survey.family import Family, Judged, moderate_sites
from workbench.survey.moved import Draw, along_normal, moved_units
from workbench.survey.responses import Steps, best_answers, moments
from workbench.survey.trials import DIRECTION_STEP_DEG, DIRECTIONS_DEG
from workbench.survey.tuning import vector_mean

TINY = 1e-9
PAIRS_PX = ((3.0, 12.0), (4.0, 16.0), (5.0, 24.0))  # wavelengths of the fine and of the coarse side
TILTS_DEG = (0.0, 45.0, 90.0)  # of the stripes from the edge
PHASES_DEG = (0.0, 90.0)
CELLS_AROUND = 1  # the best of 3 x 3 cells
SHIFTS_PX = np.arange(-12.0, 13.0, 4.0)  # of the edge, along its normal

SUMMARY = (
    "edges between two gratings of wavelengths "
    f"{', '.join(f'{fine:g} and {coarse:g}' for fine, coarse in PAIRS_PX)} px, stripes at {', '.join(f'{tilt:g}' for tilt in TILTS_DEG)} degrees "
    f"from the edge, in a Gaussian window of 45 px, every {DIRECTION_STEP_DEG} degrees; the same gratings without an edge; "
    f"shift from edges moved by up to {SHIFTS_PX.max():g} px along their normal"
)

# What makes a high-low frequency unit.
THRESHOLDS = {
    "strength": 4.0,  # an edge of textures drives it beyond what pictures do on the whole: four of their standard deviations
    "concentration": 0.4,  # one peak over 360 degrees
    "direction": 0.6,  # with the fine side on the other side it gives at most two fifths
    "edge": 0.6,  # neither texture alone gives more than two fifths, whatever its orientation
    "frequencies": 0.25,  # the worst pair of wavelengths gives a quarter of the best
    "stripes": 0.3,  # and so do the worst stripes: it is no matter of lines
}


@dataclass(frozen=True)
class Sided(Judged):
    """`direction_deg` of the fine side: the vector mean over 360 degrees."""

    direction_deg: Float[np.ndarray, " unit"]


def judge(host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps) -> Mapping[str, Sided]:
    """Tuning to edges between textures of every unit of sites on one grid."""
    over_pictures = moments(host, sites, pictures, steps)
    kinds = list(itertools.product(PAIRS_PX, TILTS_DEG, PHASES_DEG))
    alone = list(itertools.product([(each, each) for each in itertools.chain(*PAIRS_PX)], TILTS_DEG[::2], PHASES_DEG))
    edges, plain = (_answers(host, sites, each, what, steps) for each, what in ((kinds, "edges"), (alone, "textures")))
    return {name: _sided(edges[name], plain[name], *over_pictures[name]) for name in sites}


def units(host: Host, site: Site, judged: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The high-low frequency units of a site: `centre_deg` points to the fine side."""
    if not isinstance(judged, Sided):
        raise TypeError("not the tuning of high-low frequency detectors")
    chosen = np.flatnonzero(judged.passes)
    direction_deg = judged.direction_deg[chosen]
    nearest = _apart_deg(direction_deg).argmin(0)
    shifts = along_normal(host, site, chosen, nearest, DIRECTIONS_DEG, SHIFTS_PX, _moved(host), steps)
    return moved_units(judged, chosen, direction_deg, 360, shifts)


def _sided(edges: np.ndarray, plain: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> Sided:
    """From answers `kind direction unit` to figures."""
    best, curve = edges.max((0, 1)), edges.mean(0)
    direction_deg, concentration = vector_mean(curve)
    apart = _apart_deg(direction_deg)
    there = np.where(apart <= DIRECTION_STEP_DEG, edges, 0).max(1).reshape(len(PAIRS_PX), len(TILTS_DEG), len(PHASES_DEG), -1)
    by_pair, by_stripes = there.mean((1, 2)), there.mean((0, 2))
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


def _answers(host: Host, sites: Sequence[str], kinds: Sequence[tuple], what: str, steps: Steps) -> dict[str, np.ndarray]:
    """Best answers about the middle cell: `kind direction unit`."""

    def drawn(kind: tuple, at: Point) -> Float[Tensor, "n 3 h w"]:
        (fine_px, coarse_px), tilt_deg, phase_deg = kind
        return _draw(at, host.input.size_px, fine_px, coarse_px, tilt_deg, phase_deg).permute(0, 3, 1, 2).float()

    return best_answers(host, sites, what, [partial(drawn, kind) for kind in kinds], CELLS_AROUND, steps)


def _draw(at: Point, size_px: int, fine_px: float, coarse_px: float, tilt_deg: float, phase_deg: float):
    return texture_edge(size_px, at, torch.tensor(DIRECTIONS_DEG), fine_px, coarse_px, tilt_deg, phase_deg)


def _moved(host: Host) -> list[Draw]:
    """The middle pair of wavelengths, stripes that run into the edge, at a point."""
    size_px, (fine_px, coarse_px) = host.input.size_px, PAIRS_PX[1]
    return [
        partial(_draw, size_px=size_px, fine_px=fine_px, coarse_px=coarse_px, tilt_deg=TILTS_DEG[-1], phase_deg=phase_deg)
        for phase_deg in PHASES_DEG
    ]


FAMILY = Family("high-low-frequency", SUMMARY, THRESHOLDS, moderate_sites, judge, units)
