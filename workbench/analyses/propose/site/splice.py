"""Put the whole site in place as each way predicts it: what is left of the network's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from workbench.analyses.propose.site.controls import (
    EXCEPTIONS,
    MEAN,
    PERMUTED,
    SINGLE,
    TERMS,
    Search,
    Way,
)
from workbench.analyses.propose.site.grouped import GROUPED_ROWS
from workbench.analyses.propose.site.hidden import HIDDEN_ROWS
from workbench.analyses.propose.site.sample import Stage
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import grid_of
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import checked
from workbench.evaluate.run import evaluate
from workbench.hosts.host import Host
from workbench.score.recovery import gains
from workbench.score.score import mean_figure
from workbench.score.uncertainty import Figure
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Condition, ConditionKind, natural
from workbench.splice.written import FromInput, written_host
from workbench.vision.pictures import Picture

# A run of the network for each of these is most of what --splice takes.
WAYS = (TERMS, PERMUTED, SINGLE, EXCEPTIONS)
COMPARED = (*GROUPED_ROWS, *WAYS, *HIDDEN_ROWS, MEAN)


@dataclass(frozen=True)
class SplicedAnswers:
    """The network's answers with every unit of the site as one way predicts it.

    quantities  by the keys of the host's output, such as kl
    ahead       the headline quantity with single weights less that of this way, on the same
                pictures: above 0, this way does better
    """

    quantities: Mapping[str, Figure] = field(default_factory=dict)
    ahead: Figure = field(default_factory=lambda: Figure(None))


def refuse_unanswered(host: Host) -> None:
    """Raises WorkbenchError for a host whose answers are not compared."""
    if not host.output.compared:
        raise WorkbenchError(
            f"host {host.name}",
            "no answers that are compared",
            "a host whose answers are compared, or no --splice",
        )


def spliced_answers(
    stage: Stage, search: Search, ways: Sequence[Way], pictures: Sequence[Picture]
) -> dict[str, SplicedAnswers]:
    """The answers of the ways of COMPARED by name, all that lies below as the stage reads it.

    Raises WorkbenchError, also as `check_host`.
    """
    host, site = stage.host, stage.site
    work, ways = search.work, [way for way in ways if way.name in COMPARED]
    conditions: dict[str, Condition] = {natural.name: natural}
    above_written, units = stage.written is not host, search.units
    for way in ways:
        made: Condition = way.window
        if above_written:
            windows = {site.name: (way.window, search.units)}
            made = FromInput(written_host(stage.written, windows))
        conditions[way.name] = replace(made, name=way.name, kind=ConditionKind.BASELINE)
    if above_written:  # units that stay trained read what is handwritten below, too
        units = tuple(range(site.channels))
    circuit = HandwrittenCircuit("none", host.name, site.name, units, grid_of(host, site), ())
    circuits = {"spliced": circuit}
    level = torch.ones(len(units))  # of a unit's activation: only answers are looked at
    check = checked(host, [circuits], pictures, work)
    splices = Splices(circuits, conditions, level, 1, check)
    statistics = evaluate(host, [splices], pictures, work)
    headline = host.output.headline.name

    def answers(name: str) -> SplicedAnswers:
        rows = statistics.rows[name]
        quantities = {
            quantity.key: mean_figure(statistics, rows.get(quantity.name), work.seed)
            for quantity in statistics.quantities
        }
        if SINGLE not in conditions:
            return SplicedAnswers(quantities)
        return SplicedAnswers(quantities, gains(statistics, name, SINGLE, headline, work.seed))

    return {way.name: answers(way.name) for way in ways}
