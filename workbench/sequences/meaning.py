"""The meaning of a theory of tokens beyond its schema: families that exist, parts, and variants."""

from collections.abc import Iterator, Mapping

from workbench.errors import nearest
from workbench.sequences.changes import OVERLAP_FIGURE, TokenClaim
from workbench.sequences.language import TokenFamily, TokenTheory
from workbench.spec.language import INPUT
from workbench.spec.problems import Fault

# units -> the units whose families they may read, besides the tokens themselves
READS = {
    "through": ("heads",),
    "heads": ("heads", "numbers"),
    "neurons": ("numbers",),
    "answers": ("neurons", "heads"),
}


def meaning_faults(theory: TokenTheory) -> list[Fault]:
    """The faults of families that read what is not above them, or what they cannot read."""
    faults = []
    above: dict[str, TokenFamily] = {}
    for name, family in theory.families.items():
        if name == INPUT:
            advice = "another name: 'input' is the token"
            faults.append(Fault("wrong-name", ("families", name), "the name 'input'", advice))
        faults += _look_faults(name, family, above)
        faults += _read_faults(name, family, above)
        above[name] = family
    if last := list(theory.of_units("answers"))[1:]:
        path = ("families", last[0])
        faults.append(Fault("conflict", path, "a second family of answers", "one of them"))
    return faults


def _look_faults(name: str, family: TokenFamily, above: Mapping[str, TokenFamily]) -> list[Fault]:
    faults: list[Fault] = []
    for i, look in enumerate(family.looks):
        at = ("families", name, "looks", i)
        if look.of is not None and look.of != INPUT:
            faults += _source_faults((*at, "of"), "heads", look.of, above)
        source_family = above.get(look.of or "")
        given = look.frequency is not None
        wanted = source_family is not None and source_family.units == "numbers"
        if given and not wanted:
            shown = f"frequency, of {look.of or 'any token'}"
            faults.append(Fault("conflict", (*at, "frequency"), shown, "only of numbers"))
        if wanted and not given:
            keys = "the keys frequency and phase_deg"
            faults.append(Fault("missing-key", at, "no frequency", keys))
    return faults


def _read_faults(name: str, family: TokenFamily, above: Mapping[str, TokenFamily]) -> list[Fault]:
    faults: list[Fault] = []
    for read_name, read in family.reads.items():
        at = ("families", name, "reads", read_name)
        if read_name != INPUT or family.units == "neurons":
            faults += _source_faults(at, family.units, read_name, above)
        source_units = above[read_name].units if read_name in above else ""
        if read.through is not None:
            faults += _source_faults((*at, "through"), "through", read.through, above)
            if source_units != "numbers":
                shown = f"through, for {read_name}"
                faults.append(Fault("conflict", (*at, "through"), shown, "only for numbers"))
        for key, units in (("harmonics", ("numbers", "neurons")), ("places", ("numbers",))):
            given, wanted = bool(getattr(read, key)), source_units in units
            if given and not wanted:
                shown = f"{key}, for {read_name}"
                faults.append(Fault("conflict", (*at, key), shown, f"{key} only for {units[0]}"))
            if wanted and not given:
                faults.append(Fault("missing-key", at, f"no {key}", f"the key {key}"))
    return faults


def _source_faults(
    at: tuple, units: str, source_name: str, above: Mapping[str, TokenFamily]
) -> Iterator[Fault]:
    readable = [name for name, family in above.items() if family.units in READS[units]]
    if source_name not in readable:
        expected = f"a family above of {' or '.join(READS[units])}"
        yield Fault(
            "unknown-family", at, repr(source_name), expected, nearest(source_name, readable)
        )


def part_names(theory: TokenTheory) -> tuple[str, ...]:
    """The names of a theory's parts of level "score", in the order of the scorecard."""
    heads, answers = theory.of_units("heads"), theory.of_units("answers")
    read = [source for family in theory.of_units("neurons").values() for source in family.reads]
    names = [*dict.fromkeys(read), *heads, *(["heads"] if len(heads) > 1 else [])]
    for family in answers.values():
        names += ["mlp"] if theory.of_units("neurons") else []
        names += ["copying", "circuit"] if heads.keys() & family.reads.keys() else []
        names.append("whole")
    return tuple(names)


def claim_faults(theory: TokenTheory) -> list[Fault]:
    """The faults of claims that name a family, a part or a variant that is not there."""
    return [fault for name, claim in theory.claims.items() for fault in _claim(theory, name, claim)]


def _claim(theory: TokenTheory, name: str, claim: TokenClaim) -> Iterator[Fault]:
    heads, parts, edit = tuple(theory.of_units("heads")), part_names(theory), claim.edit
    patterns = (*heads, "heads")
    of_overlap = claim.expect.figure == OVERLAP_FIGURE
    chosen = [
        *((("edit", "uniform", i), family, heads) for i, family in enumerate(edit.uniform or ())),
        (("edit", "splice"), edit.splice, patterns if of_overlap else parts),
        (("edit", "variant"), edit.variant, tuple(theory.variants)),
        (("expect", "of"), claim.expect.of, heads),
    ]
    expected = {
        "uniform": "a family of heads",
        "splice": "a part that writes patterns" if of_overlap else "a part of the theory",
        "variant": "a variant of the theory",
        "of": "a family of heads",
    }
    for path, given, known in chosen:
        if given is not None and given not in known:
            at = ("claims", name, *path)
            what = expected[str(path[1])]
            yield Fault("unknown-family", at, repr(given), what, nearest(given, known))
