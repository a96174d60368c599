"""The theories and circuit files that come with the workbench.

They are the folders `specs` and `circuits` of a checkout; a wheel has them inside the package.
"""

from pathlib import Path

PACKAGE = Path(__file__).parent
INSTALLED = PACKAGE / "shipped"  # where a wheel has them (pyproject.toml)


def shipped_folder() -> Path:
    """The folder with `specs` and `circuits`: of the installed package, or of the checkout."""
    return INSTALLED if INSTALLED.is_dir() else PACKAGE.parent


def shipped(file: Path | str) -> Path | None:
    """The shipped file of that name, such as `specs/line.yaml`; None if there is none.

    A theory is also found by `line.yaml` or `line`, a circuit file by `squeezenet/curve`. A name
    that would lead out of the folder is of no shipped file.
    """
    name = Path(file)
    if name.is_absolute() or ".." in name.parts:
        return None
    root = shipped_folder()
    for folder in (root, root / "specs", root / "circuits"):
        for candidate in (folder / name, folder / f"{name}.yaml"):
            if candidate.suffix == ".yaml" and candidate.is_file():
                return candidate
    return None


def given_or_shipped(file: Path | str) -> Path:
    """The file itself if it exists, else the shipped file of that name, else the path as given."""
    path = Path(file)
    return path if path.exists() else shipped(path) or path
