"""What everything is computed by, as a hash: light, so that it can be taken before the code that computes is loaded."""

import hashlib
from functools import lru_cache
from importlib import import_module, metadata
from pathlib import Path

PACKAGES = {
    "torch": "torch",
    "numpy": "numpy",
    "pillow": "PIL",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
}  # whose next version may round otherwise; modules


@lru_cache(maxsize=1)
def computed_by() -> str:
    """The source of this package and the versions of what it computes with, as they are at the first call in a process.

    The command line calls it before a command loads anything: a file that is edited while a long run goes on was not what computed.
    """
    digest = hashlib.sha256(repr([_version(*package) for package in PACKAGES.items()]).encode())
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _version(distribution: str, module: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # another build of it, as pillow-simd is
        return str(getattr(import_module(module), "__version__", ""))
