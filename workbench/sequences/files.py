"""Files -> theories and circuits of transformers; every problem of a file is reported at once."""

import hashlib
import itertools
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
    """Whether a file has the key `input`, as theories and circuits of tokens have.

    False for one that cannot be read as YAML.
    """
    try:
        values = source.read(Path(path)).values
    except WorkbenchError:
        return False
    return isinstance(values, Mapping) and "input" in values


def load_token_theory(path: Path | str) -> TokenSpec:
    """The theory of a YAML file. Raises SpecError with every problem, and WorkbenchError."""
    parsed = source.read(Path(path))
    _refuse_other_kind(parsed, "theory", "circuit")
    return token_theory(parsed)


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
    _refuse_other_kind(parsed, "circuit", "theory")
    circuit, wrong = validated(TokenCircuit, parsed.values)
    parsed.refuse([*parsed.faults, *parsed.independent(wrong)])
    return circuit


def _refuse_other_kind(parsed: Source, wanted: str, other: str) -> None:
    """Raises WorkbenchError for a file of pictures, and for a circuit in a theory's place."""
    keys = parsed.values if isinstance(parsed.values, Mapping) else {}
    if other in keys and wanted not in keys:
        raise WorkbenchError(
            parsed.file, f"is a {other}", f"a {wanted}", "Give SPEC --circuit FILE."
        )
    if wanted in keys and "input" not in keys:
        raise WorkbenchError(
            parsed.file, "has no `input: tokens`", f"a {wanted} of tokens, as the other file"
        )


def load_token_file(path: Path | str) -> TokenSpec | TokenCircuit:
    """The theory or the circuit of a YAML file, whichever its keys say it is."""
    values = source.read(Path(path)).values
    is_circuit = "circuit" in values and "theory" not in values
    return load_token_circuit(path) if is_circuit else load_token_theory(path)


def refuse_unmatched(spec: TokenSpec, circuit: TokenCircuit, file: Path | str) -> None:
    """Raises WorkbenchError if the circuit lacks a family of the theory, its units or frequencies.

    A frequency above half the count of numbers is refused: it has the waves of a lower one. So are
    a head in two families, and one that no head whose tokens it reads comes before.
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
    heads = {name: circuit.families[name] for name in spec.theory.of_units("heads")}
    for (name, units), (other, others) in itertools.combinations(heads.items(), 2):
        if shared := set(units.heads or ()) & set(others.heads or ()):
            where = f"{file}: families.{other}.heads"
            shown = f"{', '.join(sorted(shared))}, also of {name}"
            raise WorkbenchError(where, shown, "each head in one family")
    for name in heads:
        for look in spec.theory.families[name].looks:
            if look.of in heads:
                _refuse_order(heads, name, look.of, file)


def _refuse_order(
    heads: Mapping[str, CircuitFamily], name: str, carriers: str, file: Path | str
) -> None:
    """Raises WorkbenchError for heads of `name` that no head of the carriers comes before."""
    first = min(heads[carriers].by_layer)
    early = [head for head in heads[name].heads or () if int(head.split(".")[0]) <= first]
    if early:
        raise WorkbenchError(
            f"{file}: families.{name}.heads",
            f"{', '.join(early)}, which read what {carriers} carried",
            f"heads of layer {first + 1} or later, after {carriers}'s first",
        )


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
