"""Statistics + tuning curves -> Scorecard."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from jaxtyping import Float

import workbench
from workbench.arrays import Array, array_namespace
from workbench.arrays.devices import computed_on
from workbench.compiler.bind import Bound
from workbench.evaluate.statistics import Statistics
from workbench.evaluate.tuning import TuningCurves
from workbench.hosts.host import Host
from workbench.pictures import Picture, set_sha256
from workbench.score.agreement import explained_variance, pearson, spearman, top_overlap
from workbench.score.cost import cost, total
from workbench.score.facts import circuit_facts, host_facts, picture_facts, skipped_facts, spec_facts
from workbench.score.recovery import ABLATIONS, loses, recovered
from workbench.score.scorecard import ConditionScore, Scorecard, TheoryScore, UnitScore, VariantScore, is_control
from workbench.score.tuning import figures, largest_gap_deg, turn_deg
from workbench.score.uncertainty import Figure, bootstrap
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import TunedOn
from workbench.splice.calibrate import Splices, condition_names
from workbench.splice.conditions import Handwritten

QUANTITIES = ("kl", "agreement", "top1", "top5", "consumer")


def score(
    specs: Sequence[Spec],
    trained: Sequence[TrainedCircuit],
    host: Host,
    joint: Sequence[Splices],
    statistics: Statistics,
    curves: Sequence[TuningCurves],
    calibration: Sequence[Picture],
    seed: int = 0,
    bound: Bound | None = None,
    skipped: int = 0,
) -> Scorecard:
    """Every figure of one rebuild of one or more theories, their circuits spliced together; the sequences are in the same order.

    `statistics` are of the headline pictures, none of which is in `calibration`; `skipped` files beside them were passed over. `bound`: the trained
    units of the conditions `bound.FAMILY`.
    """
    own = statistics.parts([len(circuit.units) for circuit in trained])
    units = [unit_scores(*each) for each in zip(trained, joint, own, curves, strict=True)]
    theories = tuple(theory_score(*each) for each in zip(specs, trained, joint, units, curves, strict=True))
    every_unit = tuple(unit for circuit in units for unit in circuit)
    xp = array_namespace(statistics.peak)
    names, turns = condition_names(joint), {each.probe.turns for each in curves}
    return Scorecard(
        workbench=workbench.__version__,
        host=host_facts(host),
        circuit=_together([theory.circuit for theory in theories]),
        spec=_together([theory.spec for theory in theories]),
        images={
            "n": len(statistics.names),
            "labelled": statistics.labelled,
            "fires": int(xp.count_nonzero(statistics.fires)),
        }
        | skipped_facts(skipped)
        | {"sha256": set_sha256(statistics.sha256s)},
        calibration=picture_facts(calibration),
        tuned_on=_tuned_on([spec.theory.tuned for spec in specs if spec.theory.tuned]),
        units=every_unit,
        conditions={name: condition_score(statistics, name, seed) for name in names},
        recovered={
            a: {quantity: recovered(statistics, "spliced", f"ablated.{a}", quantity, seed=seed) for quantity in QUANTITIES}
            for a in ABLATIONS
        },
        fires={quantity: recovered(statistics, "spliced", "ablated.zero", quantity, statistics.fires, seed) for quantity in QUANTITIES},
        against={name: recovered(statistics, "spliced", name, "kl", seed=seed) for name in names if is_control(name)},
        tuning=tuning_summary(every_unit, turns.pop() if len(turns) == 1 else 1),
        cost=total([theory.cost for theory in theories]),
        seed=seed,
        computed=computed_on(host.device),
        theories=theories,
        variants=variant_scores(specs, statistics, seed),
        bound={family: circuit_facts(units) for family, units in (bound or {}).items()},
        has_output=host.has_output,
    )


def variant_scores(specs: Sequence[Spec], statistics: Statistics, seed: int) -> dict[str, VariantScore]:
    """Every variant that any of the theories has and that was run; what it changes in several of them is told joined by " + "."""
    said: dict[str, list[str]] = {}
    for name, variant in [each for spec in specs for each in spec.theory.variants.items()]:
        if f"variant.{name}" in statistics.rows:
            said.setdefault(name, []).append(variant.about.strip())
    return {
        name: VariantScore(" + ".join(dict.fromkeys(about)), loses(statistics, f"variant.{name}", seed)) for name, about in said.items()
    }


def theory_score(spec: Spec, trained: TrainedCircuit, splices: Splices, units: Sequence[UnitScore], curves: TuningCurves) -> TheoryScore:
    """What is one theory's own."""
    return TheoryScore(
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        units=len(units),
        pearson=float(np.mean([unit.pearson for unit in units])),
        tuned_on=_tuned_on([spec.theory.tuned] if spec.theory.tuned else []),
        tuning=tuning_summary(units, curves.probe.turns),
        cost=cost(spec.theory, trained, splices.circuits["spliced"]),
    )


def _together(facts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Names of several joined by " + ", each once; of their hashes the hash. One stays as it is."""
    joined = {key: " + ".join(dict.fromkeys(each[key] for each in facts)) for key in facts[0]}
    return joined if len(facts) == 1 else joined | {"sha256": set_sha256([each["sha256"] for each in facts])}


def _tuned_on(ledgers: Sequence[TunedOn]) -> dict[str, object] | None:
    """All pictures that the theories were tuned on, the hosts, and the last day."""
    if not ledgers:
        return None
    hosts = " + ".join(dict.fromkeys(host for ledger in ledgers for host in ledger.hosts))
    return {
        "n": len({image for ledger in ledgers for image in ledger.images}),
        "host": hosts,
        "date": max(ledger.date for ledger in ledgers),
    }


def unit_scores(trained: TrainedCircuit, splices: Splices, statistics: Statistics, curves: TuningCurves) -> tuple[UnitScore, ...]:
    """Agreement and tuning of each unit."""
    rows, natural = statistics.rows["spliced"], statistics.rows["natural"]
    xp = array_namespace(rows["moments"])
    moments = xp.sum(rows["moments"], axis=0)
    value, target = (xp.reshape(x["sample"], (-1, len(trained.units))) for x in (rows, natural))
    columns = {
        "pearson": pearson(moments),
        "spearman": spearman(value, target),
        "explained_variance": explained_variance(moments),
        "top_overlap": top_overlap(value, target),
    }
    theirs, ours = figures(curves, trained=True), figures(curves, trained=False)
    condition, turns = splices.conditions["spliced"], curves.probe.turns
    if not isinstance(condition, Handwritten):
        raise TypeError("condition 'spliced' is not a handwritten circuit")
    return tuple(
        UnitScore(
            unit=f"{trained.site}:{unit.unit}",
            pose={"centre_deg": unit.centre_deg},
            **{name: float(column[i]) for name, column in columns.items()},
            gain=float(condition.gain[i]),
            bias=float(condition.bias[i]),
            trained=_flat(theirs[i]),
            handwritten=_flat(ours[i]),
            pose_error_deg=turn_deg(turns * ours[i].preferred_deg, turns * theirs[i].preferred_deg) / turns,
        )
        for i, unit in enumerate(trained.units)
    )


def _flat(tuned) -> dict[str, float]:
    values = asdict(tuned)
    return {**{f"invariance {name}": value for name, value in values.pop("invariance").items()}, **values}


def condition_score(statistics: Statistics, name: str, seed: int) -> ConditionScore:
    """Means over pictures of one condition, and what it recovers of zero ablation's KL."""
    rows = statistics.rows[name]
    means = {quantity: mean_figure(rows.get(quantity), seed) for quantity in QUANTITIES}
    xp = array_namespace(rows["moments"])
    units = bootstrap({"moments": rows["moments"]}, lambda m: xp.mean(pearson(m["moments"]), axis=-1), seed)
    return ConditionScore(
        kl=means["kl"],
        top1_agreement=means["agreement"],
        top1=means["top1"],
        top5=means["top5"],
        consumer=means["consumer"],
        pearson=units,
        recovered_kl=recovered(statistics, name, "ablated.zero", "kl", seed=seed),
        changed=float(xp.max(rows["changed"])),
    )


def mean_figure(row: Float[Array, " picture"] | None, seed: int) -> Figure:
    """The mean over the pictures that have a number, with its interval."""
    if row is None:
        return Figure(None)
    known = row[array_namespace(row).isfinite(row)]
    return bootstrap({"row": known}, lambda means: means["row"], seed) if known.shape[0] else Figure(None)


def tuning_summary(units: Sequence[UnitScore], turns: int = 1) -> Mapping[str, float]:
    """Means over units, trained beside handwritten; coverage is the largest gap between preferred poses on the circle of 360 / `turns` degrees.
    A figure is of the units that have it."""
    summary = {"pose_error_deg": _mean_of_known([unit.pose_error_deg for unit in units])}
    for side in ("trained", "handwritten"):
        own = [getattr(unit, side) for unit in units]
        names = dict.fromkeys(name for figures in own for name in figures if name != "preferred_deg")
        summary |= {f"{side}.{name}": _mean_of_known([figures[name] for figures in own if name in figures]) for name in names}
        summary[f"{side}.largest_gap_deg"] = largest_gap_deg([turns * figures["preferred_deg"] for figures in own]) / turns
    return summary


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
