"""The request of `propose` for a whole site, and what is refused."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.analyses.propose.site.controls import (
    EXCEPTIONS,
    MEAN,
    PERMUTED,
    RANDOM,
    SINGLE,
    TERMS,
    UNPOSED,
)
from workbench.analyses.propose.site.cost import classes_of
from workbench.analyses.propose.site.families import LEAST as LEAST_UNITS
from workbench.analyses.propose.site.grouped import GROUPED, GROUPED_ROWS
from workbench.analyses.propose.site.hidden import HIDDEN_ROWS, sides_of
from workbench.analyses.propose.site.sample import Stage
from workbench.analyses.propose.site.written import WrittenSite
from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host
from workbench.vision.pictures import Picture

LEAST = 8  # pictures of each kind
# beside TERMS
ROWS = (*GROUPED_ROWS, PERMUTED, UNPOSED, RANDOM, SINGLE, EXCEPTIONS, *HIDDEN_ROWS, MEAN)


@dataclass(frozen=True)
class SiteRequest:
    """The request of `propose` for a whole site.

    pictures  the theories are fitted on them
    judge     nothing is fitted on them
    terms     of each unit; None for as many as pay for themselves
    splice    judging pictures, the first by content hash, on which the whole site is put in place
    rows      of the table beside "terms", and no families; None for all rows, and families
    below     sites before this one that are handwritten, which it reads as they are written
    weights   whether each of `rows` is written to a file as well, "terms" if there are none
    units     how many units are put in families, those that cost the answers least; all others
              stay trained, in every row; None for all units
    """

    host: Host
    site: str
    pictures: Sequence[Picture]
    judge: Sequence[Picture]
    terms: int | None = None
    splice: int = 0
    rows: Sequence[str] | None = None
    below: Sequence[WrittenSite] = ()
    weights: bool = False
    units: int | None = None


def refuse_pictures(request: SiteRequest) -> None:
    """Raises WorkbenchError for too few pictures, and for any that is fitted and judged on."""
    for name, pictures in (("calibration", request.pictures), ("judging", request.judge)):
        if len(pictures) < LEAST:
            raise WorkbenchError(f"{name} pictures", f"{len(pictures)}", f"{LEAST} or more")
    shared = {picture.sha256 for picture in request.pictures} & {
        picture.sha256 for picture in request.judge
    }
    if shared:
        raise WorkbenchError(
            "judging pictures",
            f"{len(shared)} of them are calibration pictures",
            "pictures that nothing is fitted on",
        )


def refuse_sites(request: SiteRequest) -> None:
    """Raises WorkbenchError for handwritten sites that do not lie before the site."""
    above = list(request.host.sites).index(request.host.site(request.site).name)
    before = list(request.host.sites)[:above]
    for written in request.below:
        if written.facts.site not in before:
            raise WorkbenchError(
                "the handwritten sites below",
                f"{written.facts.site} is one of them",
                f"sites that lie before {request.site}",
            )


def _refuse_units(request: SiteRequest, units: int) -> None:
    if GROUPED not in (request.rows or ()):
        raise WorkbenchError("--units", "given without families", f"--row {GROUPED} beside it")
    if units < LEAST_UNITS:
        raise WorkbenchError("--units", str(units), f"{LEAST_UNITS} or more: those of a family")
    classes_of(request.host)


def wanted_rows(request: SiteRequest, units: int) -> Sequence[str]:
    """The rows of the table beside "terms"; by default families where there are enough units."""
    if request.rows is not None:
        return request.rows
    return ROWS if units >= LEAST_UNITS else [row for row in ROWS if row not in GROUPED_ROWS]


def refuse_rows(request: SiteRequest, stage: Stage) -> None:
    """Raises WorkbenchError for rows that the table does not have, `units` without families."""
    if request.units is not None:
        _refuse_units(request, request.units)
    have = [TERMS, *(name for name in ROWS if name not in HIDDEN_ROWS or sides_of(stage))]
    for name in request.rows or ():
        if name not in have:
            where = f"--row of {request.site}"
            raise WorkbenchError(where, f"no row {name!r}", remedy=nearest(name, have))
