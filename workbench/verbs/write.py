"""From a theory to a copy of the host that has its weights: as `rebuild`, but what is calibrated is kept instead of scored."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.evaluate.run import scenes
from workbench.hosts.host import Host
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.spec import load_circuit, load_theory
from workbench.splice.calibrate import sample_cells
from workbench.splice.gain import gain_and_bias
from workbench.splice.written import refuse_unwritable, written
from workbench.splice.written_file import provenance, write_written

Stage = Callable[[str, int], Callable[[int], None]]


def write(
    spec_file: Path,
    circuit_file: Path,
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    cache: Cache | None = None,
) -> Host:
    """Compile a theory, calibrate each unit's gain and bias as `rebuild` does, and write the circuit into a copy of the host: the file `output`.
    `stage` and `cache` are as of `rebuild`.

    Raises WorkbenchError, before any work on pictures where the circuit does not fit into the host's tensors.
    """
    spec = load_theory(spec_file)
    trained = load_circuit(circuit_file)
    host = load(trained.host)
    circuit = compile_spec(spec, trained, host)
    refuse_unwritable(host, circuit)

    cache = cache_of(host.name, cache)
    seen = scenes(host, {"spliced": circuit}, calibration, progress=stage("calibrate", len(calibration)), cache=cache)
    sample, _ = sample_cells(seen, np.random.default_rng(seed))
    gain, bias = gain_and_bias(sample.drives["spliced"], sample.trained)
    made = written(host, circuit, gain, bias)
    write_written(made, provenance(host, circuit, gain, bias, [picture.sha256 for picture in calibration]), output)
    return made
