"""Compare trained tables of scores and weights with those of a theory of tokens."""

from dataclasses import replace
from pathlib import Path

import torch

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.sequences.analyses.explain.compare import Compared
from workbench.sequences.analyses.explain.figures import TokensExplained, to_json
from workbench.sequences.analyses.explain.heads import of_places, place_tables, vector_sites
from workbench.sequences.analyses.explain.neurons import neuron_tables, why_no_neurons
from workbench.sequences.analyses.explain.plot import draw_explained
from workbench.sequences.analyses.explain.weights import token_tables, why_not
from workbench.sequences.compile import Written, compile_tokens
from workbench.sequences.files import load_token_theory
from workbench.sequences.fit_answers import calibrated
from workbench.sequences.head_parts import by_layer, sites_of_heads
from workbench.sequences.natural_run import natural_run
from workbench.sequences.prompt_sets import Prompts
from workbench.sequences.score import TokenRequest
from workbench.sequences.subject import loaded
from workbench.sequences.survey.neurons import survey_neurons
from workbench.work import Work

MOST = 256  # prompts over which trained scores are means


def run(
    request: TokenRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokensExplained:
    """Compare every trained table with the theory's.

    Writes explain.json and explain.png to the folder `output`. Raises WorkbenchError, also where
    no table of this network can be compared.
    """
    spec = load_token_theory(request.spec)
    circuit, host, prompts = loaded(spec, request.circuit, work.seed, request.text)
    with folder_written_whole(output) as folder:
        written = compile_tokens(spec.theory, circuit, shape_of(host).answers)
        tables, left_out, count = _tables(host, written, prompts, work)
        if not tables:
            why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
            raise WorkbenchError(
                str(request.spec),
                f"no table to compare ({why or 'no family of heads or neurons'})",
                "heads, or neurons of a network without norms",
            )
        result = TokensExplained(
            spec, circuit, host, tuple(tables), left_out, count, work.seed, request.command
        )
        write_whole(folder / "explain.json", to_json(result))
        write_whole(folder / "explain.png", png(draw_explained(result)))
    return result


@torch.no_grad()
def _tables(
    host: Host, written: Written, prompts: Prompts, work: Work
) -> tuple[list[Compared], dict[str, str], int]:
    """The tables, why others are left out, and how many prompts trained scores are means over."""
    made: list[Compared] = []
    left_out: dict[str, str] = {}
    chosen = prompts.scored[:: max(1, -(-len(prompts.scored) // MOST))]
    if any(map(of_places, written.heads.values())):
        layers = by_layer(written.heads)
        sites = [*sites_of_heads(written.heads), *(s for at in layers for s in vector_sites(at))]
        calibration = natural_run(host, prompts.calibration, sites)
        heads = calibrated(host, written.heads, calibration, work.seed)
        written = replace(written, heads=heads)
        natural = natural_run(host, chosen, sites)
        made += place_tables(host, heads, natural, work.seed, written.vocabulary)
    if reason := why_not(host):
        left_out["weights between tokens"] = reason
        return made, left_out, len(chosen)
    made += token_tables(host, written, work.seed)
    for name, neurons in written.neurons.items():
        if reason := why_no_neurons(host, neurons):
            left_out[name] = reason
    if written.neurons.keys() - left_out.keys():
        rows = survey_neurons(host, work.counter).rows
        kept = {k: family for k, family in written.neurons.items() if k not in left_out}
        made += neuron_tables(host, replace(written, neurons=kept), rows, work.seed)
    return made, left_out, len(chosen)
