"""A family as a survey looks for it: its usual sites, stimuli, thresholds and poses."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.vision.pictures import Picture
from workbench.vision.survey.responses import Steps

USUAL_STRIDE_PX = 8  # arcs of 12 to 60 px span a few cells there
EARLY_STRIDE_PX = 4  # one wavelength of a Gabor spans a cell or two


@dataclass(frozen=True)
class Judged:
    """The figures of every unit of a site, and the threshold that each must reach.

    A unit that reaches every threshold belongs to the family.
    """

    figures: Mapping[str, Float[np.ndarray, " unit"]]
    thresholds: Mapping[str, float]

    @property
    def passes(self) -> Bool[np.ndarray, " unit"]:
        """Units that meet every threshold."""
        return np.all(
            [self.figures[name] >= least for name, least in self.thresholds.items()], axis=0
        )

    @property
    def missed(self) -> Float[np.ndarray, " unit"]:
        """How far each unit falls short: the largest (threshold - figure) / threshold.

        It is 0 or less for units that pass.
        """
        return np.max(
            [1 - self.figures[name] / least for name, least in self.thresholds.items()], axis=0
        )


@dataclass(frozen=True)
class Family:
    """One kind of unit that a survey can find.

    stimuli  description of the stimuli for the circuit's file
    sites    the sites of a host to survey when none is named
    judge    (host, sites that share one grid, natural pictures, steps) -> each site's figures
    units    (host, site, its figures, steps) -> the units that pass, with their poses
    """

    name: str
    stimuli: str
    thresholds: Mapping[str, float]
    sites: Callable[[Host], list[str]]
    judge: Callable[[Host, Sequence[str], Sequence[Picture], Steps], Mapping[str, Judged]]
    units: Callable[[Host, Site, Judged, Steps], tuple[TrainedUnit, ...]]


def moderate_sites(host: Host) -> list[str]:
    """Sites whose stride is nearest to 8 pixels: deep enough for arcs, not yet for objects.

    Raises WorkbenchError if there is none.
    """
    return _nearest_to(host, USUAL_STRIDE_PX)


def early_sites(host: Host) -> list[str]:
    """Sites whose stride is nearest to 4 pixels: after the first filters, before arcs.

    Raises WorkbenchError if there is none.
    """
    return _nearest_to(host, EARLY_STRIDE_PX)


def first_site(host: Host) -> list[str]:
    """The first site that the host computes. Raises WorkbenchError if there is none."""
    return list(_sites(host))[:1]


def _nearest_to(host: Host, stride_px: int) -> list[str]:
    octaves = {
        name: abs(math.log2(site.stride_px / stride_px)) for name, site in _sites(host).items()
    }
    return [name for name, distance in octaves.items() if distance == min(octaves.values())]


def _sites(host: Host) -> Mapping[str, Site]:
    if not host.sites:
        raise WorkbenchError(f"host {host.name}", "no sites", "at least one site to survey")
    return host.sites
