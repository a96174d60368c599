"""From statistics and tuning curves to a scorecard."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float

from workbench.arrays import Array, array_namespace, device
from workbench.arrays.devices import computed_on
from workbench.compiler.bind import Bound
from workbench.evaluate.run import sampled_at_border
from workbench.evaluate.statistics import Statistics
from workbench.files import set_sha256
from workbench.hosts.host import Host
from workbench.hosts.output import Quantity
from workbench.score.agreement import (
    border_false_alarms,
    explained_variance,
    firing,
    firing_chance,
    pearson,
    spearman,
    top_overlap,
)
from workbench.score.bits import baseline_bits
from workbench.score.compared import comparisons
from workbench.score.cost import cost, total
from workbench.score.facts import (
    Header,
    circuit_facts,
    copies_facts,
    default_facts,
    host_facts,
    picture_facts,
    skipped_facts,
    spec_facts,
)
from workbench.score.recovery import ABLATIONS, loses, mean_over, recovered
from workbench.score.scorecard import (
    ConditionScore,
    Scorecard,
    TheoryScore,
    UnitScore,
    VariantScore,
)
from workbench.score.tuning import (
    NAN,
    Tuned,
    figures,
    largest_differences,
    largest_gap_deg,
    turn_deg,
)
from workbench.score.uncertainty import Figure, bootstrap
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit, TrainedUnit
from workbench.spec.language import TunedOn
from workbench.spec.pose import PoseValue
from workbench.splice.calibrate import Splices, condition_names
from workbench.splice.conditions import RIVALS, Handwritten
from workbench.splice.natural import channels_before
from workbench.vision.pictures import Picture
from workbench.vision.tuning import TuningCurves


@dataclass(frozen=True)
class Spliced:
    """One or more theories whose circuits are spliced into a host together.

    The sequences are in the same order; `bound` are the trained units of conditions
    `trained.FAMILY`, by family.
    """

    specs: Sequence[Spec]
    trained: Sequence[TrainedCircuit]
    host: Host
    joint: Sequence[Splices]
    bound: Bound = field(default_factory=dict)


def score(
    spliced: Spliced,
    statistics: Statistics,
    curves: Sequence[TuningCurves],
    calibration: Sequence[Picture],
    seed: int = 0,
    skipped: int = 0,
) -> Scorecard:
    """Compute every figure of one rebuild.

    `statistics` are those of the evaluation pictures, none of which is in `calibration`; `skipped`
    files of their folder were no pictures. `curves` are in the order of the theories.
    """
    specs, trained, joint, host = spliced.specs, spliced.trained, spliced.joint, spliced.host
    by_theory = statistics.parts([len(circuit.units) for circuit in trained])
    units = [
        unit_scores(*row, _border(host, joint, *row[1:3]))
        for row in zip(trained, joint, by_theory, curves, strict=True)
    ]
    theories = tuple(
        theory_score(*row) for row in zip(specs, trained, joint, units, curves, strict=True)
    )
    every_unit = tuple(unit for circuit in units for unit in circuit)
    names, turns = condition_names(joint), {curve.probe.turns for curve in curves}
    quantities = [quantity.name for quantity in host.output.quantities] + ["consumer"]

    def recovered_of(
        worse: str, pictures: Bool[Array, " picture"] | None = None
    ) -> dict[str, Figure]:
        return {
            quantity: recovered(statistics, "spliced", worse, quantity, pictures, seed)
            for quantity in quantities
        }

    headline, images = host.output.headline, _image_facts(statistics, skipped)
    return Scorecard(
        header=_header(host, theories, images, picture_facts(calibration), seed),
        quantities=host.output.quantities,
        headline_quantity=headline,
        compared=host.output.compared,
        tuned_on=_tuned_on([spec.theory.tuned for spec in specs if spec.theory.tuned]),
        units=every_unit,
        conditions={name: condition_score(statistics, name, headline, seed) for name in names},
        recovered={ablation: recovered_of(f"ablated.{ablation}") for ablation in ABLATIONS},
        fires=recovered_of("ablated.zero", statistics.fires),
        against={
            name: recovered(statistics, "spliced", name, headline.name, seed=seed)
            for name in names
            if statistics.conditions[name].kind in RIVALS
        },
        tuning=tuning_summary(every_unit, turns.pop() if len(turns) == 1 else 1),
        cost=total([theory.cost for theory in theories]),
        theories=theories,
        variants=variant_scores(specs, statistics, headline, seed),
        trained={family: circuit_facts(circuit) for family, circuit in spliced.bound.items()},
        check=joint[0].check,
        bits=_bits(spliced, theories),
        others=comparisons(statistics, headline.name, seed),
    )


def _bits(spliced: Spliced, theories: Sequence[TheoryScore]) -> dict[str, float]:
    """The description lengths of all theories together, and of the baselines of all their units."""
    bits: dict[str, float] = {"spliced": total([theory.cost for theory in theories]).bits}
    for trained in spliced.trained:
        for name, length in baseline_bits(
            len(trained.units), channels_before(spliced.host, trained.site)
        ).items():
            bits[name] = bits.get(name, 0) + length
    return {name: math.ceil(length) for name, length in bits.items()}


def _header(
    host: Host,
    theories: Sequence[TheoryScore],
    images: Mapping[str, object],
    calibration: Mapping[str, object],
    seed: int,
) -> Header:
    """The header of one or more theories."""
    return Header(
        host=host_facts(host),
        spec=_together([theory.spec for theory in theories]),
        circuit=_together([theory.circuit for theory in theories]),
        images=images,
        calibration=calibration,
        seed=seed,
        computed=computed_on(host.device),
    )


def _image_facts(statistics: Statistics, skipped: int) -> dict[str, object]:
    """How many pictures, how many with labels, on how many the circuit fires; one hash of all."""
    xp = array_namespace(statistics.peak)
    return {
        "n": len(statistics.names),
        "labelled": statistics.labelled,
        "fires": int(xp.count_nonzero(statistics.fires)),
        **default_facts(statistics.names),
        **copies_facts(statistics.sha256s),
        **skipped_facts(skipped),
        "sha256": set_sha256(statistics.sha256s),
    }


def variant_scores(
    specs: Sequence[Spec], statistics: Statistics, headline: Quantity, seed: int
) -> dict[str, VariantScore]:
    """The score of every variant that any of the theories has and that was run.

    If it changes several theories, the descriptions are joined by " + ".
    """
    changes: dict[str, list[str]] = {}
    for spec in specs:
        for name, variant in spec.theory.variants.items():
            if f"variant.{name}" in statistics.rows:
                changes.setdefault(name, []).append(variant.about.strip())
    return {
        name: VariantScore(
            " + ".join(dict.fromkeys(about)),
            loses(statistics, f"variant.{name}", headline.name, seed),
        )
        for name, about in changes.items()
    }


def theory_score(
    spec: Spec,
    trained: TrainedCircuit,
    splices: Splices,
    units: Sequence[UnitScore],
    curves: TuningCurves,
) -> TheoryScore:
    """The figures of one theory alone."""
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
    """Join the names of several by " + ", and hash their hashes. A single one is unchanged."""
    joined = {key: " + ".join(dict.fromkeys(fact[key] for fact in facts)) for key in facts[0]}
    if len(facts) == 1:
        return joined
    return joined | {"sha256": set_sha256([fact["sha256"] for fact in facts])}


def _tuned_on(ledgers: Sequence[TunedOn]) -> dict[str, object] | None:
    """The number of pictures that the theories were tuned on, the hosts, and the last date."""
    if not ledgers:
        return None
    hosts = " + ".join(dict.fromkeys(host for ledger in ledgers for host in ledger.hosts))
    return {
        "n": len({image for ledger in ledgers for image in ledger.images}),
        "host": hosts,
        "date": max(ledger.date for ledger in ledgers),
    }


def _border(
    host: Host, joint: Sequence[Splices], splices: Splices, statistics: Statistics
) -> Bool[np.ndarray, " row"]:
    """Whether each sampled position of one circuit's statistics lies at the border of its site."""
    pictures, count = statistics.rows["spliced"]["sample"].shape[:2]
    return sampled_at_border(host, joint, splices, pictures, count).ravel()


def unit_scores(
    trained: TrainedCircuit,
    splices: Splices,
    statistics: Statistics,
    curves: TuningCurves,
    border: Bool[np.ndarray, " row"],
) -> tuple[UnitScore, ...]:
    """Agreement and tuning of each unit; `border`: which sampled positions lie at the border."""
    rows, natural = statistics.rows["spliced"], statistics.rows["natural"]
    xp = array_namespace(rows["moments"])
    moments = xp.sum(rows["moments"], axis=0)
    value, target = (xp.reshape(x["sample"], (-1, len(trained.units))) for x in (rows, natural))
    precision, recall = firing(value, target)
    columns = {
        "pearson": pearson(moments),
        "spearman": spearman(value, target),
        "explained_variance": explained_variance(moments),
        "top_overlap": top_overlap(value, target),
        "firing_precision": precision,
        "firing_recall": recall,
        "firing_chance": firing_chance(target),
        "border_false_alarms": border_false_alarms(
            value, target, xp.asarray(border, device=device(value))
        ),
    }
    theirs, ours = figures(curves, trained=True), figures(curves, trained=False)
    differences = largest_differences(curves)
    condition, turns = splices.conditions["spliced"], curves.probe.turns
    if not isinstance(condition, Handwritten):
        raise TypeError("condition 'spliced' is not a handwritten circuit")
    return tuple(
        UnitScore(
            unit=f"{trained.site}:{unit.unit}",
            pose=_scored_pose(unit),
            **{name: float(column[i]) for name, column in columns.items()},
            gain=float(condition.gain[i]),
            bias=float(condition.bias[i]),
            trained=_flat(theirs[i]),
            handwritten=_flat(ours[i]),
            pose_error_deg=turn_deg(turns * ours[i].preferred_deg, turns * theirs[i].preferred_deg)
            / turns,
            worst_stimulus=differences[i],
            border_positions=float(border.mean()),
        )
        for i, unit in enumerate(trained.units)
    )


def _scored_pose(unit: TrainedUnit) -> Mapping[str, PoseValue]:
    """The direction of a unit that has one, else its whole pose."""
    return unit.pose if unit.centre_deg is None else {"centre_deg": unit.centre_deg}


def _flat(tuned: Tuned) -> dict[str, float]:
    values = asdict(tuned)
    return {
        **{f"invariance {name}": value for name, value in values.pop("invariance").items()},
        **values,
    }


def condition_score(
    statistics: Statistics, name: str, headline: Quantity, seed: int
) -> ConditionScore:
    """Means over pictures of one condition, and what it recovers of zero ablation's distance."""
    rows, facts = statistics.rows[name], statistics.conditions[name]
    xp = array_namespace(rows["moments"])
    units = bootstrap(
        {"moments": rows["moments"]},
        lambda means: xp.mean(pearson(means["moments"]), axis=-1),
        seed,
    )
    return ConditionScore(
        kind=facts.kind,
        label=facts.label,
        quantities={
            quantity.key: mean_figure(statistics, rows.get(quantity.name), seed)
            for quantity in statistics.quantities
        },
        consumer=mean_figure(statistics, rows.get("consumer"), seed),
        pearson=units,
        recovered=recovered(statistics, name, "ablated.zero", headline.name, seed=seed),
        changed=float(xp.max(rows["changed"])),
    )


def mean_figure(statistics: Statistics, row: Float[Array, " picture"] | None, seed: int) -> Figure:
    """The mean over the pictures that have a value, with its interval and their number."""
    if row is None:
        return Figure(None)
    xp = array_namespace(row)
    known = xp.isfinite(row)
    if not xp.any(known):
        return Figure(None)
    return mean_over(statistics, {"row": row}, known, lambda means: means["row"], seed)


def tuning_summary(units: Sequence[UnitScore], turns: int = 1) -> Mapping[str, float]:
    """Means over units, of trained and of handwritten tuning curves.

    `largest_gap_deg` is the largest gap between preferred poses on the circle of 360 / `turns`
    degrees. Units without a value are left out; where there are some, `units.NAME` counts the rest.
    """
    errors = [unit.pose_error_deg for unit in units]
    summary = {"pose_error_deg": _mean(errors), **_counted("pose_error_deg", errors)}
    for side in ("trained", "handwritten"):
        rows = [getattr(unit, side) for unit in units]
        columns = {
            name: [row.get(name, NAN) for row in rows] for name in dict.fromkeys(chain(*rows))
        }
        preferred = columns.pop("preferred_deg", [])
        for name, values in columns.items():
            summary |= {f"{side}.{name}": _mean(values), **_counted(f"{side}.{name}", values)}
        gap = f"{side}.largest_gap_deg"
        summary[gap] = largest_gap_deg([turns * value for value in preferred]) / turns
        summary |= _counted(gap, preferred)
    return summary


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else NAN


def _counted(name: str, values: Sequence[float]) -> dict[str, float]:
    """How many values are known, where some are not."""
    count = int(np.isfinite(values).sum())
    return {f"units.{name}": count} if count < len(values) else {}
