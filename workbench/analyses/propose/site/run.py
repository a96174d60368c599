"""Propose a theory of every unit of a site."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    TERMS,
    Search,
    Way,
    controls,
    mean_of,
    random_terms,
    rivals,
)
from workbench.analyses.propose.site.dictionary import POSES, Dictionary
from workbench.analyses.propose.site.families import Family, families
from workbench.analyses.propose.site.figures import (
    LEVELS,
    FamilyRow,
    Row,
    SiteProposal,
    UnitRow,
    site_json,
)
from workbench.analyses.propose.site.fit import Theory
from workbench.analyses.propose.site.hidden import hidden_families
from workbench.analyses.propose.site.kinds import FULL_DEG
from workbench.analyses.propose.site.labels import Labels, labels
from workbench.analyses.propose.site.plot import draw_site
from workbench.analyses.propose.site.sample import Sample, Stage, sample, stage_of
from workbench.analyses.propose.site.splice import (
    SplicedAnswers,
    refuse_unanswered,
    spliced_answers,
)
from workbench.analyses.propose.site.write import Writer
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.score.facts import Header, host_facts, picture_facts
from workbench.splice.link import link_of
from workbench.vision.pictures import Picture, first_by_content
from workbench.work import Work

LEAST = 8  # pictures of each kind
MOST = 24  # terms of a unit
HIGH = 0.999  # of a unit's activations on photographs
STEP_DEG = FULL_DEG / POSES


@dataclass(frozen=True)
class SiteRequest:
    """The request of `propose` for a whole site.

    pictures  the theories are fitted on them
    judge     nothing is fitted on them
    terms     of each unit; None for as many as pay for themselves
    splice    judging pictures, the first by content hash, on which the whole site is put in place
    """

    host: Host
    site: str
    pictures: Sequence[Picture]
    judge: Sequence[Picture]
    terms: int | None = None
    splice: int = 0


def propose_site(request: SiteRequest, output: Path, work: Work) -> SiteProposal:
    """Search for the theory of every unit of a site, and judge it beside controls and rivals.

    Writes site.json, site.png, and a theory and a circuit file of every family, to the folder
    `output`. Raises WorkbenchError.
    """
    stage = stage_of(request.host, request.site)
    _refuse_few_or_shared(request)
    if request.splice:
        refuse_unanswered(request.host)
    work = work.on_host(request.host.name)
    search, below, units = searched(stage, request, work)
    dictionary = search.dictionary(below)
    poses = search.poses(dictionary)
    cluster = clustering(search, dictionary, poses, MOST)
    paying = cluster.counts
    counts = [request.terms or max(1, count) for count in paying]
    with folder_written_whole(output) as folder:
        writer = Writer(stage, search, dictionary, below, request.pictures, folder)
        made = _families(writer, families(cluster, units))
        way, chosen = search.way(TERMS, dictionary, counts, poses)
        budget = way.bits + search.label_bits
        hidden = hidden_families(stage, search, budget)
        ways = [
            way,
            *controls(search, counts),
            random_terms(search, dictionary, counts, poses),
            *rivals(search, dictionary, budget, poses),
            *hidden.ways,
            mean_of(search),
        ]
        shown = first_by_content(request.judge, request.splice)
        spliced = spliced_answers(stage.host, stage.site, search, ways, shown) if shown else {}
        result = SiteProposal(
            header=Header(
                host=host_facts(request.host),
                images=picture_facts(request.judge),
                calibration=picture_facts(request.pictures),
                seed=work.seed,
            ),
            site=request.site,
            reads=stage.before,
            labels={name: len(members) for name, members in below.families.items()},
            label_bits=below.bits,
            candidates=len(dictionary.atoms),
            terms=request.terms,
            spliced=len(shown),
            headline=request.host.output.headline.key,
            rows=_rows(ways, search, spliced),
            units=_units(way, chosen, units, dictionary, search.judge, paying),
            hidden=hidden.rows,
            hidden_pearson=hidden.pearson,
            families=made,
        )
        write_whole(folder / "site.json", site_json(result))
        write_whole(folder / "site.png", png(draw_site(result)))
    return result


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
    drawn = answers(stage.host, stage.site, work)
    fit = sample(stage, request.pictures, work, "fitting pictures")
    judge = sample(stage, request.judge, work, "judging pictures")
    middle = fit.windows.shape[2] // 2
    below, units = (
        labels(given, np.quantile(values.numpy(), HIGH, 0))
        for given, values in ((drawn.below, fit.windows[..., middle]), (drawn.units, fit.trained))
    )
    link = link_of(stage.site)
    step_px, side = stage.site.grid.stride_px, stage.side
    return Search(fit, judge, below, offered(units), step_px, side, link, work), below, units


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


def _refuse_few_or_shared(request: SiteRequest) -> None:
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
            answers=spliced.get(way.name, SplicedAnswers()),
        )
        for way in ways
    ]


def _units(
    way: Way,
    made: Sequence[Theory],
    units: Labels,
    dictionary: Dictionary,
    judge: Sample,
    paying: Sequence[int],
) -> list[UnitRow]:
    live = varied(judge.trained)
    pearson = correlations(moments(way.predicted, judge.trained, judge.item))
    rows = []
    for unit, theory in enumerate(made):
        rows.append(
            UnitRow(
                unit=unit,
                family=units.family[unit],
                period_deg=float(units.period_deg[unit]),
                pose_deg=dictionary.poses[theory.pose],
                pearson=float(pearson[unit]) if live[unit] else None,
                bits=float(way.bits[unit]),
                terms=dictionary.written(theory.chosen, theory.weights),
                pays=paying[unit] > 0,
            )
        )
    return rows
