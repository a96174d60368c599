"""The main path: from a theory to a scorecard. Start reading here; every call below is the door of one stage."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workbench.arrays.devices import CPU
from workbench.cache import Cache
from workbench.compiler import HandwrittenCircuit, compile_beside, compile_chain, compile_spec, compile_variants
from workbench.compiler.bind import Bound
from workbench.engine import Engine, here
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.examples import examples
from workbench.evaluate.journal import run_journal
from workbench.evaluate.run import calibrated_each, evaluate
from workbench.evaluate.tuning import probe_of, stimuli_count, tuning
from workbench.files import folder_written_whole
from workbench.hosts import Host
from workbench.hosts.named import cache_of
from workbench.hosts.precision import bfloat16_behind
from workbench.hosts.store import load
from workbench.pictures import Picture, skipped
from workbench.report import write_report
from workbench.score.score import score
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec, TrainedCircuit, load_circuit, load_theory, load_together
from workbench.splice.calibrate import with_random_readout

Stage = Callable[[str, int], Callable[[int], None]]


def rebuild(
    files: Sequence[tuple[Path, Path]],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    command: str = "",
    bound_files: Mapping[str, Path] | None = None,
    beside_files: Sequence[Path] = (),
    with_variants: bool = True,
    quick: bool = False,
    cache: Cache | None = None,
    precision: str = "float32",
    engine: Engine = here,
    device: str = CPU,
) -> Scorecard:
    """Compile theories, splice them in place of their trained circuits, score them on `pictures`, and write the report to the folder `output`.

    `files` are pairs of a spec and a trained circuit; the units of all of them are replaced together, so one pair is a theory alone.
    `calibration` pictures fit a gain and a bias to each unit, and the same for each control; neither they nor those that a spec was tuned on
    may be among `pictures`. `stage(name, total)` is told of each stage and gives the function to call with its steps. `command` is
    what the report says it was made by. `bound_files`: families and the circuit files of the trained units that may stand in for them, which
    makes the chain of `compile_chain`; `beside_files`: specs of other theories of the same units. `with_variants`: the theories' variants are
    scored too. `quick`: neither they nor the theories as written nor the controls that speak with their circuits, so that after an edit with a
    `cache` one condition is computed. With a `cache`, nothing is computed again that an earlier run computed of the same host, pictures and
    weights. `precision` "bfloat16": of the host's layers behind the last splice (`bfloat16_behind`). `engine`: where batches are computed. The
    network runs on `device`, and the statistics are taken there. Raises WorkbenchError.
    """
    specs, trained = load_together(files)
    host, others = load(trained[0].host).on(device), [load_theory(file) for file in beside_files]
    if precision == "bfloat16":
        host = bfloat16_behind(host, *(units.site for units in trained))
    cache = cache_of(host.name, cache)
    for spec in (*specs, *others):
        keep_apart(pictures, calibration, spec.theory.tuned)
    bound = {family: load_circuit(file) for family, file in (bound_files or {}).items()}
    circuits = [
        handwritten(spec, units, host, seed, bound_in(spec, specs, bound), with_variants, quick)
        for spec, units in zip(specs, trained, strict=True)
    ]
    for own, units in zip(circuits, trained, strict=True):
        own |= compile_beside(others, units, host)

    with folder_written_whole(output, marker="score.json") as folder:
        progress = stage("calibrate", len(calibration) * len(circuits))
        joint = calibrated_each(host, circuits, calibration, seed, progress, cache, engine)
        journal = run_journal(joint, host, calibration, seed)
        statistics = evaluate(host, joint, pictures, journal=journal, progress=stage("score", len(pictures)), cache=cache, engine=engine)
        probes = [probe_of(spec.theory) for spec in specs]
        progress = stage("tuning curves", sum(stimuli_count(probe=probe) for probe in probes))
        curves = [
            tuning(host, splices, progress, probe=probe, cache=cache, engine=engine) for splices, probe in zip(joint, probes, strict=True)
        ]
        card = score(specs, trained, host, joint, statistics.on(device), curves, calibration, seed, bound, skipped(pictures))
        compiled = [own["spliced"] for own in circuits]
        write_report(folder, card, specs, compiled, curves, examples(host, joint, statistics, pictures), command)
    journal.clear()
    return card


def handwritten(
    spec: Spec, trained: TrainedCircuit, host: Host, seed: int, bound: Bound, with_variants: bool = True, quick: bool = False
) -> dict[str, HandwrittenCircuit]:
    """A theory's circuits: "spliced", "as_written" where its numbers were tuned, its variants, the chain of `bound` families, and the control
    "random"; if `quick`, the first and the chain alone."""
    circuits = {"spliced": compile_spec(spec, trained, host)}
    if quick:
        return circuits | compile_chain(spec, trained, host, bound)
    if spec.theory.tuned:
        circuits["as_written"] = compile_spec(spec, trained, host, as_written=True)
    if with_variants:
        circuits |= compile_variants(spec, trained, host, circuits["spliced"])
    circuits |= compile_chain(spec, trained, host, bound)
    return circuits | {"random": with_random_readout(circuits["spliced"], seed)}


def bound_in(spec: Spec, specs: Sequence[Spec], bound: Bound) -> Bound:
    """The bound families that a theory has above its last, and any that no theory has, to be refused by name."""
    above = {each.path: list(each.theory.families)[:-1] for each in specs}
    return {name: units for name, units in bound.items() if name in above[spec.path] or not any(name in own for own in above.values())}
