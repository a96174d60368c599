"""A hash of the code that computes.

This module imports little, so that the hash can be taken before that code is loaded.
"""

import hashlib
from functools import lru_cache
from importlib import import_module, metadata
from pathlib import Path

# packages whose next version may round differently, and the module that each installs
PACKAGES = {
    "torch": "torch",
    "numpy": "numpy",
    "pillow": "PIL",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
}
# folders and files that only read options or display: they are not hashed, so that a changed help
# text keeps the cache
SHOWING_FOLDERS = frozenset(
    {"api.py", "cli", "door.py", "full_report", "report", "studio", "table.py", "terminal"}
)
WINGS = ("sequences",)  # folders that are laid out as the package itself
SHOWING_ENDINGS = ("command.py", "part.py", "plot.py", "registry.py", "table.py")
ROOT = Path(__file__).parent


@lru_cache(maxsize=1)
def code_version() -> str:
    """SHA-256, in hex, of the modules that compute and of the versions of PACKAGES.

    It is taken at the first call in a process, which the command line makes before a command loads
    anything. So a file that is edited during a long run does not change it.
    """
    return _hash([file for file in _sources() if not _only_displays(file)])


@lru_cache(maxsize=1)
def source_version() -> str:
    """As `code_version`, but of every module: for kept results that hold tables and pages too."""
    return _hash(_sources())


def _sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def _only_displays(file: Path) -> bool:
    """Whether a module computes no figure: it belongs to the command line, a table or a page.

    The endings of file names count only in the folders of analyses, of `export` and of `tune`.
    """
    parts = file.relative_to(ROOT).parts
    folder, *rest = parts[1:] if parts[0] in WINGS else parts
    if folder in SHOWING_FOLDERS:
        return True
    named = folder in ("analyses", "export", "tune") and bool(rest)
    return named and file.name.endswith(SHOWING_ENDINGS)


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256(repr([_version(*package) for package in PACKAGES.items()]).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _version(distribution: str, module: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # another build of the package, such as pillow-simd
        return str(getattr(import_module(module), "__version__", ""))
