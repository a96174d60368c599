"""From a theory to its claims: as `rebuild`, but the circuit is edited, in the trained network and by hand, and asked whether a prediction came
true."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.cache import Cache
from workbench.errors import WorkbenchError
from workbench.evaluate.claims import claim_curves, picture_count
from workbench.evaluate.run import calibrated
from workbench.evaluate.tuning import STEP_DEG, probe_of
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.claims_plot import draw_claims
from workbench.report.drawings import png
from workbench.score.claims import Claims, claims_json, claims_score
from workbench.spec import load_theory
from workbench.verbs.loaded import loaded


def claims(
    spec_file: Path,
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    step_deg: int = STEP_DEG,
    cache: Cache | None = None,
) -> Claims:
    """Test every claim of a theory on what its last family's tuning is measured with (`probe_of`), turned in steps of `step_deg`, and write
    claims.json and claims.png to `output`.

    `bound_files`: families and the circuit files of the trained units that they correspond to, whose weights are edited in the trained network.
    `calibration`, `stage` and `cache` are as of `rebuild`. Raises WorkbenchError, also for a theory without claims.
    """
    if not load_theory(spec_file).theory.claims:
        raise WorkbenchError(str(spec_file), "no claims", "the key claims: what edits of the circuit do", "specs/README.md says how.")
    read = loaded(spec_file, circuit_file, bound_files)
    spec, trained, host, probe = read.spec, read.trained, read.host, probe_of(read.spec.theory)
    cache = cache_of(host.name, cache)

    with folder_written_whole(output, marker="claims.json") as folder:
        splices = calibrated(host, read.circuit, calibration, seed, stage("calibrate", len(calibration)), cache)
        progress = stage("tuning curves", picture_count(probe, step_deg))
        curves = claim_curves(host, splices, trained, spec.theory.claims, read.bound, probe, progress, step_deg, cache)
        found = claims_score(spec, trained, host, read.bound, curves, calibration, seed)
        write_whole(folder / "claims.json", claims_json(found))
        write_whole(folder / "claims.png", png(draw_claims(found, curves, trained)))
    return found
