"""Find a family in a host from behaviour alone: no weight is read."""

import datetime
from collections.abc import Mapping, Sequence

import numpy as np

from workbench import __version__
from workbench.cache import Cache
from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host
from workbench.pictures import Picture, collection_sha256
from workbench.spec.circuit import Found, TrainedCircuit
from workbench.survey import complex_gabor, curve, gabor, high_low_frequency, line
from workbench.survey.family import Family, Judged
from workbench.survey.responses import Progress, Steps, steps_of

FOUND = curve.FAMILY, curve.EARLY, gabor.FAMILY, complex_gabor.FAMILY, line.FAMILY, high_low_frequency.FAMILY
FAMILIES = {each.name: each for each in FOUND}
NEAR_MISSES = 3
# Units of a family. Set after networks with shuffled weights (null hosts, seed 0) had shown one or two that pass by chance: those networks cannot
# speak for it any more, null hosts of other seeds can (docs/universality.md).
FEWEST = 3


class NoneFoundError(WorkbenchError):
    """A survey looked, and found no family: a result where hosts are compared. `passed` units passed the thresholds, too few at any one site."""

    passed: int = 0


def survey(
    host: Host,
    family: str = "curve",
    pictures: Sequence[Picture] = (),
    sites: Sequence[str] | None = None,
    progress: Progress = lambda what, done, total: None,
    command: str | None = None,
    date: str | None = None,
    cache: Cache | None = None,
) -> TrainedCircuit:
    """The host's units of a family, with their poses.

    pictures  natural pictures, against whose responses those to the family's stimuli are weighed
    sites     where to look; by default where the family is usual. Of several the one with most units is taken
    progress  called with what is under way, how much of it is done, and how much there is
    command, date  what to record as the origin; by default the command line that does this, and today
    cache     where each step is kept, so that an interrupted survey goes on

    Raises WorkbenchError for an unknown family or site and for no pictures, and NoneFoundError where fewer than FEWEST units of every
    site qualify, with the nearest misses.
    """
    if family not in FAMILIES:
        raise WorkbenchError("survey", f"no family {family!r}", remedy=nearest(family, FAMILIES))
    if not pictures:
        raise WorkbenchError("survey", "no pictures", "some natural pictures", 'workbench.pictures.photographs("calibration") gives 96.')
    wanted = FAMILIES[family]
    steps = steps_of(host, family, progress, cache)
    judged = judge_sites(host, wanted, sites or wanted.sites(host), pictures, steps)
    counts = {name: int(found.passes.sum()) for name, found in judged.items()}
    chosen = max(counts, key=lambda name: counts[name])
    if counts[chosen] < FEWEST:
        raise _none_found(host, wanted, judged)
    units = wanted.units(host, host.site(chosen), judged[chosen], steps)
    seen = ", ".join(f"{name} {count}" for name, count in counts.items())
    found = Found(
        command=command or " ".join(["workbench", "survey", host.name, "--family", family, *(f"--site {name}" for name in sites or ())]),
        date=date or datetime.date.today().isoformat(),
        workbench=__version__,
        stimuli=f"{wanted.stimuli}; units found: {seen}",
        pictures=f"{len(pictures)} pictures, {pictures[0].name} to {pictures[-1].name}",
        pictures_sha256=collection_sha256(pictures),
        thresholds=dict(wanted.thresholds),
    )
    return TrainedCircuit(circuit=family, host=host.name, fingerprint=host.fingerprint, site=chosen, found=found, units=units)


def judge_sites(host: Host, family: Family, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps) -> dict[str, Judged]:
    """The units of `sites`, judged; sites on one grid share their passes through the network."""
    grids: dict[tuple[int, ...], list[str]] = {}
    for site in map(host.site, sites):
        grids.setdefault((site.stride_px, site.offset_px, site.height, site.width), []).append(site.name)
    judged = {name: each for group in grids.values() for name, each in family.judge(host, group, pictures, steps).items()}
    return {name: judged[name] for name in sites}


def largest_gap_deg(poses_deg: Sequence[float]) -> float:
    """The largest part of the circle, in degrees, that lies between two neighbouring poses."""
    poses = sorted(poses_deg)
    return max(b - a for a, b in zip(poses, [*poses[1:], poses[0] + 360], strict=True))


def _none_found(host: Host, family: Family, judged: Mapping[str, Judged]) -> NoneFoundError:
    rows = sorted((float(missed), name, unit) for name, each in judged.items() for unit, missed in enumerate(each.missed) if missed > 0)
    misses = [f"{name}:{unit} ({_short(judged[name], unit)})" for _, name, unit in rows[:NEAR_MISSES]]
    where = f"host {host.name}, {', '.join(judged)}"
    passed = [f"{name}:{unit}" for name, each in judged.items() for unit in np.flatnonzero(each.passes)]
    found = (
        f"only {', '.join(passed)} would be {family.name} units, no family; nearest" if passed else f"no {family.name} units found; nearest"
    )
    expected = f"{FEWEST} units or more at one site" if passed else ""
    error = NoneFoundError(where, f"{found}: {'; '.join(misses)}", expected, "Survey other sites of this host.")
    error.passed = len(passed)
    return error


def _short(judged: Judged, unit: int) -> str:
    """The figures in which a unit falls short."""
    failed = {name: judged.figures[name][unit] for name, least in judged.thresholds.items() if judged.figures[name][unit] < least}
    return ", ".join(f"{name} {value:.2f} < {judged.thresholds[name]:g}" for name, value in failed.items())
