"""Reading the weights out of a PyTorch file: the only place that calls `torch.load`.

Its pickle is not executed: with `weights_only` torch interprets the few instructions that tensors
need and refuses every other, in both of its formats (zip, and that of version 1.5 and earlier).
Since 2.6 this holds for every file (CVE-2025-32434). The file's SHA-256 was checked before.
"""

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from workbench.errors import WorkbenchError


def state_dict(path: Path, within: str = "") -> dict[str, Tensor]:
    """The tensors of a state dict by name, on the processor, none sharing memory with another.

    within  the entry of a checkpoint's dictionary that is the state dict

    Raises WorkbenchError for a damaged file, and for one that holds anything but a dictionary of
    plain tensors.
    """
    content = _content(path)
    if within and isinstance(content, dict):
        content = content.get(within)
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and _is_plain(value) for name, value in content.items()
    ):
        raise _refused(path, "it holds something else than tensors by name")
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in content.items()
    }


def _content(path: Path) -> object:
    try:
        mapped = zipfile.is_zipfile(path)  # torch maps files of its newer format alone
        return torch.load(path, weights_only=True, map_location="cpu", mmap=mapped)
    except Exception as error:  # a damaged file raises anything within torch's unpickler
        raise _refused(path, " ".join(str(error).split()) or type(error).__name__) from error


def _is_plain(value: object) -> bool:
    return type(value) is Tensor and value.layout is torch.strided


def _refused(path: Path, why: str) -> WorkbenchError:
    return WorkbenchError(
        str(path), f"is no plain PyTorch state dict ({why})", remedy="Fetch the file again."
    )
