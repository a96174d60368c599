"""How far the neurons of one frequency are shifts of one another."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.hosts.store import load
from workbench.hosts.transformer_host import at_length
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.sequences.analyses.equivariance.figures import TokenEquivariance, equivariance_json
from workbench.sequences.analyses.equivariance.plot import draw_equivariance
from workbench.sequences.analyses.equivariance.shifts import Activations, Circle, circle
from workbench.sequences.circuit import CircuitFamily, TokenCircuit
from workbench.sequences.files import load_token_circuit
from workbench.sequences.hosted import prompt_length, refuse_unfit
from workbench.sequences.prompts import all_pairs
from workbench.sequences.sites import post_site
from workbench.sequences.survey.neurons import FEWEST, NeuronRow, survey_neurons
from workbench.work import Work

BATCH = 1024


@dataclass(frozen=True)
class TokenEquivarianceRequest:
    """A circuit file with neurons that read numbers."""

    circuit_file: Path
    command: str = ""


@torch.no_grad()
def equivariance_of_tokens(
    request: TokenEquivarianceRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenEquivariance:
    """Measure how far the neurons of each frequency of a circuit are shifts of one another.

    Writes equivariance.json and equivariance.png to the folder `output`. Raises WorkbenchError for
    a circuit without such neurons, and where too few trained neurons follow its frequencies.
    """
    circuit = load_token_circuit(request.circuit_file)
    family = _neurons(circuit, request.circuit_file)
    host = load(circuit.host)
    refuse_unfit(host, circuit, str(request.circuit_file))
    host = at_length(host, prompt_length(circuit))
    survey, layer = survey_neurons(host, work.counter), family.layer or 0
    activations = activations_of(host, layer, survey.modulus)
    rows = [row for row in survey.rows if row.follows and row.layer == layer]
    with folder_written_whole(output) as folder:
        circles = _circles(activations, rows, family, work)
        if not circles:
            raise WorkbenchError(
                str(request.circuit_file),
                f"not this mechanism: no frequency of it has {FEWEST} neurons that follow it",
                f"neurons of {host.name} that follow waves of a few frequencies",
                f"Survey it: `workbench survey {host.name} --family sum`.",
            )
        result = TokenEquivariance(
            circuit, host, survey.modulus, layer, circles, work.seed, request.command
        )
        write_whole(folder / "equivariance.json", equivariance_json(result))
        write_whole(folder / "equivariance.png", png(draw_equivariance(result)))
    return result


def _neurons(circuit: TokenCircuit, file: Path) -> CircuitFamily:
    """The family of neurons of a circuit. Raises WorkbenchError where there is none."""
    families = [family for family in circuit.families.values() if family.frequency]
    if not families or circuit.prompts.kind != "pairs":
        raise WorkbenchError(
            str(file),
            "no neurons of numbers",
            "a circuit with `frequency` and prompts of all pairs",
            "Heads are no copies of one another under a group of this analysis.",
        )
    return families[0]


def _circles(
    activations: Activations, rows: list[NeuronRow], family: CircuitFamily, work: Work
) -> tuple[Circle, ...]:
    frequencies, made = family.frequency or (), []
    advance = work.stage("frequencies", len(frequencies))
    for frequency in frequencies:
        chosen = [row for row in rows if row.frequency == frequency]
        if len(chosen) >= FEWEST:
            tables = activations[[row.neuron for row in chosen]]
            made.append(circle(tables, chosen, frequency, work.seed))
        advance(1)
    return tuple(made)


def activations_of(host: Host, layer: int, modulus: int) -> Activations:
    """The activation of every neuron of a layer at `=`, for all pairs of numbers."""
    x = host.input.batch(all_pairs(modulus))
    site = post_site(layer)
    parts = [
        host.activations(x[start : start + BATCH].to(host.device), site)[site][:, :, -1].cpu()
        for start in range(0, len(x), BATCH)
    ]
    table = torch.cat(parts).double().numpy()
    return np.moveaxis(table.reshape(modulus, modulus, -1), -1, 0)
