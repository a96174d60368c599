"""From a theory to its proof by induction: as `rebuild`, but the trained weights are asked, layer by layer, what they make of claimed inputs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.cache import Cache
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.induction import CLAIMED, hypothesis, implied, moments
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.induction_plot import draw_induction
from workbench.score.induction import Induction, induction_json, induction_score
from workbench.survey.probes import PLAIN, tuning
from workbench.verbs.loaded import claims_of, loaded


def induct(
    spec_file: Path,
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    cache: Cache | None = None,
) -> Induction:
    """Test every step of a theory's induction, on `pictures` and on drawn stimuli, and write induct.json and induct.png to `output`.

    The trained units that a theory speaks of are those that `workbench layers` matches, those of `bound_files` in place of what it matches of
    these families at their sites, and the trained circuit's own. `calibration` pictures give what is claimed of each unit its gain and bias.
    `stage` and `cache` are as of `rebuild`. Raises WorkbenchError, also for pictures that the spec was tuned on.
    """
    read = loaded(spec_file, circuit_file, bound_files)
    keep_apart(pictures, calibration, read.spec.theory.tuned)
    if len(pictures) < 2:
        raise WorkbenchError("pictures", f"{len(pictures)}", "two or more: intervals are over pictures")
    spec, trained, host, circuit = read.spec, read.trained, read.host, read.circuit
    cache = cache_of(host.name, cache)

    with folder_written_whole(output, marker="induct.json") as folder:
        pairs = claims_of(read, stage, seed, cache)
        theory = hypothesis(host, spec, trained, circuit, pairs, read.bound, calibration, seed, stage("calibrate", len(calibration)), cache)
        rows = moments(theory, pictures, progress=stage("steps on pictures", len(pictures)), cache=cache)
        progress = stage("steps on drawn stimuli", len(PLAIN))
        shown = (PLAIN, (), (0.0,), cache, theory.key)
        _, curves = tuning(host, circuit.grid, lambda rgb: implied(theory, host.input.encode(rgb), (CLAIMED,)), progress, *shown)
        found = induction_score(spec, trained, theory, read.bound, rows, curves, pictures, calibration, seed)
        write_whole(folder / "induct.json", induction_json(found))
        write_whole(folder / "induct.png", png(draw_induction(found)))
    return found
