"""Check a theory layer by layer: its trained weights are given the inputs that it claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.stepwise.figures import Stepwise, stepwise_json, stepwise_score
from workbench.analyses.stepwise.hypothesis import CLAIMED, Hypothesis, hypothesis
from workbench.analyses.stepwise.measure import implied, moments
from workbench.analyses.stepwise.plot import draw_stepwise
from workbench.analyses.stepwise.steps import Measured
from workbench.cache import Kept
from workbench.engine import alone
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.calibration import checked
from workbench.files import write_whole
from workbench.matching.matched import GriddedResponse
from workbench.matching.probes import ANSWERS, PLAIN, DrawnStimuli, tuning
from workbench.matching.subject import SubjectFiles, load_subject, matched_units
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.vision.pictures import Picture
from workbench.work import Work


@dataclass(frozen=True)
class StepwiseRequest:
    """The request of `stepwise`.

    files        the subject; its bound units replace those that behaviour matches with their
                 family at their site
    pictures     steps are judged on these
    calibration  pictures that each claimed unit's gain and bias are fitted on
    """

    files: SubjectFiles
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]


def stepwise(request: StepwiseRequest, output: Path, work: Work) -> Stepwise:
    """Test every step of a theory's proof by induction, on pictures and on drawn stimuli.

    Write stepwise.json and stepwise.png to the folder `output`. The trained units that a theory
    makes claims about are those of `workbench.matching.subject.matched_units`. Raises
    WorkbenchError, also for pictures that the spec was tuned on.
    """
    subject = load_subject(request.files)
    pictures, calibration = request.pictures, request.calibration
    keep_apart(pictures, calibration, subject.spec.theory.tuned)
    if len(pictures) < 2:
        raise WorkbenchError(
            "pictures", f"{len(pictures)}", "two or more: intervals are over pictures"
        )
    work = work.on_host(subject.host.name)
    checked(subject.host, [{"spliced": subject.circuit}], calibration, work)

    with folder_written_whole(output) as folder:
        pairs = matched_units(subject, work)
        theory = hypothesis(subject, pairs, calibration, work)
        on_pictures = moments(theory, pictures, work)
        measured = Measured(on_pictures, _curves(theory, work), work.seed)
        result = stepwise_score(subject, theory, measured, pictures, calibration)
        write_whole(folder / "stepwise.json", stepwise_json(result))
        write_whole(folder / "stepwise.png", png(draw_stepwise(result)))
    return result


def _curves(theory: Hypothesis, work: Work) -> Mapping[str, Float[np.ndarray, "stimulus unit"]]:
    """The tuning of everything that the theory implies, on drawn contours without colour."""

    def responses(rgb: Float[Tensor, "n 3 h w"]) -> dict[str, GriddedResponse]:
        return implied(theory, theory.host.input.encode(rgb), (CLAIMED,))

    progress = work.stage("steps on drawn stimuli", len(PLAIN))
    stimuli, kept = DrawnStimuli(PLAIN, (), (0.0,)), Kept(work.cache, ANSWERS, theory.key)
    return tuning(theory.host, theory.circuit.grid, responses, progress, stimuli, kept, alone)[1]
