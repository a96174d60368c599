"""The main path: from a theory to a scorecard.

Start reading here; every call in `run` is the one function of a stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.compiler import (
    HandwrittenCircuit,
    compile_chain,
    compile_compared,
    compile_spec,
    compile_variants,
)
from workbench.compiler.bind import Bound
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.calibration import calibrated_each
from workbench.evaluate.run import evaluate
from workbench.hosts import Host
from workbench.hosts.precision import bfloat16_after
from workbench.hosts.store import load
from workbench.report import write_report
from workbench.report.comparison import write_comparison
from workbench.result_folder import folder_written_whole
from workbench.score.asked import asked
from workbench.score.inputs import Inputs, gathered
from workbench.score.record import PICTURES, Record, of_run, write_record
from workbench.score.score import Spliced, score
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec, TrainedCircuit, load_circuit, load_theory, load_together
from workbench.splice.calibrate import Splices, with_random_readout
from workbench.vision.examples import Example, examples
from workbench.vision.pictures import Picture, skipped
from workbench.vision.tuning import TuningCurves, probe_of, stimuli_count, tuning
from workbench.vision.visualise.units import Visualised, visualised_each
from workbench.work import Work


@dataclass(frozen=True)
class RebuildRequest:
    """The theories to rebuild and score, and the pictures.

    files          pairs of a spec and a trained circuit; the units of all of them are replaced
                   together
    pictures       figures are means over these; none may be among the pictures that a spec was
                   tuned on, or in `calibration`
    calibration    pictures that a gain and a bias of each unit are fitted on, for every condition
    bound_files    by family, the circuit file of the trained units that can replace it, for the
                   conditions of `compile_chain`
    compare_files  specs of other theories of the same units
    with_variants  score the theories' variants too
    quick          leave out variants, the theories before tuning, the controls that are made from
                   their circuits, and visualisations: after an edit, with a cache, one condition is
                   computed
    visualised     make visualisations of units, unless the request is `quick`
    precision      "float32", or "bfloat16" for the host's layers after the last splice
    command        command line that the report names
    """

    files: Sequence[tuple[Path, Path]]
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]
    bound_files: Mapping[str, Path] = field(default_factory=dict)
    compare_files: Sequence[Path] = ()
    with_variants: bool = True
    quick: bool = False
    visualised: bool = True
    precision: str = "float32"
    command: str = ""


@dataclass(frozen=True)
class Run:
    """A scored rebuild: everything that a report shows.

    The sequences have one item a theory; a quick run has no visualisations. `compared` has the
    other theories of the same units with their circuits, where there is one theory to compare.
    """

    card: Scorecard
    specs: Sequence[Spec]
    compiled: Sequence[HandwrittenCircuit]
    curves: Sequence[TuningCurves]
    examples: Sequence[Example]
    visualised: Sequence[Visualised] = ()
    compared: Sequence[tuple[Spec, HandwrittenCircuit]] = ()


def rebuild(request: RebuildRequest, output: Path, work: Work = Work()) -> Scorecard:  # noqa: B008
    """Run a rebuild and write its report to the folder `output`. Raises WorkbenchError.

    The folder also has what `workbench score --again` needs (`workbench.score.record`).
    """
    with folder_written_whole(output) as folder:
        inputs = gathered(request.files, request.bound_files, request.compare_files)
        others = [load_theory(file) for file in request.compare_files]
        result = counted(run(request, work), others, work)
        write_report(
            folder,
            result.card,
            result.specs,
            result.compiled,
            result.curves,
            result.examples,
            result.visualised,
            request.command,
        )
        if result.compared:
            written = (result.specs[0], result.compiled[0])
            write_comparison(folder, result.card, written, result.compared)
        write_record(folder, _record(request, inputs, result.card, work))
    return result.card


def _record(request: RebuildRequest, inputs: Inputs, card: Scorecard, work: Work) -> Record:
    options = {
        "quick": request.quick,
        "variants": request.with_variants,
        "precision": request.precision,
        "seed": work.seed,
    }
    header = card.header
    known_by = {"host": header.host, "images": header.images, "calibration": header.calibration}
    return of_run(PICTURES, inputs, options, known_by, header.computed["device"], request.command)


def counted(result: Run, others: Sequence[Spec], work: Work) -> Run:
    """The same run, recorded as one more question about its pictures (`workbench.score.asked`).

    `others` are the theories that it compares with. Without a cache, which every command has, even
    with `--no-cache`, nothing may be left behind, and the run is not recorded.
    """
    if work.cache is None:
        return result
    count = asked(result.card, [other.sha256 for other in others])
    return replace(result, card=replace(result.card, asked=count))


def run(request: RebuildRequest, work: Work = Work()) -> Run:  # noqa: B008
    """Compile theories, splice them in place of their trained circuits, and score them.

    With a cache in `work`, nothing is computed again that an earlier run has computed for the same
    host, pictures and weights. Raises WorkbenchError.
    """
    specs, trained = load_together(request.files)
    host = load(trained[0].host)
    others = [load_theory(file) for file in request.compare_files]
    _refuse_same_name(others)
    bound = {family: load_circuit(file) for family, file in request.bound_files.items()}
    return run_loaded(request, specs, trained, host, others, bound, work)


def _refuse_same_name(others: Sequence[Spec]) -> None:
    """Raise WorkbenchError for theories to compare with that have one name: one would be lost."""
    paths: dict[str, Path] = {}
    for spec in others:
        name = spec.theory.theory
        if name in paths:
            raise WorkbenchError(
                "--compare-with",
                f"{paths[name]} and {spec.path} are both named {name}",
                "theories of different names",
                f"Change `theory: {name}` in one of them.",
            )
        paths[name] = spec.path


def run_loaded(
    request: RebuildRequest,
    specs: Sequence[Spec],
    trained: Sequence[TrainedCircuit],
    host: Host,
    others: Sequence[Spec],
    bound: Mapping[str, TrainedCircuit],
    work: Work = Work(),  # noqa: B008
) -> Run:
    """As `run`, for loaded theories and circuits of `host`; the request's files are not read.

    `others` are the theories to compare with, `bound` the trained units by family.
    """
    as_loaded, work = host, work.on_host(host.name)
    host = _placed(host, trained, request.precision, work)
    circuits = _circuits(request, specs, trained, others, bound, host, work.seed)

    joint = calibrated_each(host, circuits, request.calibration, work)
    statistics = evaluate(host, joint, request.pictures, work)
    curves = _tuning_curves(host, joint, specs, work)
    spliced = Spliced(specs, trained, host, joint, bound)
    card = score(
        spliced,
        statistics.on(work.device),
        curves,
        request.calibration,
        work.seed,
        skipped(request.pictures),
    )
    compiled = [splices.circuits["spliced"] for splices in joint]
    shown = examples(host, joint, statistics, request.pictures)
    compared = [(spec, joint[0].circuits[f"compared.{spec.theory.theory}"]) for spec in others]
    compared = compared if len(specs) == 1 else []
    if request.quick or not request.visualised:
        return Run(card, specs, compiled, curves, shown, compared=compared)
    pictures = visualised_each(as_loaded, joint, statistics, request.calibration, work)
    return Run(card, specs, compiled, curves, shown, pictures, compared)


def _placed(host: Host, trained: Sequence[TrainedCircuit], precision: str, work: Work) -> Host:
    """The host on the device of `work`, in that precision after the last splice."""
    host = host.on(work.device)
    if precision == "bfloat16":
        return bfloat16_after(host, *(units.site for units in trained))
    return host


def _circuits(
    request: RebuildRequest,
    specs: Sequence[Spec],
    trained: Sequence[TrainedCircuit],
    others: Sequence[Spec],
    bound: Bound,
    host: Host,
    seed: int,
) -> list[dict[str, HandwrittenCircuit]]:
    """Every circuit of each theory, by the name of its condition.

    Raises WorkbenchError, also if a theory was fitted to some of the pictures.
    """
    for spec in (*specs, *others):
        keep_apart(request.pictures, request.calibration, spec.theory.tuned)
    return [
        handwritten(spec, units, host, seed, bound_in(spec, specs, bound), request)
        | compile_compared(others, units, host)
        for spec, units in zip(specs, trained, strict=True)
    ]


def handwritten(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    seed: int,
    bound: Bound,
    request: RebuildRequest,
) -> dict[str, HandwrittenCircuit]:
    """A theory's own circuits, by the name of their condition.

    They are "spliced" and the chain of `bound` families. Unless the request is `quick`, they also
    are "as_written" if the theory's numbers were tuned, its variants, and the control "random".
    """
    circuits = {"spliced": compile_spec(spec, trained, host)}
    if request.quick:
        return circuits | compile_chain(spec, trained, host, bound)
    if spec.theory.tuned:
        circuits["as_written"] = compile_spec(spec, trained, host, as_written=True)
    if request.with_variants:
        circuits |= compile_variants(spec, trained, host, circuits["spliced"])
    circuits |= compile_chain(spec, trained, host, bound)
    return circuits | {"random": with_random_readout(circuits["spliced"], seed)}


def bound_in(spec: Spec, specs: Sequence[Spec], bound: Bound) -> Bound:
    """The bound families that a theory has before its last one.

    A family that no theory has is kept too, so that compiling refuses it by name.
    """
    above = {other.path: list(other.theory.families)[:-1] for other in specs}
    return {
        name: units
        for name, units in bound.items()
        if name in above[spec.path] or not any(name in families for families in above.values())
    }


def _tuning_curves(
    host: Host, joint: Sequence[Splices], specs: Sequence[Spec], work: Work
) -> list[TuningCurves]:
    """The tuning of each theory's units, trained and handwritten, on drawn stimuli."""
    probes = [probe_of(spec.theory) for spec in specs]
    progress = work.stage("tuning curves", sum(stimuli_count(probe=probe) for probe in probes))
    return [
        tuning(host, splices, progress, probe=probe, cache=work.cache, engine=work.engine)
        for splices, probe in zip(joint, probes, strict=True)
    ]
