"""Overrides of the sites of a transformer: values of heads and neurons, and other logits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from workbench.hosts.hooks import Override
from workbench.hosts.scored_places import ScoredPlaces
from workbench.sequences.sites import pattern_site

Overrides = Mapping[str, Override]
Patterns = Mapping[int, tuple[tuple[int, ...], Float[Tensor, "n head q k"]]]


@dataclass(frozen=True)
class UnitValues:
    """An override that gives some units of a site these values, `n unit *position`.

    An axis of length 1, but that of the units, stands for all prompts or positions.
    """

    units: Sequence[int]
    values: Tensor

    def __call__(self, activation: Tensor) -> Tensor:
        """The activation with these values."""
        spliced = activation.clone()
        spliced[:, list(self.units)] = self.values.to(activation.dtype)
        return spliced

    def at(self, scored: ScoredPlaces) -> "UnitValues":
        """The override at the scored places alone."""
        if self.values.shape[2] == 1:
            return self
        every = self.values.expand(len(scored.places), *self.values.shape[1:])
        return UnitValues(self.units, scored.unit_rows(every))


def with_patterns(patterns: Patterns) -> dict[str, Override]:
    """Overrides that give heads these patterns."""
    return {pattern_site(layer): UnitValues(*of_layer) for layer, of_layer in patterns.items()}


def plus(added: Float[Tensor, "n place token"]) -> Override:
    """An override of the logits that adds to them."""
    return lambda logits: logits + added.movedim(2, 1).to(logits.dtype)


def replaced_by(answers: Float[Tensor, "n place token"]) -> Override:
    """An override of the logits by others, at all places or at the last alone."""
    return lambda logits: answers.movedim(2, 1).to(logits.dtype).expand_as(logits)
