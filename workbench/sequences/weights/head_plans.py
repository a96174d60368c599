"""The weights of the parts that write attention patterns: of one family, and of all together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.head_parts import by_layer, trained_patterns
from workbench.sequences.part import PartNumbers, summed
from workbench.sequences.parts import looks_numbers
from workbench.sequences.subject import Subject
from workbench.sequences.weights import query_key, rotary
from workbench.sequences.weights.heads import HeadRequest, HeadWeights
from workbench.sequences.weights.plan import PartWeights, Plans, Refusals


@dataclass(frozen=True)
class Compiler:
    """A kind of compilation of heads.

    refused   why a family of a host cannot be compiled so
    compiled  the weights of a family
    controls  wrong weights with the same numbers
    """

    refused: Callable[[Host, WrittenHeads], str | None]
    compiled: Callable[[HeadRequest], HeadWeights]
    controls: Callable[[HeadRequest, HeadWeights], dict[str, tuple[str, HeadWeights]]]


LOW_RANK = Compiler(query_key.refused, query_key.compiled, query_key.controls)
COMPILERS: Mapping[str, Compiler] = {  # by the network's positions
    "learned": LOW_RANK,
    "queries-and-keys": LOW_RANK,
    "rotary": Compiler(rotary.refused, rotary.compiled, rotary.controls),
}


def head_plans(subject: Subject) -> tuple[Plans, Refusals]:
    """The weights of each family of heads, and of all families as the part "heads"."""
    compiler = COMPILERS[shape_of(subject.host).positions]
    refusals: dict[str, str] = {}
    families: dict[str, _Family] = {}
    for name, heads in subject.written.heads.items():
        if reason := compiler.refused(subject.host, heads):
            refusals[name] = reason
        else:
            families[name] = _Family(subject, name, compiler)
    plans = {name: partial(_plan, [family]) for name, family in families.items()}
    if len(subject.written.heads) > 1:
        if refusals:
            refusals["heads"] = f"{', '.join(refusals)} cannot be written as weights"
        else:
            plans["heads"] = partial(_plan, list(families.values()))
    return plans, refusals


@dataclass(frozen=True)
class _Family:
    """A family of heads, compiled once."""

    subject: Subject
    name: str
    compiler: Compiler

    @property
    def request(self) -> HeadRequest:
        heads, run = self.subject.written.heads, self.subject.run
        written = heads[self.name]
        carried = {source: trained_patterns(heads[source], run).mean(1) for source in written.reads}
        return HeadRequest(self.subject.host, written, run, carried, self.subject.seed)

    @cached_property
    def made(self) -> HeadWeights:
        return self.compiler.compiled(self.request)

    @cached_property
    def wrong(self) -> dict[str, tuple[str, HeadWeights]]:
        return self.compiler.controls(self.request, self.made)

    @property
    def numbers(self) -> PartNumbers:
        """The numbers of its looks, or those that stand in their place; and of the fit."""
        if self.made.calibrated:
            return PartNumbers(0, 0, self.made.calibrated, self.made.bound)
        looks = looks_numbers(self.subject.theory, self.subject.written, self.name)
        return replace(looks, bound=looks.bound + self.made.bound)


def _plan(families: list[_Family]) -> PartWeights:
    """The weights of families together; controls change the last one."""
    names = [family.name for family in families]
    *others, last = families
    heads = by_layer({name: last.subject.written.heads[name] for name in names})

    def plan(of_last: HeadWeights) -> PartWeights:
        made = [*(family.made for family in others), of_last]
        weights = {place: value for compiled in made for place, value in compiled.weights.items()}
        kept = ", ".join(f"{compiled.kept:.2f}" for compiled in made)
        forms = " and ".join(dict.fromkeys(compiled.form for compiled in made))
        return PartWeights(
            weights=weights,
            words=f"{forms} of {' and '.join(names)}; share of the rule's scores kept: {kept}",
            numbers=summed([family.numbers for family in families]),
            controls=lambda: {
                name: (label, plan(compiled)) for name, (label, compiled) in last.wrong.items()
            },
            kept=min(compiled.kept for compiled in made),
            heads=heads,
        )

    return plan(last.made)
