"""The edits of claims as conditions: what is measured before and after each, on which side.

An edit of attention is made in the trained network and in the handwritten circuit. A splice puts a
part of the theory, of a variant or of a control, in the trained one's place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from workbench.errors import WorkbenchError, nearest
from workbench.sequences.analyses.opened import Opened
from workbench.sequences.changes import TokenClaim
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.head_parts import Heads, as_layers, handwritten_patterns
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Patterns
from workbench.sequences.part import TokenPart
from workbench.sequences.parts import head_conditions, parts_of
from workbench.sequences.splice import TokenCondition, patterns_under
from workbench.sequences.varied_parts import varied_parts
from workbench.splice.conditions import ConditionFacts, ConditionKind

BEFORE, AFTER = "before", "after"  # conditions; without the first, `before` is the natural network
TRAINED, HANDWRITTEN = "trained", "handwritten"  # sides
CONTROL = "control."


@dataclass(frozen=True)
class Edits:
    """The parts of a theory and of its variants, from which the conditions of edits are made."""

    opened: Opened
    parts: Mapping[str, TokenPart]

    @classmethod
    def of(cls, opened: Opened) -> "Edits":
        """Those of a theory at its network."""
        return cls(opened, {part.name: part for part in parts_of(opened.subject)})

    def sides(self, claim: TokenClaim) -> dict[str, TokenPart]:
        """The conditions before and after an edit, and rivals, on each side where it is made.

        Raises WorkbenchError for a control that the part does not have, and for a variant that
        leaves the part as it is.
        """
        of = claim.expect.of
        return self._spliced(claim, of) if claim.edit.splice else self._uniform(claim, of)

    def _spliced(self, claim: TokenClaim, of: str | None) -> dict[str, TokenPart]:
        part = self.parts[claim.edit.splice or ""]
        spliced, other = part.condition("spliced"), self._other(claim, part)
        ablations = [
            ablated for ablated in part.conditions if ablated.facts.kind is ConditionKind.ABLATION
        ]
        pair = [spliced, other] if other else [spliced]
        if of is not None:
            pair = [self._watched(condition, of) for condition in pair]
        names = (BEFORE, AFTER) if other else (AFTER,)
        made = [_named(condition, name) for condition, name in zip(pair, names, strict=True)]
        return {HANDWRITTEN: replace(part, conditions=(*ablations, *made))}

    def _other(self, claim: TokenClaim, part: TokenPart) -> TokenCondition | None:
        """The part of the variant or control that a claim is about; None for the theory's own."""
        edit, opened = claim.edit, self.opened
        if edit.variant:
            varied = varied_parts(opened.subject, opened.spec, opened.circuit, edit.variant)
            known = {changed.name: changed.condition("spliced") for changed in varied}
            return _known(known, part.name, f"variant {edit.variant}", "a part that it changes")
        if edit.control:
            known = {
                condition.facts.name.removeprefix(CONTROL): condition
                for condition in part.conditions
                if condition.facts.kind is ConditionKind.CONTROL
            }
            return _known(known, edit.control, f"part {part.name}", "one of its controls")
        return None

    def _uniform(self, claim: TokenClaim, of: str | None) -> dict[str, TokenPart]:
        """Attention that is the same to every key, in the network and in what is handwritten."""
        families, subject = claim.edit.uniform or (), self.opened.subject
        flattened = replace(head_conditions(subject), by_hand=families).uniform()
        if of is not None:
            flattened = self._watched(flattened, of)
        any_part = next(iter(self.parts.values()))
        sides = {TRAINED: replace(any_part, conditions=(_named(flattened, AFTER),))}
        if written := self._written_part(families):
            sides[HANDWRITTEN] = self._uniform_by_hand(written, families, of)
        return sides

    def _written_part(self, families: Sequence[str]) -> TokenPart | None:
        """The largest handwritten part; None unless other heads of it are left by the edit."""
        part = self.parts.get("whole") or self.parts.get("heads")
        if part is None or not set(families) & set(part.families):
            return None
        left = set(part.families) - set(families)
        return part if left & set(self.opened.subject.written.heads) else None

    def _uniform_by_hand(
        self, part: TokenPart, families: Sequence[str], of: str | None
    ) -> TokenPart:
        heads = self.opened.subject.written.heads
        edited = {name: flat(head) if name in families else head for name, head in heads.items()}
        made = []
        for name, chosen in ((BEFORE, heads), (AFTER, edited)):
            spliced = _named(part.written_with(chosen), name)
            made.append(spliced if of is None else self._handwritten(spliced, chosen, of))
        return replace(part, conditions=tuple(made))

    def _watched(self, condition: TokenCondition, family: str) -> TokenCondition:
        """The condition with the patterns that a family's heads have under it."""
        layers = self.opened.subject.written.heads[family].layers
        return replace(condition, patterns=patterns_under(self.opened.host, condition, layers))

    def _handwritten(self, condition: TokenCondition, heads: Heads, family: str) -> TokenCondition:
        """The condition with the handwritten patterns of a family."""
        causal = self.opened.subject.causal

        def patterns(run: NaturalRun) -> Patterns:
            made = handwritten_patterns(heads, tuple(heads), run, causal)
            return as_layers(heads, made, (family,))

        return replace(condition, patterns=patterns)


def flat(family: WrittenHeads) -> WrittenHeads:
    """The heads with every gain at 0, so that they attend to every key alike."""
    terms = tuple(replace(term, gain=torch.zeros_like(term.gain)) for term in family.terms)
    return replace(family, terms=terms)


def _named(condition: TokenCondition, name: str) -> TokenCondition:
    facts = ConditionFacts(name, condition.facts.kind, condition.facts.label)
    return replace(condition, facts=facts)


def _known(
    known: Mapping[str, TokenCondition], name: str, where: str, expected: str
) -> TokenCondition:
    if name not in known:
        choice = f"{expected}: {', '.join(known) or 'there is none'}"
        raise WorkbenchError(where, f"no {name}", choice, nearest(name, known))
    return known[name]


def claim_parts(opened: Opened) -> dict[str, Mapping[str, TokenPart]]:
    """The conditions of every claim on each side. Raises WorkbenchError with the claim's key."""
    edits, made = Edits.of(opened), dict[str, Mapping[str, TokenPart]]()
    for name, claim in opened.spec.theory.claims.items():
        try:
            made[name] = edits.sides(claim)
        except WorkbenchError as error:
            where = f"{opened.spec.path}: claims.{name}: {error.where}"
            raise WorkbenchError(where, error.problem, error.expected, error.remedy) from error
    return made
