"""The environment of a run: what its figures depend on besides theory, network and pictures."""

import importlib.metadata
import platform

import numpy as np
import torch

PACKAGES = ("scipy", "scikit-learn", "pillow", "scikit-image")


def environment(device: str) -> dict[str, str]:
    """Versions, the processor, threads, and `device`, where the network runs."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        **versions,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": str(torch.get_num_threads()),
        "device": device,
    }


def _processor() -> str:
    """The processor's model and the instructions that torch uses on it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            models = [line.partition(":")[2].strip() for line in file if line.startswith("model n")]
    except OSError:
        models = []
    name = models[0] if models else platform.processor()
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def _version(package: str) -> str:
    """The version of an installed package; empty for another build of it, such as pillow-simd."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
