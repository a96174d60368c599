"""Proposed atoms as the text of a theory."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.analyses.propose.atoms import Atom
from workbench.spec import Spec, dumped
from workbench.spec.source import parse

LEFT_OUT = ("variants", "claims", "tuned")  # of the theory: they speak of the family as it was
BOUND = 2.0  # of a tuned weight; the largest is 1
DIGITS = 4  # significant


def proposed_text(spec: Spec, chosen: Sequence[tuple[Atom, float]], sizes: Mapping) -> str:
    """The theory with these reads of its last family, as YAML without a ledger.

    `sizes` are the axes and their numbers of values, by family.
    """
    values: dict[str, Any] = dict(parse(spec.text).values)
    for key in LEFT_OUT:
        values.pop(key, None)
    name, family = list(values["families"].items())[-1]
    values["theory"] = f"{values['theory']}-proposed"
    values["about"] = (
        f"The reads of {name} were proposed by a search; all other families are as in "
        f"{spec.theory.theory}."
    )
    reads = dict[str, list[dict[str, Any]]]()
    for source, term in terms(chosen, sizes):
        reads.setdefault(source, []).append(term)
    values["families"] = {**values["families"], name: {**family, "reads": reads}}
    return laid_out(values)


def laid_out(values: Mapping[str, Any]) -> str:
    """A theory's YAML with each term on one line."""
    lines = [dumped({key: value}) for key, value in values.items() if key != "families"]
    lines.append("families:")
    for name, family in values["families"].items():
        lines.append(f"  {name}:")
        for key, value in family.items():
            if key != "reads":
                lines.append(f"    {key}: {_line(value)}")
        lines.append("    reads:")
        for source, several in family["reads"].items():
            lines.append(f"      {source}:")
            several = several if isinstance(several, (list, tuple)) else [several]
            lines += [f"        - {_line(term)}" for term in several]
    return "\n".join(lines) + "\n"


def _line(value: Any) -> str:
    """A value on one line."""
    return dumped(value, flow=True).removesuffix("\n...").strip()


def terms(
    chosen: Sequence[tuple[Atom, float]], sizes: Mapping[str, Mapping[str, int]]
) -> list[tuple[str, dict[str, Any]]]:
    """Terms of the language, each with the family that it reads; the largest weight is 1.

    Weights that are all 0, as of a unit that never varies, stay so.
    """
    largest = max(abs(weight) for _, weight in chosen) or 1.0
    groups: dict[tuple, dict[int, float]] = {}
    for atom, weight in chosen:
        key = (atom.family, atom.place, atom.match, atom.by)
        groups.setdefault(key, {})[atom.harmonic] = weight / largest
    written = []
    for (family, place, match, by), harmonics in groups.items():
        term: dict[str, Any] = {"along": place.along, **dict(place.lengths)}
        if set(harmonics) == {0}:
            term |= {"match": "any", "gain": _number(harmonics[0])}
        else:
            last = max(harmonics)
            term |= {
                "match": match,
                "harmonics": [
                    _number(harmonics[k]) if k in harmonics else 0 for k in range(last + 1)
                ],
            }
        if by:
            axis, value = by
            term["by"] = {axis: [int(i == value) for i in range(sizes[family][axis])]}
        written.append((family, term))
    return written


def _number(value: float) -> dict[str, float]:
    return {"tune": float(f"{value:.{DIGITS}g}"), "min": -BOUND, "max": BOUND}
