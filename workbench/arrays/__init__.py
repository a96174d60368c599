"""NumPy, CuPy and torch arrays behind the array API standard (data-apis.org/array-api)."""

from typing import Any

from array_api_compat import array_namespace, is_array_api_obj

Array = Any  # an array of any library that array_api_compat knows; shapes stand in the jaxtyping annotations


def array_like(value: Any, like: Array) -> Array:
    """`value` as an array of the library, dtype and device of `like`; an array of that library keeps its gradient."""
    xp = array_namespace(like)
    if is_array_api_obj(value) and array_namespace(value) is xp:
        return xp.astype(value, like.dtype)
    return xp.asarray(value, dtype=like.dtype)


__all__ = ["Array", "array_like", "array_namespace"]
