"""Files -> theories and circuits of transformers; every problem of a file is reported at once."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import WorkbenchError, nearest
from workbench.sequences.circuit import CircuitFamily, TokenCircuit
from workbench.sequences.language import Frequencies, TokenFamily, TokenTheory
from workbench.sequences.meaning import claim_faults, meaning_faults
from workbench.sequences.variants import varied
from workbench.spec import source
from workbench.spec.checks import without_bounds
from workbench.spec.partial import validated
from workbench.spec.source import Source

OF_CIRCUIT = {"heads": "heads", "numbers": "numbers", "neurons": "layer"}


@dataclass(frozen=True)
class TokenSpec:
    """A theory of a transformer with its file; `variants` has the changed theories by name."""

    theory: TokenTheory
    text: str
    path: Path
    sha256: str
    variants: Mapping[str, TokenTheory] = field(default_factory=dict)

    def __repr__(self) -> str:
        chain = " -> ".join(self.theory.families)
        return f"TokenSpec({self.theory.theory}: {chain}; {self.path})"


def is_of_tokens(path: Path | str) -> bool:
    """Whether a file declares `input: tokens`; False for one that cannot be read as YAML."""
    try:
        values = source.read(Path(path)).values
    except WorkbenchError:
        return False
    return isinstance(values, Mapping) and values.get("input") == "tokens"


def load_token_theory(path: Path | str) -> TokenSpec:
    """The theory of a YAML file. Raises SpecError with every problem, and WorkbenchError."""
    return token_theory(source.read(Path(path)))


def token_theory_from_text(text: str, path: str = "<text>") -> TokenSpec:
    """The theory of a YAML text, which messages call `path`. Raises as `load_token_theory`."""
    return token_theory(source.parse(text, path))


def token_theory(parsed: Source) -> TokenSpec:
    """The theory of a parsed file. Raises SpecError."""
    theory, wrong = validated(TokenTheory, parsed.values)
    variants: dict[str, TokenTheory] = {}
    if theory is not None:
        wrong += [*meaning_faults(theory), *without_bounds(theory.families, parsed)]
        variants, of_variants = varied(theory, parsed, wrong)
        wrong += [*of_variants, *claim_faults(theory)]
    parsed.refuse([*parsed.faults, *parsed.independent(wrong)])
    digest = hashlib.sha256(parsed.text.encode()).hexdigest()
    return TokenSpec(theory, parsed.text, Path(parsed.file), digest, variants)


def load_token_circuit(path: Path | str) -> TokenCircuit:
    """The circuit of a YAML file. Raises SpecError with every problem, and WorkbenchError."""
    parsed = source.read(Path(path))
    circuit, wrong = validated(TokenCircuit, parsed.values)
    parsed.refuse([*parsed.faults, *parsed.independent(wrong)])
    return circuit


def load_token_file(path: Path | str) -> TokenSpec | TokenCircuit:
    """The theory or the circuit of a YAML file, whichever its keys say it is."""
    values = source.read(Path(path)).values
    is_circuit = "circuit" in values and "theory" not in values
    return load_token_circuit(path) if is_circuit else load_token_theory(path)


def refuse_unmatched(spec: TokenSpec, circuit: TokenCircuit, file: Path | str) -> None:
    """Raises WorkbenchError if the circuit lacks a family of the theory, its units or frequencies.

    A frequency above half the count of numbers is refused: it has the waves of a lower one.
    """
    for name, family in spec.theory.families.items():
        if family.units not in OF_CIRCUIT:
            continue
        key = OF_CIRCUIT[family.units]
        if name not in circuit.families:
            raise WorkbenchError(
                f"{file}: families",
                f"no {name}",
                f"every family of {spec.path} that has units in the network",
                nearest(name, circuit.families),
            )
        if getattr(circuit.families[name], key) is None:
            raise WorkbenchError(
                f"{file}: families.{name}", f"no {key}", f"the {key} of the {family.units}"
            )
        for source_name, declared in _circles(family):
            _refuse_frequencies(circuit, name, source_name, declared, file)


def _circles(family: TokenFamily) -> Iterator[tuple[str, Frequencies]]:
    """The families of numbers that a family reads, with the frequencies of their circles."""
    if family.poses is not None:
        yield next(iter(family.reads)), family.poses.frequency
    for look in family.looks:
        if look.of is not None and look.frequency is not None:
            yield look.of, look.frequency


def _refuse_frequencies(
    circuit: TokenCircuit, name: str, source_name: str, declared: Frequencies, file: Path | str
) -> None:
    """Raises WorkbenchError as `refuse_unmatched`."""
    where, units = f"{file}: families.{name}", circuit.families[name]
    frequencies = units.frequency if declared == "from-circuit" else declared
    if frequencies is None:
        raise WorkbenchError(where, "no frequency", f"those of the circles that {name} reads")
    numbers = circuit.families.get(source_name, CircuitFamily()).numbers
    if numbers is not None and max(frequencies) > numbers // 2:
        shown = f"frequency {max(frequencies)} of {numbers} numbers"
        raise WorkbenchError(where, shown, f"1 to {numbers // 2}")
