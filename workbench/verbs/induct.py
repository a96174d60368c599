"""From a theory to its proof by induction: as `rebuild`, but the trained weights are asked, layer by layer, what they make of claimed inputs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.compiler import compile_spec
from workbench.compiler.bind import refuse_unbindable
from workbench.compiler.compile import refuse_strange
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.claimed import claimed
from workbench.evaluate.induction import CLAIMED, hypothesis, implied, moments
from workbench.evaluate.matching import nearest
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.induction_plot import draw_induction
from workbench.score.frontier import sites_up_to
from workbench.score.induction import Induction, induction_json, induction_score
from workbench.spec import load_circuit, load_theory
from workbench.survey.probes import PLAIN, answers, group_count, tuning


def induct(
    spec_file: Path,
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
) -> Induction:
    """Test every step of a theory's induction, on `pictures` and on drawn stimuli, and write induct.json and induct.png to `output`.

    The trained units that a theory speaks of are those that `workbench layers` matches, those of `bound_files` in place of what it matches of
    these families at their sites, and the trained circuit's own. `calibration` pictures give what is claimed of each unit its gain and bias.
    `stage` is as of `rebuild`. Raises WorkbenchError, also for pictures that the spec was tuned on.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    keep_apart(pictures, calibration, spec.theory.tuned)
    if len(pictures) < 2:
        raise WorkbenchError("pictures", f"{len(pictures)}", "two or more: intervals are over pictures")
    bound = {family: load_circuit(file) for family, file in bound_files.items()}
    host = load(trained.host)
    for units in bound.values():
        refuse_strange(units, host)
    refuse_unbindable(spec, trained, host, bound)
    circuit = compile_spec(spec, trained, host)

    with folder_written_whole(output, marker="induct.json") as folder:
        shown = answers(host, circuit, list(sites_up_to(host, [trained.site])), stage("match on drawn stimuli", group_count()))
        pairs = claimed(circuit, nearest(shown), trained, bound, seed)
        theory = hypothesis(host, spec, trained, circuit, pairs, bound, calibration, seed, stage("calibrate", len(calibration)))
        rows = moments(theory, pictures, progress=stage("steps on pictures", len(pictures)))
        progress = stage("steps on drawn stimuli", len(PLAIN))
        _, curves = tuning(host, circuit.grid, lambda rgb: implied(theory, host.input.encode(rgb), (CLAIMED,)), progress, PLAIN, (), (0.0,))
        found = induction_score(spec, trained, theory, bound, rows, curves, pictures, calibration, seed)
        write_whole(folder / "induct.json", induction_json(found))
        write_whole(folder / "induct.png", png(draw_induction(found)))
    return found
