"""Propose a theory of every unit of a site."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from workbench.analyses.propose.site.agreement import (
    correlations,
    gain_figure,
    judged,
    mean_figure,
    moments,
    shares,
    varied,
)
from workbench.analyses.propose.site.answers import answers
from workbench.analyses.propose.site.clustering import clustering
from workbench.analyses.propose.site.controls import (
    EXCEPTIONS,
    MEAN,
    PERMUTED,
    RANDOM,
    SINGLE,
    TERMS,
    UNPOSED,
    Search,
    Way,
    mean_of,
    permuted,
    random_terms,
    single_weights,
    unposed,
    with_exceptions,
)
from workbench.analyses.propose.site.dictionary import POSES, Dictionary
from workbench.analyses.propose.site.families import Family, Shared, families
from workbench.analyses.propose.site.figures import (
    LEVELS,
    FamilyRow,
    Row,
    SiteProposal,
    UnitRow,
    site_json,
)
from workbench.analyses.propose.site.fit import Theory
from workbench.analyses.propose.site.grouped import (
    GROUPED,
    GROUPED_PERMUTED,
    group_rows,
    grouped,
    grouped_way,
    permuted_families,
)
from workbench.analyses.propose.site.hidden import Hidden, hidden_families
from workbench.analyses.propose.site.kinds import FULL_DEG
from workbench.analyses.propose.site.labels import Labels, labels
from workbench.analyses.propose.site.pixels import PixelSearch, pixel_labels
from workbench.analyses.propose.site.plot import draw_site
from workbench.analyses.propose.site.request import (
    ROWS,
    SiteRequest,
    refuse_pictures,
    refuse_rows,
    refuse_sites,
)
from workbench.analyses.propose.site.sample import INPUT, Stage, sample, stage_of
from workbench.analyses.propose.site.splice import (
    SplicedAnswers,
    refuse_unanswered,
    spliced_answers,
)
from workbench.analyses.propose.site.stop import unit_bits
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
from workbench.score.facts import Header, host_facts, picture_facts
from workbench.splice.link import link_of
from workbench.vision.pictures import first_by_content
from workbench.work import Work

MOST = 24  # terms of a unit
HIGH = 0.999  # of a unit's activations on photographs
STEP_DEG = FULL_DEG / POSES


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
    grouped = request.rows is None and stage.before != INPUT and not request.below
    cluster = clustering(search, dictionary, poses, MOST) if grouped or not request.terms else None
    paying = cluster.counts if cluster else None
    counts = [request.terms or max(1, count) for count in paying or [0] * len(poses)]
    with folder_written_whole(output) as folder:
        made = []
        if cluster and grouped:
            writer = Writer(stage, search, dictionary, below, request.pictures, folder)
            made = _families(writer, families(cluster, units))
        several = _grouped(search, dictionary, counts, request)
        if several:
            placed = sorted(unit for family in several for unit in family.poses)
            search, units = search.of(placed), units.of(placed)
            counts, poses = [counts[unit] for unit in placed], poses[placed]
            paying = [paying[unit] for unit in placed] if paying else None
            several = [family.renumbered(placed) for family in several]
        ways, chosen, hidden = _ways(
            stage, search, dictionary, (counts, poses, several), request.rows
        )
        shown = first_by_content(request.judge, request.splice)
        spliced = spliced_answers(stage, search, ways, shown) if shown else {}
        result = SiteProposal(
            header=Header(
                host=host_facts(request.host),
                images=picture_facts(request.judge),
                calibration=picture_facts(request.pictures),
                seed=work.seed,
            ),
            site=request.site,
            reads=stage.before,
            below=[written.facts for written in request.below],
            labels=search.labelled,
            label_bits=search.label_bits * len(poses),
            least=request.least,
            of=request.host.site(request.site).channels,
            candidates=len(dictionary.atoms),
            terms=request.terms,
            spliced=len(shown),
            headline=request.host.output.headline.key,
            rows=_rows(ways, search, spliced),
            units=_units(ways[0], chosen, units, dictionary, search, paying),
            groups=[
                row
                for way in ways
                if way.name == GROUPED
                for row in group_rows(search, dictionary, several, units, way)
            ],
            hidden=hidden.rows,
            hidden_pearson=hidden.pearson,
            families=made,
        )
        if request.weights:
            _write_weights(request, ways, result, folder)
        write_whole(folder / "site.json", site_json(result))
        write_whole(folder / "site.png", png(draw_site(result)))
    return result


def _ways(
    stage: Stage,
    search: Search,
    terms: Dictionary,
    chosen: tuple[Sequence[int], np.ndarray, Sequence[Shared]],
    rows: Sequence[str] | None,
) -> tuple[list[Way], Sequence[Theory], Hidden]:
    """The site's units by terms, and by every other way of `rows`; the units' theories of terms.

    `chosen` are the counts of the units' terms, their poses, and the families of all units.
    """
    counts, poses, several = chosen
    way, theories = search.way(TERMS, terms, counts, poses)
    budget = way.bits + search.label_bits
    makers = {
        GROUPED: lambda: grouped_way(search, terms, several),
        GROUPED_PERMUTED: lambda: permuted_families(search, way.bits),
        PERMUTED: lambda: permuted(search, counts),
        UNPOSED: lambda: unposed(search, counts),
        RANDOM: lambda: random_terms(search, terms, counts, poses),
        SINGLE: lambda: single_weights(search, terms, budget),
        EXCEPTIONS: lambda: with_exceptions(search, terms, budget, poses),
    }
    wanted = ROWS if rows is None else rows
    ways = [way, *(make() for name, make in makers.items() if name in wanted)]
    hidden = hidden_families(stage, search, budget, rows=wanted)
    return [*ways, *hidden.ways, *([mean_of(search)] if MEAN in wanted else [])], theories, hidden


def _grouped(
    search: Search, terms: Dictionary, counts: Sequence[int], request: SiteRequest
) -> list[Shared]:
    """Families of all units, or of those that they explain well; none where none are asked for."""
    if GROUPED not in (ROWS if request.rows is None else request.rows):
        return []
    bits = [unit_bits(count, len(terms.atoms), len(terms.poses)) for count in counts]
    return grouped(search, terms, np.array(bits), request.least)


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


def searched(stage: Stage, request: SiteRequest, work: Work) -> tuple[Search, Labels, Labels]:
    """The samples and labels of a site: all that its search needs."""
    fit = sample(stage, request.pictures, work, "fitting pictures")
    judge = sample(stage, request.judge, work, "judging pictures")
    drawn = answers(stage.host, stage.site, "site", work)
    units = labels(drawn, np.quantile(fit.trained.numpy(), HIGH, 0))
    side, link, step_px = stage.side, link_of(stage.site), stage.site.grid.stride_px
    kind: type[Search] = Search
    if stage.before == INPUT:
        kind, below = PixelSearch, pixel_labels(fit.windows.shape[1])
    else:
        entering = answers(stage.written, stage.site, "entering", work)
        middle = fit.windows[..., fit.windows.shape[2] // 2]
        below = labels(entering, np.quantile(middle.numpy(), HIGH, 0))
    every = tuple(range(len(units)))
    return kind(fit, judge, below, every, offered(units), step_px, side, link, work), below, units


def offered(units: Labels) -> np.ndarray:
    """Whether each pose agrees with a unit's preferred stimulus: one for each turn of its period.

    A unit without a direction is offered every pose.
    """
    possible = np.zeros((len(units), POSES), bool)
    for unit, (period_deg, normal_deg) in enumerate(
        zip(units.period_deg, units.normal_deg, strict=True)
    ):
        turned = normal_deg + np.arange(0, FULL_DEG, period_deg or STEP_DEG)
        possible[unit, np.round(turned / STEP_DEG).astype(int) % POSES] = True
    return possible


def _rows(ways: Sequence[Way], search: Search, spliced: Mapping[str, SplicedAnswers]) -> list[Row]:
    """The figures of every way, over the units that vary on the judging pictures."""
    seed, label_bits = search.work.seed, search.label_bits
    by_name = {way.name: judged(way.predicted, search.judge) for way in ways}
    return [
        Row(
            name=way.name,
            pearson=mean_figure(by_name[way.name], seed),
            gain=gain_figure(by_name[TERMS], by_name[way.name], seed),
            above=shares(correlations(by_name[way.name]), LEVELS),
            terms=float(way.counts.mean()),
            bits=float(way.bits.mean()) + label_bits * way.labelled,
            numbers=way.numbers + search.label_numbers * way.labelled,
            answers=spliced.get(way.name, SplicedAnswers()),
        )
        for way in ways
    ]


def _units(
    way: Way,
    made: Sequence[Theory],
    units: Labels,
    dictionary: Dictionary,
    search: Search,
    paying: Sequence[int] | None,
) -> list[UnitRow]:
    judge = search.judge
    live = varied(judge.trained)
    pearson = correlations(moments(way.predicted, judge.trained, judge.item))
    rows = []
    for unit, theory in enumerate(made):
        rows.append(
            UnitRow(
                unit=search.units[unit],
                family=units.family[unit],
                period_deg=float(units.period_deg[unit]),
                pose_deg=dictionary.poses[theory.pose],
                pearson=float(pearson[unit]) if live[unit] else None,
                bits=float(way.bits[unit]),
                terms=dictionary.written(theory.chosen, theory.weights),
                pays=paying[unit] > 0 if paying else None,
            )
        )
    return rows
