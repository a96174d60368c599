"""Memory and work are counted before a theory is compiled: near the truth, small for our specs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.shipped import SPECS
from workbench.spec import SpecError, check_pair, load_circuit, load_theory, theory_from_text
from workbench.spec.size import BYTES, WORK, Sizes, read_cost, size_faults

ROOT = Path(__file__).parents[2]
CIRCUITS = sorted((ROOT / "circuits").glob("*/*.yaml"))
THEORY = """\
theory: big
families:
  gabor:
    poses: {{orientation_deg: {{every: {every}, over: 180}}}}
    stride_px: {stride}
    window_px: {window}
    reads: {{input: {{kernel: gabor, wavelength_px: 6, sigma_px: 2, aspect: 0.7}}}}
  curve:
    poses: from-circuit
    window_px: {last}
    reads:
      gabor: {{along: arc, radius_px: 20, spread_px: 4, extent_px: 10, match: tangent, tolerance_deg: 20}}
"""  # noqa: E501
LARGE = {"every": 30, "stride": 2, "window": 61, "last": 20}
HUGE = {"every": 5, "stride": 1, "window": 100, "last": 60}
COMPILE = """\
import re, sys
from pathlib import Path
from tests.planted import UNITS, planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.spec import theory_from_text
toy, spec = planted(), theory_from_text(sys.argv[1])
def peak():  # not getrusage, whose maximum begins with that of the parent process
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
compile_spec(spec, trained_circuit(toy.host, UNITS), toy.host)
print((peak() - before) * 1024)
"""


def most_bytes(text: str, units: int) -> int:
    families = theory_from_text(text).theory.families
    last = list(families)[-1]
    return max(
        read_cost(family, source, families.get(source), units, None if name == last else 96).bytes
        for name, family in families.items()
        for source in family.reads
    )


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's alone")
def test_read_cost_is_near_the_memory_that_compiling_takes():
    text = THEORY.format(**LARGE)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, text], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert int(done.stdout) == pytest.approx(most_bytes(text, 6), rel=0.3)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_size_faults_shipped_specs_take_a_quarter_of_the_limits_at_most(path, monkeypatch):
    monkeypatch.setattr("workbench.spec.size.BYTES", BYTES // 4)
    monkeypatch.setattr("workbench.spec.size.WORK", WORK // 4)
    spec = load_theory(path)
    last = list(spec.theory.families)[-1]
    circuits = [load_circuit(file) for file in CIRCUITS]
    fitting = [circuit for circuit in circuits if circuit.circuit == last]
    for circuit in fitting:
        for theory in (spec.theory, *spec.variants.values()):
            units = len(circuit.units)
            assert not list(size_faults(theory.families, units, Sizes(host_px=224)))


def test_load_theory_that_takes_gigabytes_is_refused_with_its_window():
    with pytest.raises(SpecError) as caught:
        theory_from_text(THEORY.format(**HUGE), "big.yaml")
    assert str(caught.value) == (
        "big.yaml:6: families.gabor.window_px: found compiling takes 8.5 GiB (36 units x 3 of "
        "'input' x 101 x 101, on 96 x 96 cells); expected at most 2.0 GiB. "
        "Lower window_px or the number of poses, or raise stride_px."
    )


def test_load_theory_that_takes_hours_is_refused():
    long = {**LARGE, "every": 0.75, "stride": 2, "window": 75}
    with pytest.raises(SpecError, match=r"families: found families that take .* multiplications"):
        theory_from_text(
            THEORY.format(**long).replace("180}}", "180}, phase_deg: {every: 90, over: 360}}"),
        )


def test_check_pair_responses_to_the_hosts_pictures_are_counted():
    dense = {**LARGE, "every": 0.5, "stride": 1, "window": 5}
    spec, circuit = theory_from_text(THEORY.format(**dense)), load_circuit(CIRCUITS[0])
    circuit = circuit.model_copy(update={"circuit": "curve"})
    check_pair(spec, circuit, Sizes(host_px=64))
    with pytest.raises(SpecError, match=r"its responses to 4 pictures take 4\.3 GiB"):
        check_pair(spec, circuit, Sizes(host_px=896))
