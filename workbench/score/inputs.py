"""The files that a score was computed from, as copies for its output folder.

They lie in `inputs/` of the folder: `theory-1/`, with the ledger of a tuned theory beside it,
`circuit-1/` for the first theory's units, `trained-FAMILY/` for trained units in a family's place,
`compared-1/` for a theory to compare with, and `text/` for the text of prompts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.shipped import shipped_folder
from workbench.spec import source

FOLDER = "inputs"
# arguments of the command -> the folder of their files, for each of them in order
THEORY, CIRCUIT, TRAINED, COMPARED = "theory", "circuit", "trained", "compared"


@dataclass(frozen=True)
class Inputs:
    """Copies of files, by their path in the output folder.

    theories  pairs of a theory and its circuit file
    trained   by family, the circuit file of the trained units in its place
    compared  theories to compare with
    contents  of every file, ledgers included
    """

    theories: Sequence[tuple[str, str]]
    trained: Mapping[str, str] = field(default_factory=dict)
    compared: Sequence[str] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)


def gathered(
    files: Sequence[tuple[Path, Path]],
    trained: Mapping[str, Path] | None = None,
    compared: Sequence[Path] = (),
) -> Inputs:
    """Read the files of a score, before it is computed.

    A file that cannot be read is left out: computing the score refuses it with a better error.
    """
    contents: dict[str, bytes] = {}

    def copied(file: Path, folder: str) -> str:
        for path in (file, *_ledger(file)):
            try:
                contents[f"{FOLDER}/{folder}/{path.name}"] = path.read_bytes()
            except OSError:
                continue
        return f"{FOLDER}/{folder}/{file.name}"

    return Inputs(
        [
            (copied(spec, f"{THEORY}-{i}"), copied(circuit, f"{CIRCUIT}-{i}"))
            for i, (spec, circuit) in enumerate(files, 1)
        ],
        {name: copied(file, f"{TRAINED}-{name}") for name, file in (trained or {}).items()},
        [copied(file, f"{COMPARED}-{i}") for i, file in enumerate(compared, 1)],
        contents,
    )


def _ledger(file: Path) -> Iterator[Path]:
    """The ledger that a tuned theory names, where it lies beside it or is shipped."""
    try:
        parsed = source.read(file)
    except WorkbenchError:
        return
    tuned = parsed.values.get("tuned") if isinstance(parsed.values, Mapping) else None
    name = tuned.get("ledger") if isinstance(tuned, Mapping) else None
    if isinstance(name, str) and Path(name).name == name:
        places = [folder / name for folder in (*parsed.folders, shipped_folder() / "specs")]
        yield from [place for place in places if place.is_file()][:1]
