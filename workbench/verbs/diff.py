"""From two networks to what differs: each is surveyed, its units compared with a theory term by term, and matched with the other's."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.compiler import compile_spec
from workbench.compiler.compile import compile_terms, refuse_strange
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.run import calibrated, evaluate, scenes
from workbench.evaluate.terms import parts
from workbench.files import folder_written_whole, write_whole
from workbench.hosts import Host
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.score.diff import Diff, Known, diff_json, diff_score
from workbench.score.facts import spec_facts
from workbench.score.recovery import recovered
from workbench.score.score import mean_figure
from workbench.score.uncertainty import Figure
from workbench.spec import Spec, load_circuit, load_theory
from workbench.spec.circuit import TrainedCircuit
from workbench.survey import survey
from workbench.survey.arcs import measure
from workbench.survey.trials import DIRECTIONS_DEG
from workbench.survey.tuning import tuning

CONDITIONS = ("natural", "ablated.zero", "spliced")


def diff(
    hosts: tuple[str, str],
    spec_file: Path,
    circuit_files: Sequence[Path | None],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    surveyed: Sequence[Picture],
    output: Path,
    stage: Stage,
    counter: Callable[[str, int, int], None],
    seed: int = 0,
) -> Diff:
    """Say how the units of a theory's last family differ between two networks, and write diff.json to the folder `output`.

    `circuit_files`: of each host its trained circuit, or None for a survey. A circuit says which units; what they answer to is measured here.
    Both hosts' handwritten units stand at their surveyed poses, also where the spec was tuned on one of them.
    Pictures and `stage` are as of `rebuild`. Raises WorkbenchError.
    """
    spec = _at_surveyed_poses(load_theory(spec_file))
    keep_apart(pictures, calibration, spec.theory.tuned)
    with folder_written_whole(output, marker="diff.json") as folder:
        both = []
        for name, file in zip(hosts, circuit_files, strict=True):
            host = load(name)
            trained = load_circuit(file) if file else survey(host, list(spec.theory.families)[-1], surveyed, None, counter)
            refuse_strange(trained, host)
            both.append(_known(host, spec, trained, pictures, calibration, stage, counter, seed))
        facts = spec_facts(spec)
        found = diff_score(facts, both[0], both[1], seed)
        write_whole(folder / "diff.json", diff_json(found))
    return found


def _at_surveyed_poses(spec: Spec) -> Spec:
    """The spec with its ledger's poses forgotten: they would move the units of a host that it was tuned on, and not the other's."""
    if not (tuned := spec.theory.tuned):
        return spec
    ledger = tuned.model_copy(update={"circuits": tuple(each.model_copy(update={"poses": {}}) for each in tuned.circuits)})
    return replace(spec, theory=spec.theory.model_copy(update={"tuned": ledger}))


def _known(
    host: Host,
    spec: Spec,
    trained: TrainedCircuit,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    stage: Stage,
    counter: Callable[[str, int, int], None],
    seed: int,
) -> Known:
    units = [unit.unit for unit in trained.units]
    responses = measure(host, [trained.site], calibration, lambda what, *done: counter(f"{host.name}: {what}", *done))[trained.site]
    tuned = tuning(responses)
    terms = compile_terms(spec, trained, host)
    lost, back = _worth(host, spec, trained, pictures, calibration, stage, seed)
    return Known(
        host=host.name,
        fingerprint=host.fingerprint,
        site=trained.site,
        units=tuple(units),
        responses=responses.arcs[..., units].reshape(-1, len(units)),
        directions_deg=np.asarray(DIRECTIONS_DEG, dtype=float),
        curve=tuned.curve[:, units],
        pose_deg=tuned.pose_deg[units],
        radius_px=tuned.radius_px[units],
        parts=parts(scenes(host, terms, calibration, progress=stage(f"{host.name}: terms", len(calibration))), seed),
        lost=lost,
        recovered=back,
    )


def _worth(
    host: Host, spec: Spec, trained: TrainedCircuit, pictures: Sequence[Picture], calibration: Sequence[Picture], stage: Stage, seed: int
) -> tuple[Figure, Figure]:
    """KL when the units are silenced, and what the handwritten ones recover of it."""
    circuit = compile_spec(spec, trained, host)
    splices = calibrated(host, circuit, calibration, seed, stage(f"{host.name}: calibrate", len(calibration)))
    splices = replace(splices, conditions={name: splices.conditions[name] for name in CONDITIONS})
    statistics = evaluate(host, [splices], pictures, progress=stage(f"{host.name}: score", len(pictures)))
    lost = mean_figure(statistics.rows["ablated.zero"]["kl"], seed)
    return lost, recovered(statistics, "spliced", "ablated.zero", "kl", seed=seed)
