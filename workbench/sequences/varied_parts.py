"""Conditions of variants: the parts of changed theories, next to those that they change."""

from collections.abc import Sequence
from dataclasses import replace

from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec
from workbench.sequences.part import TokenPart
from workbench.sequences.parts import parts_of
from workbench.sequences.splice import TokenCondition
from workbench.sequences.subject import Subject, varied_subject
from workbench.sequences.variants import circuit_of
from workbench.splice.conditions import RIVALS, ConditionFacts, ConditionKind

PREFIX = "variant."  # of the name of a variant's condition


def with_variants(
    subject: Subject, spec: TokenSpec, circuit: TokenCircuit, parts: Sequence[TokenPart]
) -> list[TokenPart]:
    """The parts with a condition for each variant of the theory that changes them."""
    made = list(parts)
    for name, variant in spec.theory.variants.items():
        facts = facts_of(name, variant.about)
        varied = {
            part.name: replace(part.condition("spliced"), facts=facts)
            for part in varied_parts(subject, spec, circuit, name)
        }
        made = [
            with_condition(part, varied[part.name]) if part.name in varied else part
            for part in made
        ]
    return made


def varied_parts(
    subject: Subject, spec: TokenSpec, circuit: TokenCircuit, name: str
) -> list[TokenPart]:
    """The parts of a variant in which a family is another than in the theory."""
    varied = varied_subject(subject, spec, circuit, name)
    units = circuit_of(varied.theory, circuit, spec.theory.variants[name]).families

    def differs(family: str) -> bool:
        other = units.get(family) != circuit.families.get(family)
        return other or varied.theory.families[family] != subject.theory.families[family]

    return [part for part in parts_of(varied) if any(map(differs, part.families))]


def facts_of(name: str, about: str) -> ConditionFacts:
    """The facts of a variant's condition."""
    return ConditionFacts(PREFIX + name, ConditionKind.VARIANT, about)


def with_condition(part: TokenPart, spliced: TokenCondition) -> TokenPart:
    """The part with a condition after the handwritten one and variants, before rivals."""
    before = [other for other in part.conditions if other.facts.kind not in RIVALS]
    after = [other for other in part.conditions if other.facts.kind in RIVALS]
    return replace(part, conditions=(*before, spliced, *after))
