"""Find where trained and handwritten units differ, and which units would explain it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.unexplained.directions import Common, clustered, factorised
from workbench.analyses.unexplained.figures import (
    Evidence,
    Unexplained,
    unexplained_json,
    unexplained_score,
)
from workbench.analyses.unexplained.measure import ResidualErrors, patches, residual_errors
from workbench.analyses.unexplained.plot import SHOWN, draw_unexplained
from workbench.cache import Kept, cache_key
from workbench.code import code_version
from workbench.compiler.plan import layer_keys
from workbench.compiler.respond import HostActivations, cells_of
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated
from workbench.files import write_whole
from workbench.matching.matched import CalibratedUnits
from workbench.matching.nearest import Group
from workbench.matching.probes import ANSWERS, DrawnStimuli, about_middle, group_count, tuning
from workbench.matching.subject import Subject, SubjectFiles, load_subject, matched_units
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Handwritten
from workbench.splice.natural import site_before
from workbench.vision.pictures import Picture
from workbench.vision.survey.responses import activations
from workbench.work import Work


@dataclass(frozen=True)
class UnexplainedRequest:
    """The request of `unexplained`.

    files        the subject; its bound units replace those that behaviour matches with their
                 family at their site
    calibration  one half of these pictures is fitted on, the other judged on, so that a theory that
                 follows a suggestion can be scored on pictures that had no part in it
    """

    files: SubjectFiles
    calibration: Sequence[Picture]


def unexplained(request: UnexplainedRequest, output: Path, work: Work) -> Unexplained:
    """Rank what would explain the difference of trained and handwritten units.

    Write unexplained.json and unexplained.png to the folder `output`. The trained units of the site
    before are matched with families by `workbench.matching.subject.matched_units`. Raises
    WorkbenchError, also where there is no site before.
    """
    subject, calibration = load_subject(request.files), request.calibration
    before = _site_before(subject, request)
    host, work = subject.host, work.on_host(subject.host.name)

    with folder_written_whole(output) as folder:
        pairs = matched_units(subject, work)
        splices = calibrated(host, subject.circuit, calibration, work)
        errors, high_error = residual_errors(host, splices, calibration, work)
        tuned = _tuned(subject, splices, work)
        directions = factorised(Common.of(errors), work.seed)
        evidence = Evidence(pairs, before, errors, directions, tuned)
        result = unexplained_score(subject, evidence, calibration, work)
        scores = clustered(directions, high_error)
        places = [_places(scores, k, high_error) for k in range(scores.shape[1])]
        shown = [patches(host, subject.trained.site, calibration, cells) for cells in places]
        write_whole(folder / "unexplained.json", unexplained_json(result))
        write_whole(folder / "unexplained.png", png(draw_unexplained(result, shown)))
    return result


def _site_before(subject: Subject, request: UnexplainedRequest) -> str:
    """The site before the circuit's. Raises WorkbenchError without one, and for one picture."""
    site = subject.trained.site
    before = site_before(subject.host, site)
    if before is None:
        raise WorkbenchError(
            str(request.files.circuit),
            f"{site} is the host's first site",
            "a site with one before it: what is left is explained by units there",
            "A first convolution reads the picture: `workbench equivariance` and `score` examine "
            "its filters.",
        )
    if len(request.calibration) < 2:
        raise WorkbenchError(
            "calibration pictures",
            f"{len(request.calibration)}",
            "two or more: what is left is fitted on a half and judged on the other",
        )
    return before


def _tuned(
    subject: Subject, splices: Splices, work: Work
) -> tuple[tuple[Group, ...], dict[str, Float[np.ndarray, "stimulus unit"]]]:
    """The responses of trained and handwritten units to drawn stimuli."""
    condition = splices.conditions["spliced"]
    key = cache_key(
        code_version(),
        subject.host.facts,
        subject.trained.site,
        subject.circuit.units,
        *layer_keys(subject.circuit),
        condition.fitted_parameters(),
    )
    return tuning(
        subject.host,
        subject.circuit.grid,
        _both(subject, splices),
        work.stage("drawn stimuli", group_count()),
        DrawnStimuli(shifts_px=(0.0,)),
        Kept(work.cache, ANSWERS, key),
    )


def _both(
    subject: Subject, splices: Splices
) -> Callable[[Float[Tensor, "n 3 h w"]], HostActivations]:
    """The function from pictures RGB 0..255 to trained and handwritten activations."""
    host, circuit, site = subject.host, subject.circuit, subject.host.site(subject.trained.site)
    condition = splices.conditions["spliced"]
    if not isinstance(condition, Handwritten):
        raise TypeError("the splice is of handwritten units")
    units = CalibratedUnits(
        circuit.layers[-1].family,
        range(len(circuit.units)),
        condition.gain,
        condition.bias,
        condition.link,
    )

    def both(rgb: Float[Tensor, "n 3 h w"]) -> HostActivations:
        trained = splices.slots.read(activations(host, rgb, [site.name])[site.name])
        drives = about_middle(circuit, host, rgb, rectified=False)
        return {"trained": (trained, cells_of(site)), "handwritten": units(drives)}

    return both


def _places(
    scores: Float[np.ndarray, "row k"], k: int, errors: ResidualErrors
) -> list[tuple[int, tuple[int, int]]]:
    """The cells of one direction's cluster, the highest score first, one of each picture."""
    rows = [
        row
        for row in np.argsort(-scores[:, k], kind="stable")
        if scores[row].argmax() == k and scores[row, k] > 0
    ]
    picture, at = errors.picture, errors.at
    first = {int(picture[row]): (int(at[row, 0]), int(at[row, 1])) for row in reversed(rows)}
    order = dict.fromkeys(int(picture[row]) for row in rows)
    return [(index, first[index]) for index in order][:SHOWN]
