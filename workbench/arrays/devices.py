"""The device that a network runs on, and the library that computes statistics there.

The library is NumPy on the processor and CuPy on a CUDA device, or torch where there is no CuPy. An
array goes from torch to either by DLPack (dmlc.github.io/dlpack): the memory stays, and no number
is copied.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from workbench.arrays import Array
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from torch import Tensor

CPU = "cpu"
CUDA = "cuda"


def chosen_device(name: str | None, tell: Callable[[str], None]) -> str:
    """The device of a name "cpu", "cuda" or "cuda:N", as torch writes it; the default is "cpu".

    Where CuPy cannot be used, `tell` is called with one line that says why. Raises WorkbenchError
    for a device that is not there.
    """
    if name == CPU or (name is None and not _installed()):
        return CPU
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        why = f"no --device {CUDA} was given" if count else "torch sees no CUDA device"
        tell(f"CuPy is installed, but {why}: statistics run on NumPy.")
        return CPU
    index = _index(name)
    if index >= count:
        built = "" if torch.version.cuda else ", which was built without CUDA"
        remedy = (
            "Install a torch with CUDA, and NVIDIA's driver (pytorch.org/get-started), "
            f"or leave --device {name} out."
        )
        raise WorkbenchError(
            "--device",
            f"{count} CUDA devices, by torch {torch.__version__}{built}",
            f"a device {name}",
            remedy,
        )
    torch.cuda.set_device(index)
    if not cupy():
        why = (
            "finds no CUDA device"
            if _installed()
            else "is not installed (extras cuda12 and cuda13)"
        )
        tell(f"CuPy {why}: statistics run in torch on {CUDA}:{index}.")
    return f"{CUDA}:{index}"


def _index(name: str) -> int:
    kind, colon, index = name.partition(":")
    if kind != CUDA or not (index.isdecimal() if colon else True):
        raise WorkbenchError("--device", repr(name), f"{CPU}, {CUDA} or {CUDA}:N")
    return int(index or 0)


def known_as(device: str) -> str:
    """Text that identifies how a device computes, for cache keys.

    Another device, or another library on it, rounds otherwise.
    """
    return CPU if device == CPU else ", ".join(_on_cuda(device))


def computed_on(device: str) -> dict[str, str]:
    """The device and libraries that computed a document's figures.

    Keys: `device` with its name, `statistics` (the library) and `torch` (its version).
    """
    import torch

    where, library = CPU, f"NumPy {np.__version__}"
    if device != CPU:
        name, library = _on_cuda(device)
        where = f"{device}, {name}"
    return {"device": where, "statistics": library, "torch": str(torch.__version__)}


def _on_cuda(device: str) -> tuple[str, str]:
    """The device's name, and the library that computes statistics there."""
    import torch

    library = cupy()
    return torch.cuda.get_device_name(device), f"CuPy {library.__version__}" if library else "torch"


def _installed() -> bool:
    """Whether CuPy is installed.

    A folder of that name, as an uninstallation may leave one, has no origin.
    """
    spec = find_spec("cupy")
    return spec is not None and spec.origin is not None


@lru_cache(maxsize=1)
def cupy() -> ModuleType | None:
    """CuPy, where it is installed and finds a device. No other function loads it."""
    if not _installed():
        return None
    try:
        library = import_module("cupy")
        return library if library.cuda.runtime.getDeviceCount() else None
    except (ImportError, RuntimeError):  # no CUDA library, no driver, or one that is too old
        return None


def shared(tensor: "Tensor") -> Array:
    """The tensor's own memory as an array of the library that computes statistics on its device."""
    if tensor.device.type == CPU:
        return np.from_dlpack(tensor)
    library = _cupy_on(str(tensor.device))
    return library.from_dlpack(tensor) if library else tensor


def placed(array: np.ndarray, device: str) -> Array:
    """A NumPy array as one of the library that computes statistics on a device.

    On the processor it is the array itself.
    """
    if device == CPU:
        return array
    if library := _cupy_on(device):
        return library.asarray(array)
    import torch

    return torch.as_tensor(array, device=device)


def _cupy_on(device: str) -> ModuleType | None:
    """CuPy, set to make this thread's arrays on that device from now on.

    Each thread of an engine has a device of its own.
    """
    library = cupy()
    if library:
        library.cuda.Device(_index(device)).use()
    return library
