"""Find a family in a host from behaviour alone: no weight is read."""

import datetime
import math
from collections.abc import Sequence

import numpy as np

from workbench import __version__
from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host, Site
from workbench.pictures import Picture, collection_sha256
from workbench.spec.circuit import Found, TrainedCircuit, TrainedUnit
from workbench.survey.place import PLACING, places
from workbench.survey.responses import Progress, measure
from workbench.survey.trials import SUMMARY
from workbench.survey.tuning import THRESHOLDS, Tuning, tuning

FAMILIES = ("curve",)
USUAL_STRIDE_PX = 8  # arcs of 12 to 60 px span a few cells there
NEAR_MISSES = 3


def survey(
    host: Host,
    family: str = "curve",
    pictures: Sequence[Picture] = (),
    sites: Sequence[str] | None = None,
    progress: Progress = lambda what, done, total: None,
    command: str | None = None,
    date: str | None = None,
) -> TrainedCircuit:
    """The host's units of a family, with their poses.

    pictures  natural pictures, against whose responses an arc's are weighed
    sites     where to look; by default every site of moderate depth. Of several the one with most units is taken
    progress  called with what is under way, how much of it is done, and how much there is
    command, date  what to record as the origin; by default the command line that does this, and today

    Raises WorkbenchError for an unknown family or site, for no pictures, and where no unit qualifies, with the nearest misses.
    """
    if family not in FAMILIES:
        raise WorkbenchError("survey", f"no family {family!r}", remedy=nearest(family, FAMILIES))
    if not pictures:
        raise WorkbenchError("survey", "no pictures", "some natural pictures", 'workbench.pictures.photographs("calibration") gives 96.')
    tunings = tune_sites(host, sites or moderate_sites(host), pictures, progress)
    counts = {name: int(found.passes.sum()) for name, found in tunings.items()}
    chosen = max(counts, key=lambda name: counts[name])
    if not counts[chosen]:
        raise _none_found(host, tunings)
    units = _units(host, host.site(chosen), tunings[chosen], progress)
    seen = ", ".join(f"{name} {count}" for name, count in counts.items())
    found = Found(
        command=command or f"workbench survey {host.name} --family {family}",
        date=date or datetime.date.today().isoformat(),
        workbench=__version__,
        stimuli=f"{SUMMARY}; {PLACING}; units found: {seen}",
        pictures=f"{len(pictures)} pictures, {pictures[0].name} to {pictures[-1].name}",
        pictures_sha256=collection_sha256(pictures),
        thresholds=THRESHOLDS,
    )
    return TrainedCircuit(circuit=family, host=host.name, fingerprint=host.fingerprint, site=chosen, found=found, units=units)


def moderate_sites(host: Host) -> list[str]:
    """Sites whose stride is nearest to 8 pixels: deep enough for arcs, not yet for objects. Raises WorkbenchError if there is none."""
    if not host.sites:
        raise WorkbenchError(f"host {host.name}", "no sites", "at least one site to survey")
    octaves = {name: abs(math.log2(site.stride_px / USUAL_STRIDE_PX)) for name, site in host.sites.items()}
    return [name for name, distance in octaves.items() if distance == min(octaves.values())]


def tune_sites(host: Host, sites: Sequence[str], pictures: Sequence[Picture], progress: Progress) -> dict[str, Tuning]:
    """Tuning of every unit of `sites`; sites on one grid share their passes through the network."""
    grids: dict[tuple[int, ...], list[str]] = {}
    for site in map(host.site, sites):
        grids.setdefault((site.stride_px, site.offset_px, site.height, site.width), []).append(site.name)
    measured = {name: each for group in grids.values() for name, each in measure(host, group, pictures, progress).items()}
    return {name: tuning(measured[name]) for name in sites}


def largest_gap_deg(poses_deg: Sequence[float]) -> float:
    """The largest part of the circle, in degrees, that lies between two neighbouring poses."""
    poses = sorted(poses_deg)
    return max(b - a for a, b in zip(poses, [*poses[1:], poses[0] + 360], strict=True))


def _units(host: Host, site: Site, tuned: Tuning, progress: Progress) -> tuple[TrainedUnit, ...]:
    chosen = np.flatnonzero(tuned.passes)
    placed = places(host, site, chosen.tolist(), progress)
    return tuple(
        TrainedUnit(
            unit=int(unit),
            centre_deg=round(float(placed.pose_deg[index]), 1) % 360,
            radius_px=round(float(tuned.radius_px[unit]), 1),
            shift_px=(round(float(placed.shift_px[index, 0]), 1), round(float(placed.shift_px[index, 1]), 1)),
            strength=round(float(tuned.figures["strength"][unit]), 2),
            direction=round(float(tuned.turned[unit]), 3),
            curvature=round(float(tuned.figures["curvature"][unit]), 3),
        )
        for index, unit in enumerate(chosen)
    )


def _none_found(host: Host, tunings: dict[str, Tuning]) -> WorkbenchError:
    rows = sorted((float(missed), name, unit) for name, tuned in tunings.items() for unit, missed in enumerate(tuned.missed))
    misses = [f"{name}:{unit} ({_short(tunings[name], unit)})" for _, name, unit in rows[:NEAR_MISSES]]
    where = f"host {host.name}, {', '.join(tunings)}"
    return WorkbenchError(where, f"no curve units found; nearest: {'; '.join(misses)}", remedy="Survey other sites of this host.")


def _short(tuned: Tuning, unit: int) -> str:
    """The figures in which a unit falls short."""
    failed = {name: tuned.figures[name][unit] for name, least in THRESHOLDS.items() if tuned.figures[name][unit] < least}
    return ", ".join(f"{name} {value:.2f} < {THRESHOLDS[name]:g}" for name, value in failed.items())
