"""What is compiled into weights, and what a part's compilation gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.hosts.host import Host
from workbench.sequences.compile import Written
from workbench.sequences.language import TokenTheory
from workbench.sequences.parts import PartNumbers
from workbench.sequences.splice import NaturalRun
from workbench.sequences.weights.network import Layers, Weights


@dataclass(frozen=True)
class Subject:
    """A theory that is compiled for a host.

    written  with calibrated gains of heads
    run      of calibration prompts
    """

    host: Host
    theory: TokenTheory
    written: Written
    run: NaturalRun
    seed: int = 0

    @property
    def length(self) -> int:
        """The places of a prompt."""
        return self.run.tokens.shape[1]


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
