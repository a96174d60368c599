"""A parsed file -> its theory or its trained circuit, or every problem of the file at once."""

from collections.abc import Mapping
from typing import Any

from workbench.spec.circuit import TrainedCircuit, TrainedUnit, misfits
from workbench.spec.language import Claim, Theory, Variant, numbers
from workbench.spec.ledger_file import with_ledger
from workbench.spec.meaning import claim_faults, theory_faults
from workbench.spec.partial import (
    entries,
    valid_entries,
    valid_families,
    valid_family,
    validated,
)
from workbench.spec.problems import MOST, Fault
from workbench.spec.reads import Families
from workbench.spec.source import Source
from workbench.spec.variants import (
    at_variant,
    own_faults,
    path_of,
    unknown_keys,
    with_lists,
    with_set,
)

VARIED = 500_000  # values of a theory's variants together, a whole theory each


def checked_theory(parsed: Source) -> tuple[Theory, dict[str, Theory]]:
    """The theory of a file, and that of each of its variants. Raises SpecError."""
    values, of_ledger = with_ledger(parsed)
    theory, schema = validated(Theory, values)
    families: Families = (
        theory.families
        if theory and not parsed.faults
        else valid_families(parsed.values, parsed.faults)
    )
    wrong = [*of_ledger, *schema, *(theory_faults(families) if families else ())]
    variants = valid_entries(Variant, parsed.values, "variants")
    varied, of_variants = _variants(parsed, families, variants, [*parsed.faults, *wrong])
    wrong += without_bounds(families, parsed) + of_variants
    wrong += claim_faults(families, valid_entries(Claim, parsed.values, "claims"))
    parsed.refuse([*parsed.faults, *parsed.independent(wrong)])
    return theory, {name: _varied(theory, changed) for name, changed in varied.items()}


def checked_circuit(parsed: Source) -> TrainedCircuit:
    """The trained circuit of a file. Raises SpecError."""
    circuit, wrong = validated(TrainedCircuit, parsed.values)
    if circuit is None and isinstance(parsed.values, Mapping):
        listed = parsed.values.get("units")
        rows = listed if isinstance(listed, tuple) else ()
        units = [unit for row in rows if (unit := validated(TrainedUnit, row)[0])]
        wrong += [Fault("conflict", (), None, expected) for expected in misfits(units)]
    parsed.refuse([*parsed.faults, *parsed.independent(wrong)])
    return circuit


def _variants(
    parsed: Source, families: Families, variants: Mapping[str, Variant], wrong: list[Fault]
) -> tuple[dict[str, Families], list[Fault]]:
    """The changed families of each variant, and the faults that it adds to those of the theory.

    Each variant must be a whole theory itself. They are not looked at if they are too many.
    """
    if not families:
        return {}, []
    if len(variants) * len(parsed.places) > VARIED:
        return {}, [_too_many_variants(parsed, len(variants))]
    plain = with_lists(entries(parsed.values, "families"))
    made: dict[str, Families] = {}
    added: list[Fault] = []
    for name, variant in variants.items():
        values, unknown = with_set(plain, variant)
        changed, faulty = dict(families), []
        for family in {str(path_of(key)[1]) for key in variant.set if key not in unknown}:
            changed[family], schema = valid_family(family, values[family], parsed.faults)
            faulty += schema
        variant_faults = own_faults(variant, [*faulty, *theory_faults(changed)], wrong)
        made[name] = changed
        added += unknown_keys(plain, name, unknown, wrong) or at_variant(
            name, variant, variant_faults
        )
        if len(added) > MOST:
            break
    return made, added


def _too_many_variants(parsed: Source, count: int) -> Fault:
    """The fault of a theory that is too long for as many variants: each is a whole theory."""
    shown = f"{count} variants of a theory of {len(parsed.places):,} values"
    most = f"at most {VARIED:,} values in all variants"
    return Fault("too-large", ("variants",), shown, most)


def _varied(theory: Theory, families: Families) -> Theory:
    """The theory with other families, without variants and claims."""
    kept = theory.model_fields_set - {"variants", "claims"}
    fields = {name: getattr(theory, name) for name in kept} | {"families": families}
    return Theory.model_construct(kept, **fields)


def without_bounds(families: Any, parsed: Source) -> list[Fault]:
    """Faults of `{tune: 5}` without bounds, which would be taken for a constant silently."""
    bare = [
        path
        for path, number in numbers(families, ("families",))
        if not number.tuned and (*parsed.resolve(path), "tune") in parsed.places
    ]
    expected = "min and max beside tune, or the number alone"
    return [Fault("missing-key", path, None, expected) for path in bare]
