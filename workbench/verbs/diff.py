"""From two networks to what differs: each is surveyed, its units compared with a theory term by term, and matched with the other's."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.compiler.compile import compile_terms, refuse_strange
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.journal import Journal, run_journal
from workbench.evaluate.run import Progress, calibrated, evaluate, scenes
from workbench.evaluate.terms import parts
from workbench.files import folder_written_whole, write_whole
from workbench.hosts import Host
from workbench.hosts.named import cache_of
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
from workbench.splice.calibrate import Splices
from workbench.survey import survey
from workbench.survey.arcs import measure
from workbench.survey.responses import steps_of
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
    cache: Cache | None = None,
) -> Diff:
    """Say how the units of a theory's last family differ between two networks, and write diff.json to the folder `output`.

    `circuit_files`: of each host its trained circuit, or None for a survey. A circuit says which units; what they answer to is measured here.
    Both hosts' handwritten units stand at their surveyed poses, also where the spec was tuned on one of them.
    Pictures, `stage` and `cache` are as of `rebuild`; with a cache an interrupted run goes on. Raises WorkbenchError.
    """
    spec = _at_surveyed_poses(load_theory(spec_file))
    keep_apart(pictures, calibration, spec.theory.tuned)
    for name in hosts:
        load(name)  # a mistyped second one is told before any work on the first
    with folder_written_whole(output, marker="diff.json") as folder:
        both, journals = [], []
        for name, file in zip(hosts, circuit_files, strict=True):
            host = load(name)
            trained = load_circuit(file) if file else survey(host, list(spec.theory.families)[-1], surveyed, None, counter, cache=cache)
            refuse_strange(trained, host)
            known, journal = _known(host, spec, trained, pictures, calibration, stage, counter, seed, cache_of(host.name, cache))
            both.append(known)
            journals.append(journal)
        facts = spec_facts(spec)
        found = diff_score(facts, both[0], both[1], seed)
        write_whole(folder / "diff.json", diff_json(found))
    for journal in journals:
        journal.clear()
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
    cache: Cache | None,
) -> tuple[Known, Journal]:
    """One network's units, and the journal of their score, to be cleared when all is written."""
    units = [unit.unit for unit in trained.units]
    steps = steps_of(host, "arcs", lambda what, *done: counter(f"{host.name}: {what}", *done), cache)
    responses = measure(host, [trained.site], calibration, steps)[trained.site]
    tuned = tuning(responses)
    terms = compile_terms(spec, trained, host)
    seen = scenes(host, terms, calibration, progress=stage(f"{host.name}: terms", len(calibration)), cache=cache)
    weights = parts(seen, seed)
    circuit = compile_spec(spec, trained, host)
    splices = calibrated(host, circuit, calibration, seed, stage(f"{host.name}: calibrate", len(calibration)), cache)
    splices = replace(splices, conditions={name: splices.conditions[name] for name in CONDITIONS})
    journal = run_journal([splices], host, calibration, seed)
    lost, back = _worth(host, splices, pictures, journal, stage(f"{host.name}: score", len(pictures)), seed, cache)
    known = Known(
        host=host.name,
        fingerprint=host.fingerprint,
        site=trained.site,
        units=tuple(units),
        responses=responses.arcs[..., units].reshape(-1, len(units)),
        directions_deg=np.asarray(DIRECTIONS_DEG, dtype=float),
        curve=tuned.curve[:, units],
        pose_deg=tuned.pose_deg[units],
        radius_px=tuned.radius_px[units],
        parts=weights,
        lost=lost,
        recovered=back,
    )
    return known, journal


def _worth(
    host: Host, splices: Splices, pictures: Sequence[Picture], journal: Journal, progress: Progress, seed: int, cache: Cache | None
) -> tuple[Figure, Figure]:
    """KL when the units are silenced, and what the handwritten ones recover of it."""
    statistics = evaluate(host, [splices], pictures, journal=journal, progress=progress, cache=cache)
    lost = mean_figure(statistics.rows["ablated.zero"]["kl"], seed)
    return lost, recovered(statistics, "spliced", "ablated.zero", "kl", seed=seed)
