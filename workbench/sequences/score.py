"""The score of a theory of tokens: every part with its ablations, controls and rivals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from workbench.hosts.host import Host
from workbench.hosts.output import Quantity
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.examples import Examples, examples_of
from workbench.sequences.files import TokenSpec, load_token_theory
from workbench.sequences.part_score import PartScore, part_score
from workbench.sequences.parts import parts_of
from workbench.sequences.prompt_sets import Prompts
from workbench.sequences.subject import loaded, sites_read, subject_of
from workbench.sequences.trained_parts import refuse_not_trained, with_trained
from workbench.sequences.varied_parts import with_variants
from workbench.sequences.weights.parts import at_both_levels
from workbench.work import Work


@dataclass(frozen=True)
class TokenCard:
    """The scorecard of a theory of tokens.

    counts    prompts that calibrated, and prompts that were scored
    examples  activations for the pictures of a report; None where none is written
    """

    spec: TokenSpec
    circuit: TokenCircuit
    host: Host
    counts: Mapping[str, int]
    quantities: Sequence[Quantity]
    headline: Quantity
    parts: Sequence[PartScore]
    seed: int = 0
    command: str = ""
    examples: Examples | None = None

    def part(self, name: str) -> PartScore:
        """The part of that name; raises KeyError without one."""
        return {part.name: part for part in self.parts}[name]


@dataclass(frozen=True)
class TokenRequest:
    """The subject of a score.

    text   a text file, where the circuit declares `prompts: texts`
    only   names of parts; all by default
    use_trained  families whose trained units take the handwritten ones' place in a condition
    pictured  whether the card has the activations for the pictures of a report
    """

    spec: Path
    circuit: Path
    text: Path | None = None
    only: Sequence[str] = field(default=())
    command: str = ""
    pictured: bool = False
    use_trained: Sequence[str] = ()


def score_tokens(request: TokenRequest, work: Work = Work()) -> TokenCard:  # noqa: B008
    """Load a theory and a circuit, splice every part into the network, and score it.

    Raises WorkbenchError, and SpecError with every problem of a file.
    """
    spec = load_token_theory(request.spec)
    refuse_not_trained(spec.theory, request.use_trained)
    circuit, host, prompts = loaded(spec, request.circuit, work.seed, request.text)
    return score_loaded(spec, circuit, host, prompts, work, request)


@torch.no_grad()
def score_loaded(
    spec: TokenSpec,
    circuit: TokenCircuit,
    host: Host,
    prompts: Prompts,
    work: Work = Work(),  # noqa: B008
    request: TokenRequest | None = None,
) -> TokenCard:
    """As `score_tokens`, for what is loaded already. Raises WorkbenchError for `use_trained`."""
    subject = subject_of(spec, circuit, host, prompts, work.seed)
    host, sites = subject.host, sites_read(subject.written)
    parts = with_variants(subject, spec, circuit, parts_of(subject))
    parts = with_trained(subject, parts, request.use_trained if request else ())
    parts = at_both_levels(subject, parts, request.only if request else ())
    statistics = evaluate_parts(host, parts, prompts.scored, sites, work, subject.run)
    scores = [
        part_score(part, rows, host, work.seed)
        for part, rows in zip(parts, statistics, strict=True)
    ]
    headline, quantities = host.output.headline, host.output.quantities
    command = request.command if request else ""
    examples = None
    if request and request.pictured:
        cheapest = {part.name: part.cheapest for part in scores}
        examples = examples_of(
            host, subject.written, parts, cheapest, prompts.scored, circuit.prompts
        )
    return TokenCard(
        spec,
        circuit,
        host,
        prompts.counts,
        quantities,
        headline,
        scores,
        work.seed,
        command,
        examples,
    )
