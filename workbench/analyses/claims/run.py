"""Test a theory's claims about edits of its circuit.

As `workbench.rebuild`, but the circuit is edited, in the trained network and in the handwritten
one, and each prediction of the theory is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.analyses.claims.figures import Claims, claims_json, claims_score
from workbench.analyses.claims.measure import claim_curves, claims_probe
from workbench.analyses.claims.plot import draw_claims
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated
from workbench.files import write_whole
from workbench.matching.subject import SubjectFiles, load_subject
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.spec import load_theory
from workbench.vision.pictures import Picture
from workbench.vision.tuning import STEP_DEG
from workbench.work import Work


@dataclass(frozen=True)
class ClaimsRequest:
    """The request of `claims`.

    files        the subject; the weights of its bound units are edited in the trained network
    calibration  pictures that each unit's gain and bias are fitted on
    step_deg     by how much stimuli are turned
    """

    files: SubjectFiles
    calibration: Sequence[Picture]
    step_deg: int = STEP_DEG


def claims(request: ClaimsRequest, output: Path, work: Work) -> Claims:
    """Test every claim of a theory and write claims.json and claims.png to the folder `output`.

    The stimuli are those of `claims_probe`. Raises WorkbenchError, also for a theory without
    claims.
    """
    _refuse_no_claims(request.files.spec)
    subject = load_subject(request.files, read_off=False)
    work = work.on_host(subject.host.name)

    with folder_written_whole(output) as folder:
        splices = calibrated(subject.host, subject.circuit, request.calibration, work)
        probe = claims_probe(subject.spec.theory)
        curves = claim_curves(subject, splices, probe, work, request.step_deg)
        result = claims_score(subject, curves, request.calibration, work.seed)
        write_whole(folder / "claims.json", claims_json(result))
        write_whole(folder / "claims.png", png(draw_claims(result, curves, subject.trained)))
    return result


def _refuse_no_claims(spec_file: Path) -> None:
    if not load_theory(spec_file).theory.claims:
        raise WorkbenchError(
            str(spec_file),
            "no claims",
            "the key claims: predicted effects of edits of the circuit",
            "specs/README.md explains them.",
        )
