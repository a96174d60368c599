"""From a theory to its claims: as `rebuild`, but the circuit is edited, in the trained network and by hand, and asked whether a prediction came
true."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.compiler import compile_spec
from workbench.compiler.bind import refuse_unbindable
from workbench.compiler.compile import refuse_strange
from workbench.errors import WorkbenchError
from workbench.evaluate.claims import claim_curves, picture_count
from workbench.evaluate.run import scenes
from workbench.evaluate.tuning import STEP_DEG, probe_of
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.claims_plot import draw_claims
from workbench.report.drawings import png
from workbench.score.claims import Claims, claims_json, claims_score
from workbench.spec import load_circuit, load_theory
from workbench.splice.calibrate import calibrate, with_random_readout


def claims(
    spec_file: Path,
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    step_deg: int = STEP_DEG,
) -> Claims:
    """Test every claim of a theory on arcs turned in steps of `step_deg`, and write claims.json and claims.png to `output`.

    `bound_files`: families and the circuit files of the trained units that they correspond to, whose weights are edited in the trained network.
    `calibration` and `stage` are as of `rebuild`. Raises WorkbenchError, also for a theory without claims.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    if not spec.theory.claims:
        raise WorkbenchError(str(spec_file), "no claims", "the key claims: what edits of the circuit do", "specs/README.md says how.")
    bound = {family: load_circuit(file) for family, file in bound_files.items()}
    host, probe = load(trained.host), probe_of(list(spec.theory.families.values())[-1])
    for units in bound.values():
        refuse_strange(units, host)
    refuse_unbindable(spec, trained, host, bound)
    circuit = compile_spec(spec, trained, host)
    circuits = {"spliced": circuit, "random": with_random_readout(circuit, seed)}

    with folder_written_whole(output, marker="claims.json") as folder:
        splices = calibrate(circuits, scenes(host, circuits, calibration, progress=stage("calibrate", len(calibration))), seed)
        progress = stage("tuning curves", picture_count(probe, step_deg))
        curves = claim_curves(host, splices, trained, spec.theory.claims, bound, probe, progress, step_deg)
        found = claims_score(spec, trained, host, bound, curves, calibration, seed)
        write_whole(folder / "claims.json", claims_json(found))
        write_whole(folder / "claims.png", png(draw_claims(found, curves, trained)))
    return found
