"""From a theory to what it leaves of each unit: as `rebuild`, but nothing is judged behind the units."""

from collections.abc import Sequence
from pathlib import Path

from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.firing import firing
from workbench.evaluate.run import calibrated
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.polysemanticity_plot import draw_polysemanticity
from workbench.score.meaning import CLUSTERS
from workbench.score.polysemanticity import Polysemanticity, polysemanticity_json, polysemanticity_score
from workbench.spec import load_circuit, load_theory


def polysemanticity(
    spec_file: Path,
    circuit_file: Path,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    clusters: int = CLUSTERS,
    cache: Cache | None = None,
) -> Polysemanticity:
    """Ask how much of each trained unit's activation the theory accounts for, and write polysemanticity.json and polysemanticity.png to `output`.

    `calibration` pictures fit a gain and a bias to each unit; `stage` and `cache` are as of `rebuild`. Raises WorkbenchError, also for pictures
    that were used to fit, for fewer than two, and for a circuit of one unit.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    keep_apart(pictures, calibration, spec.theory.tuned)
    if len(pictures) < 2:
        raise WorkbenchError("pictures", f"{len(pictures)}", "two or more: intervals are over pictures")
    if len(trained.units) < 2:
        raise WorkbenchError(str(circuit_file), "one unit", "two or more: a wrong theory of a unit is another unit's")
    host = load(trained.host)
    cache = cache_of(host.name, cache)
    circuit = compile_spec(spec, trained, host)

    with folder_written_whole(output, marker="polysemanticity.json") as folder:
        splices = calibrated(host, circuit, calibration, seed, stage("calibrate", len(calibration)), cache)
        seen = firing(host, splices.circuits, splices, pictures, seed, stage("pictures", len(pictures)), cache)
        found = polysemanticity_score(
            host, spec, trained, seen, pictures, calibration, stage("units", len(trained.units)), seed, clusters, cache
        )
        write_whole(folder / "polysemanticity.json", polysemanticity_json(found))
        write_whole(folder / "polysemanticity.png", png(draw_polysemanticity(found, host, seen, pictures)))
    return found
