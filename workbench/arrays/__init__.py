"""NumPy, CuPy and torch arrays behind the array API standard (data-apis.org/array-api)."""

from typing import Any

import numpy as np
from array_api_compat import (
    array_namespace,
    device,
    is_array_api_obj,
    is_cupy_array,
    is_torch_array,
    to_device,
)

# an array of any library that array_api_compat supports; jaxtyping annotations state its shape
Array = Any


def array_like(value: Any, like: Array) -> Array:
    """A value as an array of the library, dtype and device of `like`.

    An array of that library keeps its gradient, and its memory if it can.
    """
    xp = array_namespace(like)
    if is_array_api_obj(value) and array_namespace(value) is xp:
        return to_device(xp.astype(value, like.dtype, copy=False), device(like))
    return xp.asarray(value, dtype=like.dtype, device=device(like))


def detached(value: Any) -> Any:
    """A number or an array without its gradient, which only a torch tensor may have."""
    return value.detach() if is_torch_array(value) else value


def to_numpy(array: Array) -> np.ndarray:
    """The array as a NumPy array, which shares its memory if that is on the processor."""
    here = to_device(array, "cpu") if is_torch_array(array) or is_cupy_array(array) else array
    return np.asarray(here) if isinstance(here, np.ndarray | np.generic) else np.from_dlpack(here)


__all__ = ["Array", "array_like", "array_namespace", "detached", "device", "to_numpy"]
