"""Propose a theory of every unit of a site."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.clustering import clustering
from workbench.analyses.propose.site.controls import TERMS, Search, Way
from workbench.analyses.propose.site.cost import unit_costs
from workbench.analyses.propose.site.families import Family, families
from workbench.analyses.propose.site.figures import FamilyRow, SiteProposal, site_json
from workbench.analyses.propose.site.grouped import GROUPED
from workbench.analyses.propose.site.plan import Plan, searched
from workbench.analyses.propose.site.plot import draw_site
from workbench.analyses.propose.site.proposal import proposal
from workbench.analyses.propose.site.request import (
    SiteRequest,
    refuse_pictures,
    refuse_rows,
    refuse_sites,
    wanted_rows,
)
from workbench.analyses.propose.site.sample import INPUT, stage_of
from workbench.analyses.propose.site.splice import refuse_unanswered
from workbench.analyses.propose.site.write import Writer
from workbench.analyses.propose.site.written import (
    WrittenFacts,
    WrittenSite,
    file_name,
    host_of,
    write_sites,
)
from workbench.files import write_whole
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.work import Work

MOST = 24  # terms of a unit


def propose_site(request: SiteRequest, output: Path, work: Work) -> SiteProposal:
    """Search for the theory of every unit of a site, and judge it beside controls and rivals.

    Writes site.json, site.png, and a theory and a circuit file of every family, to the folder
    `output`. Raises WorkbenchError.
    """
    refuse_pictures(request)
    refuse_sites(request)
    stage = stage_of(request.host, request.site, host_of(request.host, request.below))
    refuse_rows(request, stage)
    if request.splice:
        refuse_unanswered(request.host)
    work = work.on_host(request.host.name)
    search, below, units = searched(stage, request, work)
    dictionary = search.dictionary(below)
    poses = search.poses(dictionary)
    # the files of families are of the trained units below
    paid = request.rows is None and stage.before != INPUT and not request.below
    cluster = clustering(search, dictionary, poses, MOST) if paid or not request.terms else None
    paying = cluster.counts if cluster else None
    counts = [request.terms or max(1, count) for count in paying or [0] * len(poses)]
    rows = wanted_rows(request, len(units))
    plan = Plan(search, dictionary, units, counts, poses, paying)
    if GROUPED in rows:
        plan = plan.grouped(_costs(request, search, work), request.units)
    with folder_written_whole(output) as folder:
        made = []
        if cluster and paid:
            writer = Writer(stage, search, dictionary, below, request.pictures, folder)
            made = _families(writer, families(cluster, units))
        result, ways = proposal(request, stage, plan, rows, made)
        if request.weights:
            _write_weights(request, ways, result, folder)
        write_whole(folder / "site.json", site_json(result))
        write_whole(folder / "site.png", png(draw_site(result)))
    return result


def _costs(request: SiteRequest, search: Search, work: Work) -> Float[Tensor, " unit"] | None:
    """The cost of each unit if it stays at its mean; None where all units are wanted."""
    if not request.units:
        return None
    information = unit_costs(request.host, request.site, request.pictures, work)
    return information * search.fit.trained.var(0)


def _write_weights(
    request: SiteRequest, ways: Sequence[Way], result: SiteProposal, folder: Path
) -> None:
    """Write the file of each row that was asked for, with the sites that lie below."""
    for way in ways:
        if way.name not in (request.rows or (TERMS,)):
            continue
        row = result.row(way.name)
        units = [unit.unit for unit in result.units]
        facts = WrittenFacts(result.site, row.name, row.numbers, row.bits * len(units), len(units))
        written = WrittenSite(facts, way.window, tuple(units))
        write_sites(request.host, [*request.below, written], folder / file_name(way.name))


def _families(writer: Writer, several: Sequence[Family]) -> list[FamilyRow]:
    """Write every family's files.

    A family is named after the stimulus that its units prefer; a number follows where the name is
    taken.
    """
    rows, times = [], Counter[str]()
    for family in several:
        name = family.shared.name
        times[name] += 1
        number = f"-{times[name]}" if times[name] > 1 else ""
        rows.append(writer.write(family, f"{writer.stage.site.name}-{name}{number}"))
    return rows
