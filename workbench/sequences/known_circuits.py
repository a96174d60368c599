"""The circuit files of transformers that a theory fits, where commands look for them."""

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.sequences.files import TokenSpec, load_token_circuit, refuse_unmatched
from workbench.shipped import shipped_folder

FOLDER = Path("circuits", "tokens")  # with a folder for each host


def known_circuits(spec: TokenSpec, host: str | None = None) -> list[Path]:
    """The circuit files with units of every family of a theory, of one host or of all.

    They are in FOLDER in the current folder, beside the folder of the theory, or shipped. The
    first of these places counts for a circuit that is at several.
    """
    files: dict[Path, Path] = {}
    for root in (Path(), spec.path.resolve().parents[1], shipped_folder()):
        for file in sorted((root / FOLDER).glob("*/*.yaml")):
            files.setdefault(file.relative_to(root), file)
    return [file for file in files.values() if _fits(spec, file, host)]


def _fits(spec: TokenSpec, file: Path, host: str | None) -> bool:
    try:
        circuit = load_token_circuit(file)
        refuse_unmatched(spec, circuit, file)
    except WorkbenchError:
        return False
    return host in (None, circuit.host)


def only_circuit(spec: TokenSpec, host: str | None = None) -> Path:
    """The one known circuit. Raises WorkbenchError where there is none, or more than one."""
    known = known_circuits(spec, host)
    if len(known) == 1:
        return known[0]
    where = f"a circuit for {spec.path}" + (f" in {host}" if host else "")
    if known:
        names = " or ".join(map(str, known))
        raise WorkbenchError(where, f"{len(known)} are known", "one", f"Give --circuit {names}.")
    raise WorkbenchError(
        where,
        "none is known",
        "--circuit FILE, which names the network's own units",
        "`workbench survey HOST --family FAMILY` writes one.",
    )
