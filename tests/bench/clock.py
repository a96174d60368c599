"""Timing: medians of interleaved runs, so that other load of the machine slows all of them."""

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import metadata

import torch

PACKAGES = ("torch", "numpy", "pillow", "nnsight", "pyvene", "transformer-lens")
Task = Callable[[], object]
Step = Callable[[str, str], AbstractContextManager[None]]


def wall_s() -> float:
    return time.perf_counter()


def cpu_s() -> float:
    """Processor time of this process and of those it waited for: of one thread what an idle machine
    would take, whoever else is at work.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


CLOCKS = {"wall": wall_s, "cpu": cpu_s}


def interleaved(
    tasks: Mapping[str, Task], rounds: int, clock: str, step: Step, kind: str, what: str
) -> dict[str, float]:
    """Median seconds of each task over `rounds`, in each of which every task runs once.

    Each has run before. What a task has to `prepare` is not timed. Each round is a `step` of that
    kind (`Steps.step`).
    """
    now = CLOCKS[clock]
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(1, rounds + 1):
        with step(kind, f"{what}: round {number} of {rounds}"):
            for name, task in tasks.items():
                getattr(task, "prepare", lambda: None)()
                start = now()
                task()
                taken[name].append(now() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version for name in PACKAGES if (version := _version(name))},
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                line.partition(":")[2].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
