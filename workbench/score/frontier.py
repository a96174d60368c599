"""Frontier: how much of the network's behaviour survives as more and more of its units are written by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import workbench
from workbench.arrays.devices import computed_on
from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host
from workbench.pictures import Picture, set_sha256
from workbench.score.cost import cost, total
from workbench.score.document import nested
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, skipped_facts, spec_facts
from workbench.score.recovery import recovered
from workbench.score.score import mean_figure
from workbench.score.scorecard import Cost
from workbench.score.uncertainty import Figure
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.splice.calibrate import Splices

FORMAT = 1
CONTROL = "control.permuted"
QUANTITIES = {"kl": "kl", "agreement": "top1_agreement", "top1": "top1", "top5": "top5"}  # of the statistics -> of the document


@dataclass(frozen=True)
class FrontierStep:
    """A set of handwritten units: those of this step's theory and of all steps before it.

    `share` is of the host's units at `Frontier.sites`; `conditions[condition][quantity]`: means over pictures. `recovered` holds kl and
    agreement of the handwritten units against zero ablation of the same set, `control` the same of the permuted handwritten units, and
    `against` the recovered KL with that control in place of the ablation. `cost` is of all theories so far.
    """

    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    units: int
    share: float
    conditions: Mapping[str, Mapping[str, Figure]]
    recovered: Mapping[str, Figure]
    control: Mapping[str, Figure]
    against: Figure
    cost: Cost


@dataclass(frozen=True)
class Frontier:
    """Steps in the order in which theories were given. `sites` are the host's up to the deepest spliced one, with their units; `computed`
    is as of `computed_on`."""

    workbench: str
    host: Mapping[str, str]
    images: Mapping[str, object]
    calibration: Mapping[str, object]
    seed: int
    computed: Mapping[str, str]
    sites: Mapping[str, int]
    steps: tuple[FrontierStep, ...]

    @property
    def of(self) -> int:
        """Units at all of the sites."""
        return sum(self.sites.values())


def frontier_score(
    specs: Sequence[Spec],
    trained: Sequence[TrainedCircuit],
    host: Host,
    joint: Sequence[Splices],
    statistics: Sequence[Statistics],
    calibration: Sequence[Picture],
    seed: int = 0,
    skipped: int = 0,
) -> Frontier:
    """The figures of every step; `statistics[i]` are those with the circuits up to the i-th replaced. `skipped`: as of `score`."""
    sites = sites_up_to(host, [circuit.site for circuit in trained])
    costs = [cost(spec.theory, own, splices.circuits["spliced"]) for spec, own, splices in zip(specs, trained, joint, strict=True)]
    steps = []
    for i, (spec, circuit, found) in enumerate(zip(specs, trained, statistics, strict=True)):
        steps.append(
            FrontierStep(
                spec=spec_facts(spec),
                circuit=circuit_facts(circuit),
                units=len(found.units),
                share=len(found.units) / sum(sites.values()),
                conditions={
                    name: {said: mean_figure(rows[quantity], seed) for quantity, said in QUANTITIES.items()}
                    for name, rows in found.rows.items()
                },
                recovered=_recovered(found, "spliced", seed),
                control=_recovered(found, CONTROL, seed),
                against=recovered(found, "spliced", CONTROL, "kl", seed=seed),
                cost=total(costs[: i + 1]),
            )
        )
    names, labelled = statistics[0].sha256s, statistics[0].labelled
    return Frontier(
        workbench=workbench.__version__,
        host=host_facts(host),
        images={"n": len(names), "labelled": labelled} | skipped_facts(skipped) | {"sha256": set_sha256(names)},
        calibration=picture_facts(calibration),
        seed=seed,
        computed=computed_on(host.device),
        sites=sites,
        steps=tuple(steps),
    )


def _recovered(statistics: Statistics, condition: str, seed: int) -> dict[str, Figure]:
    return {quantity: recovered(statistics, condition, "ablated.zero", quantity, seed=seed) for quantity in ("kl", "agreement")}


def sites_up_to(host: Host, spliced: Sequence[str]) -> dict[str, int]:
    """Units of every site that the host computes up to the deepest of those spliced."""
    names = list(host.sites)
    return {name: host.sites[name].channels for name in names[: max(map(names.index, spliced)) + 1]}


def frontier_json(frontier: Frontier) -> str:
    """frontier.json (docs/frontier-json.md): keys in a fixed order, numbers that are not finite become null."""
    plain = asdict(frontier)
    steps: list[dict[str, Any]] = [{**step, "conditions": nested(step["conditions"])} for step in plain.pop("steps")]
    return as_json({"format": FORMAT, **plain, "of": frontier.of, "steps": steps})
