"""The valid parts of a faulty theory, whose meaning is checked as if the rest were right.

No check may depend on a faulty field of a family, so that one fault does not cause a second.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from workbench.errors import closest
from workbench.spec.language import (
    INPUT,
    Claim,
    Entry,
    Family,
    Gabor,
    Number,
    Poses,
    Steps,
    Term,
    Variant,
)
from workbench.spec.number import ENTRIES, listed
from workbench.spec.problems import Fault, Path, faults
from workbench.spec.terms import Reading

Model = TypeVar("Model", bound=BaseModel)
READING: TypeAdapter[Any] = TypeAdapter(Reading)
ONE = Number(tune=1.0)
# They stand for what is faulty. No check is against them, and none of their fields count as set.
KERNEL = Gabor.model_construct(set(), kernel="gabor", wavelength_px=ONE, sigma_px=ONE)
MOTIF = Term.model_construct(set(), along="point", match="any")
NO_WEIGHT = Entry.model_construct(set(), weight=ONE)
AXES = Poses(orientation_deg=Steps(every=180, over=180))
CHANGES = ("set", "edit")  # what variants and claims change
REST: dict[type, dict[str, Any]] = {
    Variant: {"about": "x"},
    Claim: {"about": "x", "expect": {"figure": "peak", "above": 0}},
}
REQUIRED = {"poses": "from-circuit", "window_px": 1.0, "reads": {INPUT: KERNEL}}


class PartialFamily(Family):
    """A family of which some fields, `faulty`, were wrong; their values stand in for them."""

    faulty: frozenset[str]


def known(family: Family, *fields: str) -> bool:
    """Whether these fields of a family are valid."""
    return not (isinstance(family, PartialFamily) and family.faulty.intersection(fields))


def validated(model: type[BaseModel], values: Any) -> tuple[Any, list[Fault]]:
    """The model of plain values, or None and its faults."""
    try:
        return model.model_validate(values, strict=True), []
    except ValidationError as error:
        return None, faults(error, model)


def entries(values: Any, key: str) -> Mapping[str, Any]:
    """The plain values of a theory's families, variants or claims; none if they cannot be."""
    named = values.get(key) if isinstance(values, Mapping) else None
    return named if isinstance(named, Mapping) and len(named) <= ENTRIES else {}


def valid_families(values: Any, wrong: Iterable[Fault]) -> dict[str, Family | None]:
    """The families of a theory's plain values, without what is faulty.

    `wrong` are the faults of the YAML. A family that is no mapping is None.
    """
    wrong = tuple(wrong)
    return {
        name: valid_family(name, family, wrong)[0]
        for name, family in entries(values, "families").items()
    }


def valid_entries(model: type[Model], values: Any, key: str) -> dict[str, Model]:
    """The valid ones of a theory's variants or claims, and those whose change is valid."""
    made = {}
    for name, entry in entries(values, key).items():
        whole, wrong = validated(model, entry)
        if wrong and isinstance(entry, Mapping):
            change = {part: entry[part] for part in CHANGES if part in entry}
            whole, _ = validated(model, REST[model] | change)
        if whole:
            made[name] = whole
    return made


def valid_family(
    name: str, values: Any, wrong: Iterable[Fault]
) -> tuple[Family | None, list[Fault]]:
    """A family without what is faulty, and the faults of its schema; see `valid_families`."""
    above = ("families", name)
    family, faulty = validated(Family, values)
    inside = [replace(fault, path=fault.path[2:]) for fault in wrong if fault.path[:2] == above]
    if isinstance(values, Mapping) and (inside or faulty):
        family = _without(values, [*inside, *faulty])
    return family, [replace(fault, path=(*above, *fault.path)) for fault in faulty]


def _without(values: Mapping[str, Any], wrong: list[Fault]) -> Family | None:
    """The family without what is faulty; None if it has more faults than are listed."""
    absent = set(Family.model_fields) - set(values)
    faulty = {str(fault.path[0]) for fault in wrong if fault.path}
    faulty |= {closest(key, absent) for key in faulty - set(Family.model_fields)}
    faulty |= absent.intersection(REQUIRED)
    if any(fault.code == "unsupported-yaml" and not fault.path for fault in wrong):
        faulty |= absent  # it may hide any key
    kept = {key: value for key, value in values.items() if key not in faulty}
    axes = {"poses": AXES} if isinstance(values.get("poses"), Mapping) else {}
    family, _ = validated(Family, {**REQUIRED, **axes, **kept})
    if family is None:
        return None
    if "reads" in faulty:
        below = [fault.path[1:] for fault in wrong if fault.path[:1] == ("reads",)]
        reads = {
            source: _terms(source, terms, [path[1:] for path in below if path[:1] == (source,)])
            for source, terms in entries(values, "reads").items()
        }
        family = family.model_copy(update={"reads": reads})
    return without_fields(family, faulty)


def without_fields(family: Family, faulty: Iterable[str]) -> Family:
    """The family with more faulty fields."""
    if not faulty:
        return family
    fields = {key: getattr(family, key) for key in Family.model_fields}
    known_before = family.faulty if isinstance(family, PartialFamily) else frozenset()
    return PartialFamily.model_construct(
        family.model_fields_set, **fields, faulty=known_before.union(faulty)
    )


def _terms(source: str, values: Any, wrong: list[Path]) -> tuple[Any, ...]:
    """The terms of one source, with a stand-in for each that is faulty."""
    if not isinstance(values, tuple):  # one term without its list; YAML's faults have no [0]
        wrong = [path if path[:1] == (0,) else (0, *path) for path in wrong]
    stand_in = KERNEL if source == INPUT else MOTIF
    return tuple(
        _term(value, [path[1:] for path in wrong if path[:1] == (i,)], stand_in)
        for i, value in enumerate(listed(values))
    )


def _term(value: Any, wrong: list[Path], stand_in: Gabor | Term) -> Any:
    """The term without its faulty keys; the stand-in if it is none without them."""
    if () in wrong or not isinstance(value, Mapping):
        return stand_in
    faulty = {path[0] for path in wrong}
    kept = {key: item for key, item in value.items() if key not in faulty}
    weights = {path[1] for path in wrong if path[0] == "weights" and len(path) > 1}
    if isinstance(value.get("weights"), tuple) and weights:
        kept["weights"] = tuple(
            NO_WEIGHT if i in weights else entry for i, entry in enumerate(value["weights"])
        )
    try:
        return READING.validate_python(kept, strict=True)
    except ValidationError:
        return stand_in
