"""Keep freed memory in the process, so that the next array of its size costs nothing.

The C library gives large blocks back to the system as soon as they are freed, and the system clears
each page again when the next array touches it. A network frees and takes some hundreds of megabytes
with every batch: clearing them took as long as computing (docs/engine.md).
"""

import ctypes
import os

# of malloc.h of the GNU C library
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
LARGEST = 2**31 - 1  # that `mallopt` takes, in bytes
# Larger blocks go back to the system: tables of all pictures, which are made once and would leave
# holes. The activations of 24 pictures, which are made again and again, are smaller.
LARGEST_KEPT = 128 << 20
CHOSEN = ("MALLOC_", "GLIBC_TUNABLES")  # variables by which a user sets the same


def keep_freed_memory() -> bool:
    """Set the C library so that freed memory is used again; whether that was done.

    All threads share one arena, since those of other threads are too small for activations. Nothing
    is set in another library than GNU's, or where a variable of the environment sets it.
    """
    if any(name.startswith(CHOSEN) for name in os.environ) or not _is_gnu():
        return False
    library = ctypes.CDLL(None)
    settings = {TRIM_THRESHOLD: LARGEST, MMAP_THRESHOLD: LARGEST_KEPT, ARENA_MAX: 1}
    return all(library.mallopt(name, value) == 1 for name, value in settings.items())


def give_freed_memory_back() -> None:
    """Give what is kept back to the system: the next stage of a command takes other arrays."""
    if _is_gnu():
        ctypes.CDLL(None).malloc_trim(0)


def _is_gnu() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, OSError, ValueError):  # no such name, or no names at all (Windows)
        return False
