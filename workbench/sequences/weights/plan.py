"""The result of compiling a part into weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.sequences.part import PartNumbers
from workbench.sequences.weights.network import Layers, Weights


@dataclass(frozen=True)
class PartWeights:
    """The weights of a part.

    kept      the share of the rule's scores that they keep; None where they are exact
    heads     those whose patterns are compared with the trained ones
    controls  makes wrong weights with the same numbers, by name, with a label
    """

    weights: Weights
    words: str
    numbers: PartNumbers
    controls: Callable[[], "dict[str, tuple[str, PartWeights]]"]
    kept: float | None = None
    heads: Layers | None = None


Plans = Mapping[str, Callable[[], PartWeights]]  # a part's name -> what compiles its weights
Refusals = Mapping[str, str]  # a part's name -> why it has no weights
