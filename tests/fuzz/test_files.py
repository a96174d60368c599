"""Whatever a file holds, reading and compiling it ends well or in a WorkbenchError."""

from collections.abc import Callable, Iterator
from itertools import count as count_from
from itertools import islice

import pytest

from tests.fuzz.circuits import mutated_circuits
from tests.fuzz.compiled import damaged_circuits
from tests.fuzz.specs import mutated_ledgers, mutated_specs
from tests.planted import UNITS, planted, trained_circuit
from tests.shipped import LEDGERS
from workbench.compiler import compile_spec, read_circuit
from workbench.compiler.file import to_bytes
from workbench.errors import WorkbenchError
from workbench.spec import load_circuit, load_file, load_theory

MANY = pytest.param(3000, marks=pytest.mark.full)
SEED = 20
COMPILED = 20  # one of so many specs that are read is compiled, which takes a hundred times as long


def refusals(inputs: Iterator, count: int, use: Callable) -> int:
    """How many of the inputs are refused; any other exception is raised on."""
    refused = 0
    for value in islice(inputs, count):
        try:
            use(value)
        except WorkbenchError:
            refused += 1
    return refused


@pytest.mark.parametrize("count", [150, MANY])
def test_load_theory_mutated_specs_are_read_or_refused(tmp_path, count):
    toy = planted()
    path = tmp_path / "spec.yaml"
    for ledger in LEDGERS:
        (tmp_path / ledger.name).write_bytes(ledger.read_bytes())
    read = count_from(0)

    def use(text: str) -> None:
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        spec = load_theory(path)
        name = list(spec.theory.families)[-1]
        if next(read) % COMPILED == 0:
            compile_spec(spec, trained_circuit(toy.host, UNITS[:2], name), toy.host)

    assert 0 < refusals(mutated_specs(SEED), count, use) < count


@pytest.mark.parametrize("count", [60, MANY])
def test_load_file_mutated_ledgers_are_read_or_refused(tmp_path, count):
    path = tmp_path / "ledger.yaml"

    def use(text: str) -> None:
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        load_file(path)

    assert 0 < refusals(mutated_ledgers(SEED), count, use) < count


@pytest.mark.parametrize("count", [60, MANY])
def test_load_circuit_mutated_files_are_read_or_refused(tmp_path, count):
    path = tmp_path / "circuit.yaml"

    def use(text: str) -> None:
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        load_circuit(path)

    assert 0 < refusals(mutated_circuits(SEED), count, use) < count


@pytest.mark.parametrize("count", [200, MANY])
def test_read_circuit_damaged_files_are_read_or_refused(tmp_path, count):
    toy = planted()
    path = tmp_path / "circuit.safetensors"

    def use(content: bytes) -> None:
        path.write_bytes(content)
        read_circuit(path)

    content = to_bytes(compile_spec(toy.spec, toy.trained, toy.host))
    assert 0 < refusals(damaged_circuits(content, SEED), count, use) < count
