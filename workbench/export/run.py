"""Write a circuit into a copy of its host: compile, calibrate, and keep the weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.evaluate.calibration import checked, stream_inputs
from workbench.export.file import provenance, write_exported
from workbench.export.fit import refuse_unexportable
from workbench.export.weights import exported
from workbench.hosts.host import Host
from workbench.matching.subject import SubjectFiles, load_subject
from workbench.score.cost import cost
from workbench.splice.calibrate import sample_positions
from workbench.splice.link import link_of
from workbench.vision.pictures import Picture
from workbench.work import Work


@dataclass(frozen=True)
class ExportRequest:
    """The request of `export`: the subject, and the pictures that gain and bias are fitted on."""

    files: SubjectFiles
    calibration: Sequence[Picture]


def export(request: ExportRequest, output: Path, work: Work) -> Host:
    """Compile a theory, calibrate each unit, and write the circuit into a copy of the host.

    The copy is written to the file `output`. Raises WorkbenchError, before any work on pictures
    where the circuit does not fit into the host's tensors.
    """
    subject = load_subject(request.files)
    host, circuit, calibration = subject.host, subject.circuit, request.calibration
    refuse_unexportable(host, circuit)
    work = work.on_host(host.name)
    checked(host, [{"spliced": circuit}], calibration, work)
    progress = work.stage("calibrate", len(calibration))
    batches = stream_inputs(host, {"spliced": circuit}, calibration, work, progress=progress)
    link = link_of(host.site(circuit.site))
    sample, _ = sample_positions(batches, np.random.default_rng(work.seed), link)
    gain, bias = link.fit(sample.drives["spliced"], sample.trained)
    made = exported(host, circuit, gain, bias)
    hashes = [picture.sha256 for picture in calibration]
    numbers = cost(subject.spec.theory, subject.trained, circuit)
    write_exported(made, provenance(host, circuit, gain, bias, hashes, numbers), output)
    return made
