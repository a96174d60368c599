"""Reads HDF5 files: the only place that knows h5py.

HDF5 holds plain arrays here; nothing is unpickled.
"""

from pathlib import Path

import numpy as np

from workbench.errors import WorkbenchError


def datasets(path: Path) -> dict[str, np.ndarray]:
    """Every dataset of an HDF5 file as float32, by its full name ("group/dataset").

    Raises WorkbenchError if the file is no HDF5 file or holds something other than numbers.
    """
    import h5py  # here, since a host that is already converted never needs it

    arrays: dict[str, np.ndarray] = {}

    def keep(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            arrays[name] = np.asarray(node[()], dtype=np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except (OSError, TypeError, ValueError) as error:
        raise WorkbenchError(
            str(path), f"cannot be read as HDF5 ({error})", remedy="Fetch the file again."
        ) from error
    return arrays
