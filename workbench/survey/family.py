"""What a survey knows of a family: where to look, what to show, what makes one of its units, and that unit's pose."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host, Site
from workbench.pictures import Picture
from workbench.spec.circuit import TrainedUnit
from workbench.survey.responses import Steps

USUAL_STRIDE_PX = 8  # arcs of 12 to 60 px span a few cells there
EARLY_STRIDE_PX = 4  # a wave of a Gabor spans a cell or two


@dataclass(frozen=True)
class Judged:
    """Every unit of a site by the figures of a family, and what each figure must reach in a unit of that family."""

    figures: Mapping[str, Float[np.ndarray, " unit"]]
    thresholds: Mapping[str, float]

    @property
    def passes(self) -> Bool[np.ndarray, " unit"]:
        """Units that meet every threshold."""
        return np.all([self.figures[name] >= least for name, least in self.thresholds.items()], axis=0)

    @property
    def missed(self) -> Float[np.ndarray, " unit"]:
        """How far each unit falls short: the worst of (threshold - figure) / threshold; 0 or less for units that pass."""
        return np.max([1 - self.figures[name] / least for name, least in self.thresholds.items()], axis=0)


@dataclass(frozen=True)
class Family:
    """One kind of unit that a survey can find.

    stimuli  what is shown, in words for the circuit's file
    sites    where to look in a host when no site is named
    judge    (host, sites that share one grid, natural pictures, steps) -> each site's units, judged
    units    (host, site, its units as judged, steps) -> those that pass, with their poses
    """

    name: str
    stimuli: str
    thresholds: Mapping[str, float]
    sites: Callable[[Host], list[str]]
    judge: Callable[[Host, Sequence[str], Sequence[Picture], Steps], Mapping[str, Judged]]
    units: Callable[[Host, Site, Judged, Steps], tuple[TrainedUnit, ...]]


def moderate_sites(host: Host) -> list[str]:
    """Sites whose stride is nearest to 8 pixels: deep enough for arcs, not yet for objects. Raises WorkbenchError if there is none."""
    return _nearest_to(host, USUAL_STRIDE_PX)


def early_sites(host: Host) -> list[str]:
    """Sites whose stride is nearest to 4 pixels: behind the first filters, before arcs. Raises WorkbenchError if there is none."""
    return _nearest_to(host, EARLY_STRIDE_PX)


def first_site(host: Host) -> list[str]:
    """The first site that the host computes. Raises WorkbenchError if there is none."""
    return list(_some(host))[:1]


def _nearest_to(host: Host, stride_px: int) -> list[str]:
    octaves = {name: abs(math.log2(site.stride_px / stride_px)) for name, site in _some(host).items()}
    return [name for name, distance in octaves.items() if distance == min(octaves.values())]


def _some(host: Host) -> Mapping[str, Site]:
    if not host.sites:
        raise WorkbenchError(f"host {host.name}", "no sites", "at least one site to survey")
    return host.sites
