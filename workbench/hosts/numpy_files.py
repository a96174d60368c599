"""Hosts whose weights are published as one .npy file a tensor.

They hold arrays of numbers only: nothing is unpickled.
"""

from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench.errors import WorkbenchError

# Mean and deviation of ImageNet's colours, 0..1, as torchvision and the ONNX zoo have them; here in
# 0..255.
MEAN_RGB = (0.485 * 255, 0.456 * 255, 0.406 * 255)
DEVIATION_RGB = (0.229 * 255, 0.224 * 255, 0.225 * 255)


def published(name: str) -> dict[str, str]:
    """SHA-256 of every file of a host by its name: the lines of NAME.sha256 in this folder."""
    lines = resources.files(__package__).joinpath(f"{name}.sha256").read_text().splitlines()
    return {file: digest for digest, file in (line.split() for line in lines)}


def tensors(directory: Path, files: Iterable[str]) -> dict[str, Tensor]:
    """Each file's array by the file's stem.

    Raises WorkbenchError for a file that is no plain array.
    """
    arrays = {}
    for file in files:
        try:
            array = np.load(directory / file, allow_pickle=False)
            arrays[Path(file).stem] = torch.from_numpy(array)
        except (OSError, ValueError, TypeError) as error:
            raise WorkbenchError(
                str(directory / file),
                f"cannot be read as an array ({error})",
                remedy="Fetch the file again.",
            ) from error
    return arrays


def only_from_files(name: str, source: str) -> Callable[[Path], None]:
    """The `fetch` of a host that no package or single address serves; it raises WorkbenchError."""

    def fetch(directory: Path) -> None:
        raise WorkbenchError(
            f"host {name}",
            "cannot be pulled",
            remedy=f"Get its files from {source} and run `workbench hosts add {name} DIR`.",
        )

    return fetch
