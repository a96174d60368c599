"""The network, its prompts and its own runs, which all questions about theories of tokens share.

They are computed once, as they depend on the circuit file alone.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.compile import compile_tokens
from workbench.sequences.examples import pictured_prompts, surveyed
from workbench.sequences.files import (
    load_token_circuit,
    refuse_unmatched,
    token_theory_from_text,
)
from workbench.sequences.natural_run import NaturalRun, natural_run
from workbench.sequences.prompt_sets import Prompts
from workbench.sequences.prompts import Prompt
from workbench.sequences.subject import (
    Subject,
    calibrated_subject,
    network_and_prompts,
    refuse_tuned_on,
    sites_read,
    with_temperature,
)
from workbench.sequences.survey.neurons import NeuronRow
from workbench.studio.answers import Asked

SEED = 0


def subject(asked: Asked) -> Subject:
    """The theory, compiled and calibrated on the prompts that its circuit file declares for it.

    Raises WorkbenchError if they do not fit each other, and if a prompt is scored that the theory
    was tuned on.
    """
    spec = token_theory_from_text(asked.text, str(asked.path))
    files = files_of(asked)
    circuit, host, prompts = network(*files)
    refuse_unmatched(spec, circuit, files[0])
    refuse_tuned_on(spec, circuit, host, prompts, files[1])
    written = compile_tokens(spec.theory, circuit, shape_of(host).answers)
    host, run = _calibrated(*files, sites_read(written))
    return calibrated_subject(spec.theory, written, host, run, SEED)


def files_of(asked: Asked) -> tuple[Path, Path | None]:
    """The circuit file, and the text of its prompts. Raises WorkbenchError without a circuit."""
    if asked.circuit_file is None:
        raise WorkbenchError(str(asked.path), "no circuit", "--circuit FILE")
    return asked.circuit_file, asked.prompts_text


@lru_cache(maxsize=1)
def network(circuit_file: Path, text: Path | None) -> tuple[TokenCircuit, Host, Prompts]:
    """The circuit of a file, its network, and the prompts it declares. Raises WorkbenchError."""
    circuit = load_token_circuit(circuit_file)
    return circuit, *network_and_prompts(circuit, str(circuit_file), SEED, text)


@lru_cache(maxsize=1)
def _calibrated(
    circuit_file: Path, text: Path | None, sites: tuple[str, ...]
) -> tuple[Host, NaturalRun]:
    """The network with its temperature, and its own run on the calibration prompts."""
    _, host, prompts = network(circuit_file, text)
    run = natural_run(host, prompts.calibration, sites)
    return with_temperature(host, run, prompts), run


@lru_cache(maxsize=1)
def pictured(
    circuit_file: Path, text: Path | None, sites: tuple[str, ...]
) -> tuple[list[Prompt], NaturalRun]:
    """The prompts whose activations are drawn, and the network's own run on them."""
    circuit, host, prompts = network(circuit_file, text)
    chosen = pictured_prompts(prompts.scored, circuit.prompts)
    return chosen, natural_run(host, chosen, sites)


@lru_cache(maxsize=1)
def neurons(circuit_file: Path, text: Path | None) -> Sequence[NeuronRow]:
    """The survey of the network's neurons; of none where it answers no numbers."""
    return surveyed(network(circuit_file, text)[1])
