"""Write a theory of tokens into a copy of its host: the part with the most weights, or a named one.

The file is that of every exported network (`workbench.export.file`).
"""

from pathlib import Path

from workbench.export.file import write_exported
from workbench.sequences.files import load_token_theory
from workbench.sequences.score import TokenRequest
from workbench.sequences.subject import loaded
from workbench.sequences.weights.compiled_part import CompiledPart, compiled_part
from workbench.work import Work


def export_tokens(
    request: TokenRequest, part: str | None, output: Path, work: Work
) -> CompiledPart:
    """Compile a part of a theory into weights and write a copy of the host to the file `output`.

    Raises WorkbenchError for a part that has no weights, and as `score_tokens`.
    """
    spec = load_token_theory(request.spec)
    circuit, host, prompts = loaded(spec, request.circuit, work.seed, request.text)
    compiled = compiled_part(spec, circuit, host, prompts, part, work.seed)
    write_exported(compiled.network, compiled.facts, output)
    return compiled
