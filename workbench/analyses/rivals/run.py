"""Compare a theory with predictors without a theory, at equal description length."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.analyses.rivals.figures import Rivals, rivals_json, rivals_score
from workbench.analyses.rivals.measure import rivals_of
from workbench.analyses.rivals.plot import draw_rivals
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.run import evaluate
from workbench.files import write_whole
from workbench.hosts import Host
from workbench.matching.subject import SubjectFiles, load_subject
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.splice.natural import site_before
from workbench.vision.pictures import Picture
from workbench.work import Work


@dataclass(frozen=True)
class RivalsRequest:
    """The request of `rivals`.

    files        the subject
    pictures     the figures are means over these; none may be among those that the spec was tuned
                 on, or among `calibration`
    calibration  pictures that rivals are fitted on, and each unit's gain and bias
    """

    files: SubjectFiles
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]


def rivals(request: RivalsRequest, output: Path, work: Work) -> Rivals:
    """Fit rivals of a theory, splice each of them, and count the bits of all.

    Writes rivals.json and rivals.png to the folder `output`. Raises WorkbenchError, also at a
    host's first site and where the convolutions that the units read through are not known.
    """
    subject = load_subject(request.files)
    keep_apart(request.pictures, request.calibration, subject.spec.theory.tuned)
    host, work = subject.host, work.on_host(subject.host.name)
    _refuse_incomparable(host, subject.trained.site)
    with folder_written_whole(output) as folder:
        splices, entries = rivals_of(subject, request.calibration, work)
        statistics = evaluate(host, [splices], request.pictures, work)
        pictures = {"images": request.pictures, "calibration": request.calibration}
        result = rivals_score(subject, entries, statistics, pictures, work.seed)
        write_whole(folder / "rivals.json", rivals_json(result))
        write_whole(folder / "rivals.png", png(draw_rivals(result)))
    return result


def _refuse_incomparable(host: Host, site: str) -> None:
    """Raises WorkbenchError for a first site, and for a host whose answers are not compared."""
    if site_before(host, site) is None:
        raise WorkbenchError(
            f"host {host.name}",
            f"{site}, its first site",
            "a site with one before it, which the rivals read",
            "`workbench score` compares a first layer with its ablations and controls.",
        )
    if not host.output.compared:
        raise WorkbenchError(
            f"host {host.name}",
            "no answers that are compared",
            "a host whose answers are compared",
            "`workbench score` compares units.",
        )
