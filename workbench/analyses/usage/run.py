"""Find the pictures that a circuit's units respond to most, and the next units that use them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.analyses.usage.consumers import consumers
from workbench.analyses.usage.consumers_table import MOST, draw_consumers
from workbench.analyses.usage.examples import strongest
from workbench.analyses.usage.examples_plot import draw_strongest
from workbench.analyses.usage.figures import Usage, usage_json
from workbench.analyses.usage.readers import readers
from workbench.analyses.usage.readers_table import draw_readers
from workbench.evaluate.calibration import calibrated
from workbench.files import write_whole
from workbench.matching.subject import Subject, SubjectFiles, load_subject
from workbench.report.drawing import png
from workbench.vision.pictures import Picture
from workbench.vision.tuning import probe_of
from workbench.work import Work

EXAMPLES = 6  # of each unit and side
UNITS = 3  # units that are shown: spread over the circle


@dataclass(frozen=True)
class UsageRequest:
    """The request of `usage`.

    files        the subject
    pictures     examples are chosen among these, and consumers measured on them
    calibration  pictures that each unit's gain and bias are fitted on
    """

    files: SubjectFiles
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]


def usage(request: UsageRequest, output: Path, work: Work) -> Usage:
    """Find dataset examples, consumers and readers of a circuit.

    Write examples.json, examples.png, consumers.png and, where there are readers, readers.png to
    the folder `output`, which exists. Raises WorkbenchError, also where no site comes after the
    circuit's.
    """
    subject, pictures = load_subject(request.files), request.pictures
    channels = subject.trained.channels("the weights by which next units read them")
    host, work = subject.host, work.on_host(subject.host.name)
    splices = calibrated(host, subject.circuit, request.calibration, work)
    progress = work.stage("examples", len(pictures))
    examples = strongest(host, splices, pictures, _shown(subject), EXAMPLES, progress, work.cache)
    progress = work.stage("consumers", len(pictures))
    used = consumers(host, splices, pictures, progress, work.cache)
    period_deg = 360.0 / probe_of(subject.spec.theory).turns
    units = subject.circuit.layers[-1].units
    read = readers(host, subject.trained.site, used.site, units, channels, period_deg, MOST)
    result = Usage(examples, used, read)
    _write(result, output)
    return result


def _shown(subject: Subject) -> list[int]:
    """The indices of UNITS units, spread over the circle of their poses."""
    by_pose = list(subject.trained.by_pose)
    return by_pose[:: max(1, len(by_pose) // UNITS)][:UNITS]


def _write(result: Usage, output: Path) -> None:
    write_whole(output / "examples.png", png(draw_strongest(result.examples)))
    write_whole(output / "consumers.png", png(draw_consumers(result.consumers)))
    if len(result.readers.units):
        write_whole(output / "readers.png", png(draw_readers(result.readers)))
    write_whole(output / "examples.json", usage_json(result))
