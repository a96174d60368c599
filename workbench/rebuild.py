"""The main path: from a theory to a scorecard. Start reading here; every call below is the door of one stage."""

from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.compiler import compile_spec
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.examples import examples
from workbench.evaluate.journal import run_journal
from workbench.evaluate.run import evaluate, scenes
from workbench.evaluate.tuning import probe_of, stimuli_count, tuning
from workbench.files import folder_written_whole
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.report import write_report
from workbench.score.score import score
from workbench.score.scorecard import Scorecard
from workbench.spec import load_circuit, load_theory
from workbench.splice.calibrate import calibrate, with_random_readout

Stage = Callable[[str, int], Callable[[int], None]]


def rebuild(
    spec_file: Path,
    circuit_file: Path,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    command: str = "",
) -> Scorecard:
    """Compile a theory, splice it in place of the trained circuit, score it on `pictures`, and write the report to the folder `output`.

    `calibration` pictures fit a gain and a bias to each unit, and the same for each control; neither they nor those that the spec was tuned on
    may be among `pictures`. `stage(name, total)` is told of each stage and gives the function to call with its steps. `command` is
    what the report says it was made by. Raises WorkbenchError.
    """
    spec = load_theory(spec_file)
    trained = load_circuit(circuit_file)
    host = load(trained.host)
    keep_apart(pictures, calibration, spec.theory.tuned)

    circuits = {"spliced": compile_spec(spec, trained, host)}
    if spec.theory.tuned:
        circuits["as_written"] = compile_spec(spec, trained, host, as_written=True)
    circuits["random"] = with_random_readout(circuits["spliced"], seed)

    with folder_written_whole(output, marker="score.json") as folder:
        seen = scenes(host, circuits, calibration, progress=stage("calibrate", len(calibration)))
        splices = calibrate(circuits, seen, seed)
        journal = run_journal(splices, host, calibration, seed)
        statistics = evaluate(host, splices, pictures, journal=journal, progress=stage("score", len(pictures)))
        probe = probe_of(list(spec.theory.families.values())[-1])
        curves = tuning(host, splices, stage("tuning curves", stimuli_count(probe=probe)), probe=probe)
        card = score(spec, trained, host, splices, statistics, curves, calibration, seed)
        write_report(folder, card, spec, circuits["spliced"], curves, examples(host, splices, statistics, pictures), command)
    journal.clear()
    return card
