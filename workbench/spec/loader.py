"""Files -> theories and trained circuits, and back.

Loading reports every problem of a file at once.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from workbench.errors import WorkbenchError, closest
from workbench.files import write_whole
from workbench.spec import source
from workbench.spec.checks import checked_circuit, checked_theory
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Ledger, Number, Theory, numbers
from workbench.spec.ledger_file import checked_ledger
from workbench.spec.meaning import needed_axes, pair_faults
from workbench.spec.problems import Path, key_text
from workbench.spec.size import DRAWN, Sizes
from workbench.spec.source import Source
from workbench.spec.variants import at_variant

# the key that tells a kind of file from the others: its name, and where a file of it belongs
KINDS = {
    "theory": ("a theory", "It stands where a spec is asked for: `SPEC --circuit FILE`."),
    "circuit": ("a trained circuit", "A circuit file belongs behind --circuit."),
    "ledger": ("a tuning ledger", "It is read with the spec that names it: give that spec."),
}
FOR_TOKENS = "The commands that take theories of tokens are listed in docs/README.md."


@dataclass(frozen=True)
class Spec:
    """A theory with its file; `variants` maps each variant's name to the changed theory."""

    theory: Theory
    text: str
    path: FilePath
    sha256: str
    variants: Mapping[str, Theory] = field(default_factory=dict)

    def __repr__(self) -> str:
        tuned = sum(number.tuned for _, number in numbers(self.theory))
        chain = " -> ".join(self.theory.families)
        return f"Spec({self.theory.theory}: {chain}; {tuned} numbers to tune; {self.path})"


def load_theory(path: FilePath | str) -> Spec:
    """The theory of a YAML file.

    Raises SpecError with every problem of the file (syntax, schema and meaning), and WorkbenchError
    if the file cannot be read.
    """
    return _theory(source.read(FilePath(path)))


def theory_from_text(
    text: str, path: FilePath | str = "<text>", folder: FilePath | str | None = None
) -> Spec:
    """The theory of a YAML text, which messages call `path`. Raises as `load_theory`.

    The ledger that a tuned theory names is looked for in `folder`, and refused without one.
    """
    parsed = source.parse(text, str(path))
    return _theory(replace(parsed, folders=(FilePath(folder),)) if folder is not None else parsed)


def load_circuit(path: FilePath | str) -> TrainedCircuit:
    """The trained circuit of a YAML file.

    Raises SpecError with every problem, and WorkbenchError if the file cannot be read.
    """
    parsed = source.read(FilePath(path))
    _refuse_other_kind(parsed, "circuit")
    return checked_circuit(parsed)


def load_file(path: FilePath | str) -> Spec | TrainedCircuit | Ledger:
    """The theory, the trained circuit or the ledger of a YAML file, whichever its keys say it is.

    Raises as `load_theory` and `load_circuit`.
    """
    parsed = source.read(FilePath(path))
    keys = parsed.values.keys() if isinstance(parsed.values, Mapping) else set()
    if "circuit" in keys and "theory" not in keys:
        return checked_circuit(parsed)
    if "ledger" in keys and "theory" not in keys:
        return checked_ledger(parsed)
    return _theory(parsed)


def check_pair(spec: Spec, circuit: TrainedCircuit, sizes: Sizes = DRAWN) -> None:
    """Raises SpecError if the theory, or a variant of it, cannot stand for this trained circuit.

    It cannot if its last family has another name or needs a pose axis that the units lack, or if
    it takes too much memory or work at this number of units, on pictures of these sizes.
    """
    wrong = pair_faults(spec.theory, circuit, sizes)
    for name, theory in spec.variants.items() if not wrong else ():
        wrong += at_variant(name, spec.theory.variants[name], pair_faults(theory, circuit, sizes))
    if wrong:
        source.parse(spec.text, str(spec.path)).refuse(wrong)


def load_together(
    files: Sequence[tuple[FilePath, FilePath]],
) -> tuple[list[Spec], list[TrainedCircuit]]:
    """Theories and the trained circuits that each is to stand for, to be spliced in the same run.

    Raises SpecError and WorkbenchError as `load_theory` and `load_circuit` do. Raises
    WorkbenchError for a circuit whose units lack a pose axis that its theory needs, and for
    circuits of different hosts or with a unit in common.
    """
    specs = [load_theory(spec_file) for spec_file, _ in files]
    circuits = [load_circuit(circuit_file) for _, circuit_file in files]
    owner: dict[str, tuple[FilePath, TrainedCircuit]] = {}
    for spec, (_, file), circuit in zip(specs, files, circuits, strict=True):
        _refuse_unposed(spec, file, circuit)
        first_file, first = files[0][1], circuits[0]
        if (circuit.host, circuit.fingerprint) != (first.host, first.fingerprint):
            raise WorkbenchError(
                str(file),
                f"circuit {circuit.circuit} of {_host(circuit)}",
                f"the host of {first_file}, {_host(first)}",
                "Survey both in the same host.",
            )
        names = [f"{circuit.site}:{unit.unit}" for unit in circuit.units]
        if common := [name for name in names if name in owner]:
            other_file = owner[common[0]][0]
            raise WorkbenchError(
                str(file),
                f"{', '.join(common)} of {circuit.circuit}, which {other_file} has too",
                "each unit in one circuit",
                "Take these units out of one of the files.",
            )
        owner |= dict.fromkeys(names, (file, circuit))
    return specs, circuits


def _refuse_unposed(spec: Spec, file: FilePath, circuit: TrainedCircuit) -> None:
    """Raises WorkbenchError for the first unit without a pose axis that the last family needs."""
    name, last = list(spec.theory.families.items())[-1]
    needed = needed_axes(last)
    if lacking := circuit.lacking(needed):
        unit, axis = lacking
        raise WorkbenchError(
            f"{file}: unit {unit}",
            f"no {axis}",
            f"the {axis} of every unit, on which "
            f"{key_text(('families', name, *needed[axis]))} of {spec.path} depends",
            f"Add {axis} to the units, or give another circuit file.",
        )


def _host(circuit: TrainedCircuit) -> str:
    return f"{circuit.host} ({circuit.fingerprint[:12]}…)"


def dump_circuit(circuit: TrainedCircuit, path: FilePath | str) -> None:
    """Writes a trained circuit, one unit a line; the same circuit gives the same bytes.

    Raises WorkbenchError if the file cannot be written.
    """
    content = circuit.model_dump(mode="json", exclude_none=True)
    units = content.pop("units")
    rows = "".join(f"  - {source.dumped(unit, flow=True)}\n" for unit in units)
    write_whole(FilePath(path), f"{source.dumped(content)}\nunits:\n{rows}")


def with_tuned(text: str, values: Mapping[Path, float]) -> str:
    """The spec's text with the `tune` of each number in `values` replaced, all else kept.

    The paths are those that `language.numbers` gives. Raises WorkbenchError for a path that is not
    `{tune: ..., min: ..., max: ...}`, a value outside its bounds, and a number that an alias shares
    with one of another value; SpecError if `text` is no YAML.
    """
    parsed = source.parse(text)
    given = {_tune_path(parsed, path): float(value) for path, value in values.items()}
    for path, value in given.items():
        _within(parsed, path, value)
    at = {parsed.places[path].span: value for path, value in given.items()}
    _unshared(parsed, given, at)
    for (start, end), value in sorted(at.items(), reverse=True):
        text = text[:start] + _number_text(value) + text[end:]
    return text


def _refuse_other_kind(parsed: Source, wanted: str) -> None:
    """Raises WorkbenchError for a file of another kind: one sentence, not one for each key."""
    values = parsed.values if isinstance(parsed.values, Mapping) else {}
    others = [kind for key, kind in KINDS.items() if key in values and wanted not in values]
    for kind, remedy in others[:1]:
        raise WorkbenchError(parsed.file, f"is {kind}", KINDS[wanted][0], remedy)
    if values.get("input") == "tokens":
        expected = f"{KINDS[wanted][0]} of units in pictures"
        raise WorkbenchError(parsed.file, "is of tokens (`input: tokens`)", expected, FOR_TOKENS)


def _theory(parsed: Source) -> Spec:
    _refuse_other_kind(parsed, "theory")
    theory, variants = checked_theory(parsed)
    return Spec(
        theory,
        parsed.text,
        FilePath(parsed.file),
        hashlib.sha256(parsed.text.encode()).hexdigest(),
        variants,
    )


def _tune_path(parsed: Source, path: Path) -> Path:
    number = parsed.resolve(path)
    if all((*number, key) in parsed.places for key in ("tune", "min", "max")) and _reaches(
        parsed, path
    ):
        return (*number, "tune")
    known = [key_text(p[:-1]) for p in parsed.places if p[-1:] == ("tune",)]
    close = closest(key_text(path), known)
    remedy = f"Did you mean {close!r}?" if close else ""
    raise WorkbenchError(
        f"{parsed.file}: {key_text(path)}",
        "no number to tune",
        "{tune: ..., min: ..., max: ...}",
        remedy,
    )


def _reaches(parsed: Source, path: Path) -> bool:
    missing = len(path) - len(parsed.resolve(path))
    return missing == 0 or (missing == 1 and 0 in path)


def _within(parsed: Source, scalar: Path, value: float) -> None:
    bounds = Number.model_validate(parsed.at(scalar[:-1]))
    if not (
        math.isfinite(value)
        and bounds.min is not None
        and bounds.max is not None
        and bounds.min <= value <= bounds.max
    ):
        where = f"{parsed.file}:{parsed.places[scalar].line}: {key_text(scalar)}"
        raise WorkbenchError(
            where, f"found {value:g}", f"a number from {bounds.min:g} to {bounds.max:g}"
        )


def _unshared(
    parsed: Source, given: Mapping[Path, float], at: Mapping[tuple[int, int], float]
) -> None:
    for path, place in parsed.places.items():
        if place.span in at and given.get(path) != at[place.span]:
            where = f"{parsed.file}:{place.line}: {key_text(path)}"
            raise WorkbenchError(
                where,
                "shares its number with another through an alias",
                "one value for both",
                "Write the number out.",
            )


def _number_text(value: float) -> str:
    """Shortest text that reads back as the same number, also by YAML 1.1 (`1.0e-05`)."""
    text = repr(float(value))
    return text.replace("e", ".0e") if "e" in text and "." not in text else text
