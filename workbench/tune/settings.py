"""The settings of a tuning run."""

from dataclasses import dataclass

RATE = 0.06  # of Adam at its highest, in the numbers' logits


@dataclass(frozen=True)
class TuneSettings:
    """The settings of a fit.

    steps       of gradient descent
    most        fit on at most this many pictures, the first by content hash
    seed        of the choice of each step's pictures
    hold        families whose numbers stay as they are
    rate        of the descent at its highest
    with_poses  whether the units' poses are fitted, too, where the spec gives them bounds
    """

    steps: int = 200
    most: int = 200
    seed: int = 0
    hold: tuple[str, ...] = ()
    rate: float = RATE
    with_poses: bool = True
