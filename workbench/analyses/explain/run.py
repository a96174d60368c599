"""Compare the trained weights between a theory's families with the theory's weights.

The units are those of `workbench.analyses.stepwise.run`; no picture is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.analyses.explain.figures import Explained, explained_json, explained_score
from workbench.analyses.explain.plot import draw_explained
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.matching.family_weights import LEAST, family_weights
from workbench.matching.subject import SubjectFiles, load_subject, matched_units
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.work import Work


@dataclass(frozen=True)
class ExplainRequest:
    """The input of `explain`: the subject, whose bound units are compared too."""

    files: SubjectFiles


def explain(request: ExplainRequest, output: Path, work: Work) -> Explained:
    """Compare the trained weights between each two families of a theory with the theory's.

    Writes explain.json and explain.png to the folder `output`. Raises WorkbenchError, also where
    there are no two families with weights between them.
    """
    subject = load_subject(request.files, read_off=False)
    work = work.on_host(subject.host.name)

    with folder_written_whole(output) as folder:
        matched = matched_units(subject, work)
        weights, left_out = family_weights(subject, matched, work.stage("weights", len(matched)))
        if not weights:
            raise WorkbenchError(str(request.files.spec), *_no_weights(left_out))
        result = explained_score(subject, weights, left_out, work)
        write_whole(folder / "explain.json", explained_json(result))
        write_whole(folder / "explain.png", png(draw_explained(result, weights)))
    return result


def _no_weights(left_out: Mapping[str, str]) -> tuple[str, str, str]:
    """The parts of the error where there is nothing to compare: given, expected, what may help."""
    why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    return (
        f"no weights between two families of trained units{f' ({why})' if why else ''}",
        f"a family with {LEAST} or more trained units at a site, and one that it reads with as "
        "many at the site just before",
        "Name units with --use-trained FAMILY=FILE. Filters that read the picture itself are not "
        "compared here: `workbench equivariance` and `score` examine them.",
    )
