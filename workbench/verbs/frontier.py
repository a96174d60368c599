"""From theories to a frontier: as `rebuild`, but one set of handwritten units after another, each larger by a theory."""

from collections.abc import Sequence
from pathlib import Path

from workbench.arrays.devices import CPU
from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.engine import Engine, here
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.frontier import grown
from workbench.evaluate.journal import run_journal
from workbench.evaluate.run import calibrated_each
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.pictures import Picture, skipped
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.frontier_plot import draw_frontier
from workbench.score.frontier import Frontier, frontier_json, frontier_score
from workbench.spec import load_together
from workbench.splice.calibrate import with_random_readout


def frontier(
    files: Sequence[tuple[Path, Path]],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    cache: Cache | None = None,
    engine: Engine = here,
    device: str = CPU,
) -> Frontier:
    """Splice the first theory's units, then those of the first two together, and so on; write frontier.json and frontier.png to `output`.

    Pictures, pairs of files, `stage`, `cache`, `engine`, `device` and errors are as of `rebuild`.
    """
    specs, trained = load_together(files)
    host = load(trained[0].host).on(device)
    if not host.has_output:
        raise WorkbenchError(
            f"host {host.name}", "no output", "a host with classes: a frontier is of its answers", "`workbench score` compares units."
        )
    cache = cache_of(host.name, cache)
    for spec in specs:
        keep_apart(pictures, calibration, spec.theory.tuned)
    compiled = [compile_spec(spec, units, host) for spec, units in zip(specs, trained, strict=True)]
    circuits = [{"spliced": circuit, "random": with_random_readout(circuit, seed)} for circuit in compiled]

    with folder_written_whole(output, marker="frontier.json") as folder:
        progress = stage("calibrate", len(calibration) * len(circuits))
        joint = calibrated_each(host, circuits, calibration, seed, progress, cache, engine)
        journal = run_journal(joint, host, calibration, seed, rows="frontier")
        statistics = grown(host, joint, pictures, journal=journal, progress=stage("frontier", len(pictures)), cache=cache, engine=engine)
        found = frontier_score(specs, trained, host, joint, [each.on(device) for each in statistics], calibration, seed, skipped(pictures))
        write_whole(folder / "frontier.json", frontier_json(found))
        write_whole(folder / "frontier.png", png(draw_frontier(found)))
    journal.clear()
    return found
