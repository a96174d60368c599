"""From a theory to what it does not know: as `claims`, but what is asked is where the trained units differ, and what would explain it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Cache, known_by
from workbench.code import computed_by
from workbench.compiler.families import families
from workbench.compiler.plan import layer_keys
from workbench.compiler.respond import Heard, cells_of
from workbench.errors import WorkbenchError
from workbench.evaluate.induction import Voice
from workbench.evaluate.journal import told
from workbench.evaluate.residual import patches, remains
from workbench.evaluate.run import calibrated
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.residual_plot import SHOWN, draw_residual
from workbench.score.directions import Common, clustered, factorised
from workbench.score.residual import DRAWS, Residual, residual_json, residual_score
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Handwritten
from workbench.splice.natural import site_before
from workbench.survey.probes import group_count, tuning
from workbench.survey.responses import activations
from workbench.verbs.loaded import Loaded, claims_of, loaded


def residual(
    spec_file: Path,
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    cache: Cache | None = None,
) -> Residual:
    """Rank what would explain the difference of trained and handwritten units, and write residual.json and residual.png to `output`.

    The units of the site before that are told by family are those of `workbench.verbs.induct`. All is fitted and judged on `calibration`
    pictures, a half each: a theory that follows a suggestion can then be scored on pictures that had no part in it. `stage` and
    `cache` are as of `rebuild`. Raises WorkbenchError, also where there is no site before.
    """
    read = loaded(spec_file, circuit_file, bound_files)
    before, cache = site_before(read.host, read.trained.site), cache_of(read.host.name, cache)
    if before is None:
        said = "a site with one before it: what is left is explained by units there"
        remedy = "What a first convolution reads is the picture: `workbench equivariance` and `score` look at its filters."
        raise WorkbenchError(str(circuit_file), f"{read.trained.site} is the host's first site", said, remedy)
    if len(calibration) < 2:
        raise WorkbenchError(
            "calibration pictures", f"{len(calibration)}", "two or more: what is left is fitted on a half and judged on the other"
        )

    with folder_written_whole(output, marker="residual.json") as folder:
        pairs = claims_of(read, stage, seed, cache)
        splices = calibrated(read.host, read.circuit, calibration, seed, stage("calibrate", len(calibration)), cache)
        random, loud = remains(read.host, splices, calibration, seed, stage("pictures", len(calibration)), cache)
        key = known_by(
            computed_by(),
            read.host.facts,
            read.trained.site,
            read.circuit.units,
            *layer_keys(read.circuit),
            told(splices.conditions["spliced"]),
        )
        progress = stage("drawn stimuli", group_count())
        tuned = tuning(read.host, read.circuit.grid, _both(read, splices), progress, shifts_px=(0.0,), cache=cache, key=key)
        directions = factorised(Common.of(random), seed)
        progress = stage("groups by chance", DRAWS)
        found = residual_score(
            read.spec, read.trained, read.host, read.bound, pairs, before, random, directions, tuned, calibration, seed, progress, cache
        )
        scores = clustered(directions, loud)
        places = [_places(scores, k, loud.picture, loud.at) for k in range(scores.shape[1])]
        shown = [patches(read.host, read.trained.site, calibration, own) for own in places]
        write_whole(folder / "residual.json", residual_json(found))
        write_whole(folder / "residual.png", png(draw_residual(found, shown)))
    return found


def _both(read: Loaded, splices: Splices):
    """What the trained and the handwritten units say to pictures RGB 0..255."""
    host, site, by_hand = read.host, read.host.site(read.trained.site), splices.conditions["spliced"]
    if not isinstance(by_hand, Handwritten):
        raise TypeError("the splice is of handwritten units")
    voice = Voice(read.circuit.layers[-1].family, range(len(read.circuit.units)), by_hand.gain, by_hand.bias)

    def said(rgb: Float[Tensor, "n 3 h w"]) -> Heard:
        trained = activations(host, rgb, [site.name])[site.name][:, list(read.circuit.units)]
        return {"trained": (trained, cells_of(site)), "by hand": voice(families(read.circuit, rgb, host.input.mean_rgb, rectified=False))}

    return said


def _places(scores: Float[np.ndarray, "row k"], k: int, picture: np.ndarray, at: np.ndarray) -> list[tuple[int, tuple[int, int]]]:
    """The loud cells of one direction's cluster, the most its own first, one of each picture."""
    own = [row for row in np.argsort(-scores[:, k], kind="stable") if scores[row].argmax() == k and scores[row, k] > 0]
    first = {int(picture[row]): (int(at[row, 0]), int(at[row, 1])) for row in reversed(own)}
    order = dict.fromkeys(int(picture[row]) for row in own)
    return [(index, first[index]) for index in order][:SHOWN]
