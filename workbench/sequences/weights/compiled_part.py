"""The weights of one part of a theory of tokens, by name, and a copy of the network with them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from workbench.errors import WorkbenchError, nearest
from workbench.hosts.host import Host
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec
from workbench.sequences.part import KINDS
from workbench.sequences.prompt_sets import Prompts
from workbench.sequences.subject import Subject, subject_of
from workbench.sequences.weights.parts import network_of, plans_of
from workbench.sequences.weights.plan import PartWeights


@dataclass(frozen=True)
class CompiledPart:
    """A part of a theory of tokens as weights of a network.

    facts  where the weights come from (docs/circuit-file.md)
    """

    subject: Subject = field(repr=False)
    name: str
    made: PartWeights = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)

    @cached_property
    def network(self) -> Host:
        """A copy of the network that has these weights."""
        return network_of(self.subject, self.made)

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """The handwritten tensors by TransformerLens' names; of one head alone `NAME[HEAD]`."""
        return {
            name if head is None else f"{name}[{head}]": value
            for (name, head), value in sorted(self.made.weights.items(), key=lambda item: item[0])
        }

    @property
    def weights(self) -> int:
        """The number of weights."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def __repr__(self) -> str:
        return described(self.facts, self.tensors)


def described(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """A compiled part in words: its numbers, and the shape of each tensor."""
    counts = facts["numbers"]
    numbers = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts.get(kind))
    rows = [
        f"{facts['theory']} -> {facts['host']}, {facts['part']}: {facts['words']}",
        f"  numbers: {numbers or '0'}",
    ]
    return "\n".join([*rows, *(f"  {name}: {_shape(value)}" for name, value in tensors.items())])


def _shape(tensor: Tensor) -> str:
    zero = "" if bool(tensor.any()) else ", all 0"
    return f"{'x'.join(map(str, tensor.shape))}{zero}"


@torch.no_grad()
def compiled_part(
    spec: TokenSpec,
    circuit: TokenCircuit,
    host: Host,
    prompts: Prompts,
    part: str | None = None,
    seed: int = 0,
) -> CompiledPart:
    """Compile a part of a theory into weights of the network, on its calibration prompts.

    part  by default the last one that has weights: the whole network, all heads, or one family

    Raises WorkbenchError for a part that has no weights.
    """
    subject = subject_of(spec, circuit, host, prompts, seed)
    plans, refusals = plans_of(subject)
    name = _chosen(part, list(plans), refusals, str(spec.path))
    made = plans[name]()
    facts = _facts(spec, circuit, host, prompts, name, made)
    return CompiledPart(subject, name, made, facts)


def _chosen(
    part: str | None, plans: Sequence[str], refusals: Mapping[str, str], theory: str
) -> str:
    """The part to compile. Raises WorkbenchError as `compiled_part`."""
    why = "; ".join(f"{name}: {reason}" for name, reason in refusals.items())
    if part is None and not plans:
        raise WorkbenchError(
            theory, f"no part can be written as weights ({why})", "heads, or a whole network"
        )
    name = plans[-1] if part is None else part
    if name in refusals:
        raise WorkbenchError("--part", f"{name} has no weights: {refusals[name]}")
    if name not in plans:
        known = ", ".join(plans) or "none"
        raise WorkbenchError(
            "--part", repr(name), f"a part that has weights: {known}", nearest(name, plans)
        )
    return name


def _facts(
    spec: TokenSpec,
    circuit: TokenCircuit,
    host: Host,
    prompts: Prompts,
    part: str,
    made: PartWeights,
) -> dict[str, Any]:
    """Where the weights of a part come from (docs/circuit-file.md)."""
    kept = made.kept if made.kept is None or math.isfinite(made.kept) else None
    return {
        "host": host.name,
        "host_fingerprint": host.fingerprint,
        "theory": spec.theory.theory,
        "spec": spec.sha256,
        "circuit": circuit.circuit,
        "part": part,
        "words": made.words,
        "tensors": sorted({tensor for tensor, _ in made.weights}),
        "kept_of_rule": kept,
        "numbers": vars(made.numbers),
        "calibration": sorted(prompt.sha256 for prompt in prompts.calibration),
    }
