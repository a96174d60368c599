"""One part of a theory of tokens: what is replaced, its numbers, and its conditions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.sequences.head_parts import Heads
from workbench.sequences.splice import TokenCondition

SCORE_LEVEL, WEIGHTS_LEVEL = "score", "weights"
KINDS = ("rule", "exceptions", "calibrated", "bound")  # of a part's numbers


@dataclass(frozen=True)
class PartNumbers:
    """The numbers that a part uses.

    rule        of its terms: constants, tuned values, offsets, frequencies
    exceptions  of gates on places, which break the rule's symmetry
    calibrated  gains and means fitted on calibration prompts
    bound       directions read off the trained network
    """

    rule: int
    exceptions: int = 0
    calibrated: int = 0
    bound: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.rule + self.exceptions + self.calibrated + self.bound


@dataclass(frozen=True)
class TokenPart:
    """A part of a theory: what is replaced, at which level, and under which conditions.

    families  those that are handwritten
    level  "score": a rule for the score before the softmax or for the logits, with no claim about
           the weights behind it; or "weights": numbers in the network's own tensors
    kept   share of the rule's scores that the weights keep (`kept_share`); None where they are
           exact, and at level "score"
    with_heads  makes the handwritten part with the given heads; None at level "weights"
    """

    name: str
    words: str
    numbers: PartNumbers
    conditions: tuple[TokenCondition, ...]
    families: tuple[str, ...] = ()
    level: str = SCORE_LEVEL
    kept: float | None = None
    with_heads: Callable[[Heads], TokenCondition] | None = None

    def condition(self, name: str) -> TokenCondition:
        """The condition of that name; raises KeyError without one."""
        return {spliced.facts.name: spliced for spliced in self.conditions}[name]

    def written_with(self, heads: Heads) -> TokenCondition:
        """The handwritten part with these heads. Raises TypeError at level "weights"."""
        if self.with_heads is None:
            raise TypeError(f"{self.name} is of level weights: its heads cannot be replaced")
        return self.with_heads(heads)


def summed(counted: Sequence[PartNumbers]) -> PartNumbers:
    """The numbers of several parts together."""
    return PartNumbers(*(sum(getattr(numbers_of, key) for numbers_of in counted) for key in KINDS))
