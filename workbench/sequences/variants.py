"""Variants of a theory of tokens: the changed theory, its faults, and the circuit that it takes."""

from collections.abc import Collection, Mapping

from workbench.sequences.changes import TokenVariant
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.language import TokenFamily, TokenTheory
from workbench.sequences.meaning import meaning_faults
from workbench.spec.partial import entries, validated
from workbench.spec.problems import Fault
from workbench.spec.source import Source
from workbench.spec.variants import at_variant, own_faults, unknown_keys, with_set

FROM_CIRCUIT = "from-circuit"


def varied(
    theory: TokenTheory, parsed: Source, wrong: Collection[Fault]
) -> tuple[dict[str, TokenTheory], list[Fault]]:
    """The theory of each variant, and the faults that variants add to those of the theory.

    Each variant must be a whole theory itself.
    """
    plain = entries(parsed.values, "families")
    made: dict[str, TokenTheory] = {}
    added: list[Fault] = []
    for name, variant in theory.variants.items():
        values, unknown = with_set(plain, variant)
        whole = {"theory": theory.theory, "input": "tokens", "families": values}
        changed, schema = validated(TokenTheory, whole)
        meaning = meaning_faults(changed) if changed else []
        faults = at_variant(name, variant, own_faults(variant, [*schema, *meaning], wrong))
        added += unknown_keys(plain, name, unknown, wrong) or faults
        added += _without_units(theory, name, variant)
        if changed:
            made[name] = theory.model_copy(
                update={"families": changed.families, "variants": {}, "claims": {}}
            )
    return made, added


def _without_units(theory: TokenTheory, name: str, variant: TokenVariant) -> list[Fault]:
    """A fault where a variant changes frequencies that the theory does not take from a circuit."""
    if variant.units.frequency_higher_by is None or any(
        map(reads_frequency, theory.families.values())
    ):
        return []
    path = ("variants", name, "units", "frequency_higher_by")
    expected = "a family whose frequency is from-circuit; set changes one that the theory gives"
    return [Fault("not-allowed", path, "no frequency from a circuit", expected)]


def reads_frequency(family: TokenFamily) -> bool:
    """Whether a family takes frequencies from the circuit file: neurons, or waves of heads."""
    declared = [look.frequency for look in family.looks]
    return FROM_CIRCUIT in (*declared, family.poses.frequency if family.poses else None)


def circuit_of(theory: TokenTheory, circuit: TokenCircuit, variant: TokenVariant) -> TokenCircuit:
    """The circuit with the units of a variant; families that read no frequency stay as they are."""
    higher = variant.units.frequency_higher_by
    if higher is None:
        return circuit
    reading = {name for name, family in theory.families.items() if reads_frequency(family)}
    families: Mapping = {
        name: family.model_copy(
            update={"frequency": tuple(frequency + higher for frequency in family.frequency)}
        )
        if family.frequency and name in reading
        else family
        for name, family in circuit.families.items()
    }
    return circuit.model_copy(update={"families": families})
