"""Curves: units that respond to an arc of one direction, whatever its polarity and fill.

Early curves respond to it less exclusively.

"Curve Detectors", doi 10.23915/distill.00024.003; "Curve Circuits", doi 10.23915/distill.00024.006.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.vision.pictures import Picture
from workbench.vision.survey.arcs import measure
from workbench.vision.survey.family import Family, Judged, moderate_sites
from workbench.vision.survey.place import PLACING, places
from workbench.vision.survey.responses import Steps
from workbench.vision.survey.trials import SUMMARY
from workbench.vision.survey.tuning import EARLY_THRESHOLDS, THRESHOLDS, Tuning, tuning


def judge(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> Mapping[str, Tuning]:
    """Tuning of every unit of sites on one grid, which share passes through the network."""
    return {
        name: tuning(responses) for name, responses in measure(host, sites, pictures, steps).items()
    }


def units(host: Host, site: Site, tuned: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The curve units of a site, with direction and place measured together."""
    if not isinstance(tuned, Tuning):
        raise TypeError("not the tuning of curves")
    chosen = np.flatnonzero(tuned.passes)
    placed = places(host, site, chosen.tolist(), steps)
    return tuple(
        TrainedUnit(
            unit=int(unit),
            centre_deg=round(float(placed.pose_deg[index]), 1) % 360,
            radius_px=round(float(tuned.radius_px[unit]), 1),
            shift_px=(
                round(float(placed.shift_px[index, 0]), 1),
                round(float(placed.shift_px[index, 1]), 1),
            ),
            strength=round(float(tuned.figures["strength"][unit]), 2),
            direction=round(float(tuned.turned[unit]), 3),
            curvature=round(float(tuned.figures["curvature"][unit]), 3),
        )
        for index, unit in enumerate(chosen)
    )


def judge_early(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> Mapping[str, Tuning]:
    """As `judge`, by the thresholds of early curve units."""
    return {
        name: tuning(responses, EARLY_THRESHOLDS)
        for name, responses in measure(host, sites, pictures, steps).items()
    }


FAMILY = Family("curve", f"{SUMMARY}; {PLACING}", THRESHOLDS, moderate_sites, judge, units)
EARLY = Family(
    "early_curve", f"{SUMMARY}; {PLACING}", EARLY_THRESHOLDS, moderate_sites, judge_early, units
)
