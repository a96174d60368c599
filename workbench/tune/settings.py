"""The settings of a tuning run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line reads the defaults, and should load nothing heavy for them
    from workbench.spec import TrainedCircuit

RATE = 0.06  # of Adam at its highest, in the numbers' logits
WEIGHTS = 0.3  # of the term for weights in the loss, where that of the responses is 1


@dataclass(frozen=True)
class TuneSettings:
    """The settings of a fit.

    steps       of gradient descent
    most        fit on at most this many pictures, the first by content hash
    seed        of the choice of each step's pictures
    hold        families whose numbers stay as they are
    rate        of the descent at its highest
    with_poses  whether the units' poses are fitted, too, where the spec gives them bounds
    bound       families, and their trained units, whose weights to the last family are fitted too
    weights     of the mean cosine of these weights in the loss, where the mean correlation of the
                responses has 1
    """

    steps: int = 200
    most: int = 200
    seed: int = 0
    hold: tuple[str, ...] = ()
    rate: float = RATE
    with_poses: bool = True
    bound: Mapping[str, "TrainedCircuit"] = field(default_factory=dict)
    weights: float = WEIGHTS
