"""The figures of a site's proposal: its theories beside their controls and rivals."""

from collections.abc import Collection, Mapping, Sequence

from workbench.analyses.propose.site.agreement import (
    correlations,
    gain_figure,
    judged,
    mean_figure,
    moments,
    shares,
    varied,
)
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
from workbench.analyses.propose.site.figures import (
    LEVELS,
    FamilyRow,
    Row,
    SiteProposal,
    UnitRow,
)
from workbench.analyses.propose.site.fit import Theory
from workbench.analyses.propose.site.grouped import (
    GROUPED,
    GROUPED_PERMUTED,
    group_rows,
    grouped_way,
    permuted_families,
)
from workbench.analyses.propose.site.hidden import Hidden, hidden_families
from workbench.analyses.propose.site.plan import Plan
from workbench.analyses.propose.site.request import SiteRequest
from workbench.analyses.propose.site.sample import Stage
from workbench.analyses.propose.site.splice import SplicedAnswers, spliced_answers
from workbench.score.facts import Header, host_facts, picture_facts
from workbench.vision.pictures import first_by_content


def proposal(
    request: SiteRequest,
    stage: Stage,
    plan: Plan,
    rows: Collection[str],
    made: Sequence[FamilyRow],
) -> tuple[SiteProposal, list[Way]]:
    """The figures of every row of the table, and the rows' predictions."""
    search = plan.search
    ways, theories, hidden = _ways(stage, plan, rows)
    shown = first_by_content(request.judge, request.splice)
    spliced = spliced_answers(stage, search, ways, shown) if shown else {}
    groups = [way for way in ways if way.name == GROUPED]
    result = SiteProposal(
        header=Header(
            host=host_facts(request.host),
            images=picture_facts(request.judge),
            calibration=picture_facts(request.pictures),
            seed=search.work.seed,
        ),
        site=request.site,
        reads=stage.before,
        below=[written.facts for written in request.below],
        labels=search.labelled,
        label_bits=search.label_bits * len(plan.poses),
        of=stage.site.channels,
        candidates=len(plan.terms.atoms),
        terms=request.terms,
        spliced=len(shown),
        headline=request.host.output.headline.key,
        rows=_rows(ways, search, spliced),
        units=_units(plan, ways[0], theories),
        hidden=hidden.rows,
        hidden_pearson=hidden.pearson,
        families=made,
        groups=group_rows(search, plan.terms, plan.groups, plan.labels, *groups) if groups else [],
    )
    return result, ways


def _ways(
    stage: Stage, plan: Plan, wanted: Collection[str]
) -> tuple[list[Way], Sequence[Theory], Hidden]:
    """The units by terms, and by every other way that is wanted; the units' theories of terms."""
    search, terms, counts, poses = plan.search, plan.terms, plan.counts, plan.poses
    way, theories = search.way(TERMS, terms, counts, poses)
    budget = way.bits + search.label_bits
    makers = {
        GROUPED: lambda: grouped_way(search, terms, plan.groups),
        GROUPED_PERMUTED: lambda: permuted_families(search, way.bits),
        PERMUTED: lambda: permuted(search, counts),
        UNPOSED: lambda: unposed(search, counts),
        RANDOM: lambda: random_terms(search, terms, counts, poses),
        SINGLE: lambda: single_weights(search, terms, budget),
        EXCEPTIONS: lambda: with_exceptions(search, terms, budget, poses),
    }
    ways = [way, *(make() for name, make in makers.items() if name in wanted)]
    hidden = hidden_families(stage, search, budget, rows=wanted)
    return [*ways, *hidden.ways, *([mean_of(search)] if MEAN in wanted else [])], theories, hidden


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


def _units(plan: Plan, way: Way, theories: Sequence[Theory]) -> list[UnitRow]:
    judge, labels_of, paying = plan.search.judge, plan.labels, plan.paying
    live = varied(judge.trained)
    pearson = correlations(moments(way.predicted, judge.trained, judge.item))
    rows = []
    for unit, theory in enumerate(theories):
        rows.append(
            UnitRow(
                unit=plan.search.units[unit],
                family=labels_of.family[unit],
                period_deg=float(labels_of.period_deg[unit]),
                pose_deg=plan.terms.poses[theory.pose],
                pearson=float(pearson[unit]) if live[unit] else None,
                bits=float(way.bits[unit]),
                terms=plan.terms.written(theory.chosen, theory.weights),
                pays=paying[unit] > 0 if paying else None,
            )
        )
    return rows
