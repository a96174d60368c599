"""A handwritten-weights reconstruction workbench: theory -> weights -> spliced network -> fidelity.

`import workbench as wb` offers the functions and classes of `workbench.api`, which are loaded at
their first use: importing this package imports neither torch, CuPy nor matplotlib. The main path
through the code is `workbench/rebuild.py`.
"""

from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.api import (
        Calibrated,
        Handwritten,
        Host,
        Result,
        Theory,
        TrainedCircuit,
        Work,
        host_from_module,
        load_circuit,
        load_host,
        load_pictures,
        load_theory,
    )

__version__ = "0.2.0"
__all__ = [
    "Calibrated",
    "Handwritten",
    "Host",
    "Result",
    "Theory",
    "TrainedCircuit",
    "Work",
    "WorkbenchError",
    "host_from_module",
    "load_circuit",
    "load_host",
    "load_pictures",
    "load_theory",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from workbench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
