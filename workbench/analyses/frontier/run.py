"""Replace more and more of a network's units, theory by theory.

As `workbench.rebuild`, but one set of handwritten units after another, each larger by a theory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.analyses.frontier.figures import Frontier, frontier_json, frontier_score
from workbench.analyses.frontier.measure import grown, site_means
from workbench.analyses.frontier.plot import draw_frontier
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.calibration import calibrated_each
from workbench.files import write_whole
from workbench.hosts import Host
from workbench.hosts.host import sites_up_to
from workbench.hosts.output import ClassOutput
from workbench.hosts.store import load
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.score.score import Spliced
from workbench.spec import load_together
from workbench.splice.calibrate import with_random_readout
from workbench.vision.pictures import Picture, skipped
from workbench.work import Work


@dataclass(frozen=True)
class FrontierRequest:
    """The theories and pictures of a frontier.

    files        pairs of a spec and a trained circuit; each step adds one pair's units
    pictures     the figures are means over these; none may be among those that a spec was tuned
                 on, or among `calibration`
    calibration  pictures that a gain and a bias of each unit are fitted on
    """

    files: Sequence[tuple[Path, Path]]
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]


def frontier(request: FrontierRequest, output: Path, work: Work) -> Frontier:
    """Splice the first theory's units, then those of the first two together, and so on.

    Writes frontier.json and frontier.png to the folder `output`. Raises WorkbenchError, also for a
    network whose answers are not classes.
    """
    specs, trained = load_together(request.files)
    host = load(trained[0].host).on(work.device)
    _refuse_without_classes(host)
    work = work.on_host(host.name)
    for spec in specs:
        keep_apart(request.pictures, request.calibration, spec.theory.tuned)
    circuits = [
        _with_control(compile_spec(spec, units, host), work.seed)
        for spec, units in zip(specs, trained, strict=True)
    ]

    with folder_written_whole(output) as folder:
        joint = calibrated_each(host, circuits, request.calibration, work)
        sites = list(sites_up_to(host, [splices.site for splices in joint]))
        means = site_means(host, sites, request.calibration, work)
        steps = grown(host, joint, means, request.pictures, work)
        statistics = [rows.on(work.device) for rows in steps]
        spliced = Spliced(specs, trained, host, joint)
        result = frontier_score(
            spliced, statistics, request.calibration, work.seed, skipped(request.pictures)
        )
        write_whole(folder / "frontier.json", frontier_json(result))
        write_whole(folder / "frontier.png", png(draw_frontier(result)))
    return result


def _with_control(circuit: HandwrittenCircuit, seed: int) -> dict[str, HandwrittenCircuit]:
    return {"spliced": circuit, "random": with_random_readout(circuit, seed)}


def _refuse_without_classes(host: Host) -> None:
    if not isinstance(host.output, ClassOutput):
        raise WorkbenchError(
            f"host {host.name}",
            "an output without classes" if host.output.compared else "no output",
            "a host with classes: a frontier compares its answers",
            "`workbench score` compares units.",
        )
