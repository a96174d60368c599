"""Write a theory of tokens into a copy of its host: the part with the most weights, or a named one.

The file is that of every exported network (`workbench.export.file`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from workbench.errors import WorkbenchError, nearest
from workbench.export.file import write_exported
from workbench.hosts.host import Host
from workbench.sequences.files import TokenSpec, load_token_theory
from workbench.sequences.score import TokenRequest
from workbench.sequences.subject import Subject, loaded, subject_of
from workbench.sequences.weights.parts import network_of, plans_of
from workbench.sequences.weights.plan import PartWeights
from workbench.work import Work


@dataclass(frozen=True)
class TokenExport:
    """The subject of an export.

    host  the copy
    part  the part whose weights are handwritten
    made  its weights
    """

    host: Host
    part: str
    made: PartWeights


@torch.no_grad()
def export_tokens(request: TokenRequest, part: str | None, output: Path, work: Work) -> TokenExport:
    """Compile a part of a theory into weights and write a copy of the host to the file `output`.

    part  by default the last one that has weights: the whole network, all heads, or one family

    Raises WorkbenchError for a part that has no weights, and as `score_tokens`.
    """
    spec = load_token_theory(request.spec)
    circuit, host, prompts = loaded(spec, request.circuit, work.seed, request.text)
    subject = subject_of(spec, circuit, host, prompts, work.seed)
    exported = exported_part(subject, part, spec)
    hashes = [prompt.sha256 for prompt in prompts.calibration]
    facts = provenance(host, spec, exported, hashes) | {"circuit": circuit.circuit}
    write_exported(exported.host, facts, output)
    return exported


def exported_part(subject: Subject, part: str | None, spec: TokenSpec) -> TokenExport:
    """A part of a compiled theory in a copy of the host. Raises as `export_tokens`."""
    plans, refusals = plans_of(subject)
    why = "; ".join(f"{name}: {reason}" for name, reason in refusals.items())
    if part is None and not plans:
        raise WorkbenchError(
            str(spec.path),
            f"no part can be written as weights ({why})",
            "heads, or a whole network",
        )
    name = list(plans)[-1] if part is None else part
    if name in refusals:
        raise WorkbenchError("--part", f"{name} has no weights: {refusals[name]}")
    if name not in plans:
        known = ", ".join(plans) or "none"
        raise WorkbenchError(
            "--part", repr(name), f"a part that has weights: {known}", nearest(name, plans)
        )
    made = plans[name]()
    return TokenExport(network_of(subject, made), name, made)


def provenance(
    base: Host, spec: TokenSpec, exported: TokenExport, calibration: list[str]
) -> dict[str, Any]:
    """Where an exported network comes from; `calibration` are the SHA-256 of its prompts."""
    made = exported.made
    return {
        "host": base.name,
        "host_fingerprint": base.fingerprint,
        "theory": spec.theory.theory,
        "spec": spec.sha256,
        "part": exported.part,
        "tensors": sorted({name for name, _ in made.weights}),
        "kept_of_rule": made.kept,
        "numbers": vars(made.numbers),
        "calibration": sorted(calibration),
    }
