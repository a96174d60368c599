"""Match each family of a theory with trained units and compare both on pictures.

As `workbench.rebuild`, but nothing is spliced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.analyses.families.figures import (
    Comparison,
    Families,
    families_json,
    families_score,
)
from workbench.analyses.families.measure import compare
from workbench.analyses.families.plot import draw_families
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.files import write_whole
from workbench.hosts.host import sites_up_to
from workbench.matching.matched import matched
from workbench.matching.nearest import nearest
from workbench.matching.probes import answers, group_count
from workbench.matching.subject import SubjectFiles, load_subject
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.spec import load_theory
from workbench.vision.pictures import Picture
from workbench.work import Work


@dataclass(frozen=True)
class FamiliesRequest:
    """The request of `families`: the subject, and the pictures on which units are compared."""

    files: SubjectFiles
    pictures: Sequence[Picture]


def families(request: FamiliesRequest, output: Path, work: Work) -> Families:
    """Match the families of a theory with trained units by their responses to drawn stimuli.

    Then compare both on pictures, and write families.json and families.png to the folder `output`.
    The sites are the host's up to the trained circuit's. Raises WorkbenchError, also for pictures
    that the spec was tuned on.
    """
    pictures = request.pictures
    keep_apart(pictures, [], load_theory(request.files.spec).theory.tuned)
    if len(pictures) < 2:
        raise WorkbenchError(
            "pictures", f"{len(pictures)}", "two or more: intervals are over pictures"
        )
    subject = load_subject(request.files)
    host, circuit, work = subject.host, subject.circuit, work.on_host(subject.host.name)

    with folder_written_whole(output) as folder:
        sites = list(sites_up_to(host, [subject.trained.site]))
        advance = work.stage("match on drawn stimuli", group_count())
        responses = answers(host, circuit, sites, advance, work.cache)
        matches = nearest(responses)
        pairs = matched(circuit, matches, work.seed)
        moments = compare(host, circuit, pairs, pictures, work)
        comparison = Comparison(responses, matches, pairs, moments)
        result = families_score(subject, comparison, pictures, work.seed)
        write_whole(folder / "families.json", families_json(result))
        write_whole(folder / "families.png", png(draw_families(result, circuit, responses)))
    return result
