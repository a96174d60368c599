"""Measure the activation that a theory leaves unexplained in each unit.

As `workbench.rebuild`, but nothing is judged after the units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.analyses.polysemanticity.figures import (
    Polysemanticity,
    polysemanticity_json,
    polysemanticity_score,
)
from workbench.analyses.polysemanticity.measure import firing
from workbench.analyses.polysemanticity.plot import draw_polysemanticity
from workbench.analyses.polysemanticity.unit import CLUSTERS
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.calibration import calibrated
from workbench.files import write_whole
from workbench.matching.subject import SubjectFiles, load_subject
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.spec import load_circuit, load_theory
from workbench.vision.pictures import Picture
from workbench.work import Work


@dataclass(frozen=True)
class PolysemanticityRequest:
    """The request of `polysemanticity`.

    files        the subject, a circuit of two units or more
    pictures     two or more that the figures are means over; none may be among those that the spec
                 was tuned on, or among `calibration`
    calibration  pictures that a gain and a bias of each unit are fitted on
    clusters     kinds of stimuli to tell apart, at most
    """

    files: SubjectFiles
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]
    clusters: int = CLUSTERS


def polysemanticity(request: PolysemanticityRequest, output: Path, work: Work) -> Polysemanticity:
    """Measure how much of each trained unit's activation the theory accounts for.

    Writes polysemanticity.json and polysemanticity.png to the folder `output`. Raises
    WorkbenchError.
    """
    _refuse_unsuitable(request)
    subject, pictures = load_subject(request.files), request.pictures
    work = work.on_host(subject.host.name)

    with folder_written_whole(output) as folder:
        splices = calibrated(subject.host, subject.circuit, request.calibration, work)
        cells = firing(subject.host, splices, pictures, work)
        result = polysemanticity_score(
            subject, cells, pictures, request.calibration, work, request.clusters
        )
        write_whole(folder / "polysemanticity.json", polysemanticity_json(result))
        figure = draw_polysemanticity(result, subject.host, cells, pictures)
        write_whole(folder / "polysemanticity.png", png(figure))
    return result


def _refuse_unsuitable(request: PolysemanticityRequest) -> None:
    """Raises WorkbenchError for pictures or units that nothing can be measured on."""
    spec, trained = load_theory(request.files.spec), load_circuit(request.files.circuit)
    keep_apart(request.pictures, request.calibration, spec.theory.tuned)
    trained.channels("a comparison with the other channels of the site")
    if len(request.pictures) < 2:
        raise WorkbenchError(
            "pictures", f"{len(request.pictures)}", "two or more: intervals are over pictures"
        )
    if len(trained.units) < 2:
        raise WorkbenchError(
            str(request.files.circuit),
            "one unit",
            "two or more: a wrong theory of a unit is another unit's",
        )
