"""Statistics + tuning curves -> Scorecard."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

import workbench
from workbench.evaluate.statistics import Statistics
from workbench.evaluate.tuning import TuningCurves
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.agreement import explained_variance, pearson, spearman, top_overlap
from workbench.score.cost import cost
from workbench.score.recovery import ABLATIONS, recovered
from workbench.score.scorecard import ConditionScore, Scorecard, UnitScore, is_control
from workbench.score.tuning import figures, largest_gap_deg, turn_deg
from workbench.score.uncertainty import Figure, bootstrap
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Handwritten

QUANTITIES = ("kl", "agreement", "top1", "top5", "consumer")


def score(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    splices: Splices,
    statistics: Statistics,
    curves: TuningCurves,
    calibration: Sequence[Picture],
    seed: int = 0,
) -> Scorecard:
    """Every figure of one rebuild; `statistics` are of the headline pictures, none of which is in `calibration`."""
    circuit = splices.circuits["spliced"]
    units = unit_scores(trained, splices, statistics, curves)
    tuned = spec.theory.tuned
    return Scorecard(
        workbench=workbench.__version__,
        host={"name": host.name, "fingerprint": host.fingerprint},
        circuit={"name": trained.circuit, "site": trained.site, "sha256": trained.sha256},
        spec={"theory": spec.theory.theory, "file": spec.path.name, "sha256": spec.sha256},
        images={
            "n": len(statistics.names),
            "labelled": int(np.isfinite(statistics.rows["natural"]["top1"]).sum()),
            "fires": int(statistics.fires.sum()),
        }
        | {"sha256": set_sha256(statistics.sha256s)},
        calibration={"n": len(calibration), "sha256": set_sha256([picture.sha256 for picture in calibration])},
        tuned_on=None if tuned is None else {"n": len(tuned.images), "host": tuned.host, "date": tuned.date},
        units=units,
        conditions={name: condition_score(statistics, name, seed) for name in splices.conditions},
        recovered={
            a: {quantity: recovered(statistics, "spliced", f"ablated.{a}", quantity, seed=seed) for quantity in QUANTITIES}
            for a in ABLATIONS
        },
        fires={quantity: recovered(statistics, "spliced", "ablated.zero", quantity, statistics.fires, seed) for quantity in QUANTITIES},
        against={name: recovered(statistics, "spliced", name, "kl", seed=seed) for name in splices.conditions if is_control(name)},
        tuning=tuning_summary(units, curves.probe.turns),
        cost=cost(spec.theory, trained, circuit),
        seed=seed,
    )


def set_sha256(sha256s: Sequence[str]) -> str:
    """One name for a set of pictures, whatever their order."""
    return hashlib.sha256("\n".join(sorted(sha256s)).encode()).hexdigest()


def unit_scores(trained: TrainedCircuit, splices: Splices, statistics: Statistics, curves: TuningCurves) -> tuple[UnitScore, ...]:
    """Agreement and tuning of each unit."""
    rows, natural = statistics.rows["spliced"], statistics.rows["natural"]
    moments = rows["moments"].sum(0)
    value, target = (x["sample"].reshape(-1, len(trained.units)) for x in (rows, natural))
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
    means = {quantity: _mean(rows.get(quantity), seed) for quantity in QUANTITIES}
    units = bootstrap({"moments": rows["moments"]}, lambda m: pearson(m["moments"]).mean(-1), seed)
    return ConditionScore(
        kl=means["kl"],
        top1_agreement=means["agreement"],
        top1=means["top1"],
        top5=means["top5"],
        consumer=means["consumer"],
        pearson=units,
        recovered_kl=recovered(statistics, name, "ablated.zero", "kl", seed=seed),
        changed=float(rows["changed"].max()),
    )


def _mean(row: np.ndarray | None, seed: int) -> Figure:
    known = np.empty(0) if row is None else row[np.isfinite(row)]
    return bootstrap({"row": known}, lambda means: means["row"], seed) if len(known) else Figure(None)


def tuning_summary(units: Sequence[UnitScore], turns: int = 1) -> Mapping[str, float]:
    """Means over units, trained beside handwritten; coverage is the largest gap between preferred poses on the circle of 360 / `turns` degrees."""
    summary = {"pose_error_deg": _mean_of_known([unit.pose_error_deg for unit in units])}
    for side in ("trained", "handwritten"):
        own = [getattr(unit, side) for unit in units]
        summary |= {f"{side}.{name}": _mean_of_known([figures[name] for figures in own]) for name in own[0] if name != "preferred_deg"}
        summary[f"{side}.largest_gap_deg"] = largest_gap_deg([turns * figures["preferred_deg"] for figures in own]) / turns
    return summary


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
