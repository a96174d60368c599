"""The file of a compiled part of a theory of tokens: safetensors (docs/circuit-file.md)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.sequences.weights.compiled_part import CompiledPart
from workbench.tensor_file import read_tensors, tensor_bytes

FORMAT = 1
KEY = "workbench.tokens"
KIND, REMEDY = "compiled part of a theory of tokens", "Compile it again."
TEXTS = ("theory", "host", "part", "words")


def write_part(part: CompiledPart, path: Path) -> None:
    """Write a compiled part whole; the same part gives the same bytes.

    Raises WorkbenchError if the file cannot be written.
    """
    write_whole(path, tensor_bytes(part.tensors, KEY, {"format": FORMAT, **part.facts}))


def is_part(path: Path) -> bool:
    """Whether a file has the metadata of a compiled part; False for one that cannot be read."""
    try:
        with safe_open(path, "pt") as file:
            return KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_part(path: Path) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """The facts and the tensors of a file.

    Raises WorkbenchError for a file that is truncated, altered, or no compiled part.
    """
    facts, tensors = read_tensors(path, KEY, FORMAT, KIND, REMEDY)
    for key in TEXTS:
        if not isinstance(facts.get(key), str):
            raise WorkbenchError(f"{path}: {key}", repr(facts.get(key)), "text", REMEDY)
    numbers = facts.get("numbers")
    if not isinstance(numbers, dict):
        raise WorkbenchError(f"{path}: numbers", repr(numbers), "counts by kind", REMEDY)
    return facts, tensors
