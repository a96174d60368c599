"""The array libraries in which everything that is written to the standard is tried, each as a
function of a NumPy array.
"""

import array_api_strict
import numpy as np
import pytest
import torch

from workbench.arrays import Array, to_numpy
from workbench.arrays.devices import cupy

ELSEWHERE = array_api_strict.Device(
    "device1"
)  # of no real machine: an array of another device does not mix with its arrays
NO_CUDA = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device here: torch.cuda.is_available() is False"
)
NO_CUPY = pytest.mark.skipif(cupy() is None, reason="no CuPy here that finds a CUDA device")


def on_another_device(array: np.ndarray) -> Array:
    return array_api_strict.asarray(array, device=ELSEWHERE)


def on_cuda(array: np.ndarray) -> Array:
    return torch.as_tensor(array, device="cuda")


def in_cupy(array: np.ndarray) -> Array:
    library = cupy()
    assert library is not None
    return library.asarray(array)


CPU_LIBRARIES = {
    "numpy": np.asarray,
    "torch": torch.as_tensor,
    "strict": array_api_strict.asarray,
    "strict, another device": on_another_device,
}
LIBRARIES = [pytest.param(make, id=name) for name, make in CPU_LIBRARIES.items()] + [
    pytest.param(on_cuda, id="torch, cuda", marks=[pytest.mark.gpu, NO_CUDA]),
    pytest.param(in_cupy, id="cupy", marks=[pytest.mark.gpu, NO_CUPY]),
]
OTHERS = LIBRARIES[1:]  # than NumPy


def plain(array: Array) -> np.ndarray:
    """As NumPy's, from any library and device.

    The same library and device as before is for the test to check.
    """
    strange = isinstance(array, type(array_api_strict.asarray(0.0)))
    return to_numpy(array.to_device(array_api_strict.Device("CPU_DEVICE")) if strange else array)
