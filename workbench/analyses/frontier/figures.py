"""Frontier: how much of the network's behaviour survives as more of its units are handwritten."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.analyses.frontier.measure import OWN, SPLICED
from workbench.arrays.devices import computed_on
from workbench.evaluate.statistics import Statistics
from workbench.files import set_sha256
from workbench.hosts.host import sites_up_to
from workbench.score.cost import cost, total
from workbench.score.document import nested
from workbench.score.facts import (
    Header,
    as_json,
    circuit_facts,
    copies_facts,
    document_json,
    host_facts,
    picture_facts,
    skipped_facts,
    spec_facts,
)
from workbench.score.recovery import gains
from workbench.score.score import Spliced, mean_figure
from workbench.score.scorecard import Cost
from workbench.score.uncertainty import Figure
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.vision.pictures import Picture

FORMAT = 2
QUANTITIES = {
    "kl": "kl",
    "agreement": "top1_agreement",
    "top1": "top1",
    "top5": "top5",
}  # of the statistics -> of the document


@dataclass(frozen=True)
class FrontierStep:
    """A set of handwritten units: those of this step's theory and of all steps before it.

    units       how many they are
    share       share of the host's units at `Frontier.sites` that they are
    conditions  condition -> quantity -> mean over pictures; under the conditions OWN only the
                step's own units are under them, and those of earlier steps are handwritten
    gains       for each of OWN its KL less that of the handwritten units, on the same pictures:
                above 0, the step's theory does better
    cost        of all theories so far
    """

    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    units: int
    share: float
    conditions: Mapping[str, Mapping[str, Figure]]
    gains: Mapping[str, Figure]
    cost: Cost

    @property
    def beaten(self) -> int:
        """How many of OWN the step's theory is better than, with an interval above 0."""
        return sum(bool(gain.ci95 and gain.ci95[0] > 0) for gain in self.gains.values())


@dataclass(frozen=True)
class Frontier:
    """Steps in the order in which theories were given.

    `sites` are the host's up to the deepest spliced one, each with its number of units; `of` is
    the sum of these.
    """

    header: Header
    sites: Mapping[str, int]
    of: int
    steps: tuple[FrontierStep, ...]


def frontier_score(
    spliced: Spliced,
    statistics: Sequence[Statistics],
    calibration: Sequence[Picture],
    seed: int = 0,
    skipped: int = 0,
) -> Frontier:
    """Compute the figures of every step.

    `statistics[i]` are those with the circuits up to the i-th replaced; `skipped` files of the
    pictures' folder were no pictures.
    """
    specs, trained, host = spliced.specs, spliced.trained, spliced.host
    sites = sites_up_to(host, [circuit.site for circuit in trained])
    of = sum(sites.values())
    costs = [
        cost(spec.theory, circuit, splices.circuits["spliced"])
        for spec, circuit, splices in zip(specs, trained, spliced.joint, strict=True)
    ]
    steps = tuple(
        _step(spec, circuit, rows, of, total(costs[: i + 1]), seed)
        for i, (spec, circuit, rows) in enumerate(zip(specs, trained, statistics, strict=True))
    )
    header = Header(
        host=host_facts(host),
        images=_image_facts(statistics[0], skipped),
        calibration=picture_facts(calibration),
        seed=seed,
        computed=computed_on(host.device),
    )
    return Frontier(header, sites, of, steps)


def _step(
    spec: Spec, circuit: TrainedCircuit, statistics: Statistics, of: int, cost: Cost, seed: int
) -> FrontierStep:
    return FrontierStep(
        spec=spec_facts(spec),
        circuit=circuit_facts(circuit),
        units=len(statistics.units),
        share=len(statistics.units) / of,
        conditions={
            name: {
                key: mean_figure(statistics, rows[quantity], seed)
                for quantity, key in QUANTITIES.items()
            }
            for name, rows in statistics.rows.items()
        },
        gains={name: gains(statistics, SPLICED, name, "kl", seed) for name in OWN},
        cost=cost,
    )


def _image_facts(statistics: Statistics, skipped: int) -> dict[str, object]:
    counts = {"n": len(statistics.names), "labelled": statistics.labelled}
    counts |= copies_facts(statistics.sha256s) | skipped_facts(skipped)
    return counts | {"sha256": set_sha256(statistics.sha256s)}


def frontier_json(frontier: Frontier) -> str:
    """The text of frontier.json (docs/frontier.md): dotted names of conditions nest."""
    document = json.loads(document_json(frontier, FORMAT))
    for step in document["steps"]:
        step["conditions"] = nested(step["conditions"])
        step["gains"] = nested(step["gains"])
    return as_json(document)
