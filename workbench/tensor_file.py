"""Safetensors files with one metadata entry, a JSON object that describes the tensors.

Each kind of file has its own key of this entry, and its own format number. The object's `sha256` is
over the rest of it and over the tensors.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from workbench.errors import WorkbenchError

CHECKSUM = "sha256"


def tensor_bytes(tensors: Mapping[str, Tensor], key: str, header: Mapping[str, Any]) -> bytes:
    """The file's bytes: the same for the same content.

    The metadata is one entry, since safetensors keeps no order among several.
    """
    # a host of the store keeps its channels last
    plain = {name: tensor.contiguous() for name, tensor in tensors.items()}
    return save(plain, {key: _text({**header, CHECKSUM: checksum(header, plain)})})


def checksum(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of a header without its checksum, and of each tensor in the order of their names."""
    digest = hashlib.sha256(_text(header).encode())
    for name, tensor in sorted(tensors.items()):
        dtype, shape = str(tensor.dtype).removeprefix("torch."), list(tensor.shape)
        digest.update(f"\n{name} {dtype} {shape}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def read_tensors(
    path: Path, key: str, version: int, kind: str, remedy: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the header, without its checksum, and the tensors of a file.

    Raises WorkbenchError for a file that is truncated or missing, for one of another kind or
    version, and for one that was changed after it was written.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(key, "null"), parse_constant=_refused)
            if not isinstance(header, dict) or header.get("format") != version:
                raise WorkbenchError(
                    str(path),
                    f"is no {kind} of this version",
                    f"metadata {key!r} of format {version}",
                    remedy,
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
            declared = header.pop(CHECKSUM, None)
            intact = declared == checksum(header, tensors)
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise WorkbenchError(
            str(path), f"cannot be read as safetensors ({error})", f"a whole {kind}", remedy
        ) from error
    if not intact:
        problem = "was changed after it was written: its content does not have the SHA-256"
        raise WorkbenchError(str(path), f"{problem} {declared}", f"a whole {kind}", remedy)
    return header, tensors


def has_header(path: Path, key: str) -> bool:
    """Whether a file can be read as safetensors and has that metadata entry."""
    try:
        with safe_open(path, "pt") as file:
            return key in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def _text(header: Mapping[str, Any]) -> str:
    return json.dumps(header, sort_keys=True, ensure_ascii=False)


def _refused(word: str) -> None:
    raise ValueError(f"{word} in the header")
