"""The figures of feature visualisation: how much each made picture drives the units."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.analyses.visualise.responses import Responses
from workbench.score.facts import Header, document_json
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
TRAINED, HANDWRITTEN = "trained", "handwritten"


@dataclass(frozen=True)
class Made:
    """A picture that was made for one unit.

    unit         the unit, written `site:channel`
    by           whose response it was made for: "trained" or "handwritten"
    trained      the trained unit's response to it, over its highest response to the photographs
    handwritten  the same of the handwritten unit
    others       the mean of the same over the circuit's other trained units
    file         the picture's file
    """

    unit: str
    by: str
    trained: float
    handwritten: float
    others: float
    file: str


@dataclass(frozen=True)
class Visualised:
    """The pictures made for some units of a circuit.

    `side_px` is the side of each picture, as large as the receptive field; `steps` are those of the
    gradient ascent.
    """

    header: Header
    steps: int
    side_px: int
    made: tuple[Made, ...]

    def of(self, by: str) -> list[Made]:
        """The pictures made for the trained units, or for the handwritten ones."""
        return [picture for picture in self.made if picture.by == by]


def visualised_score(
    header: Header,
    trained: TrainedCircuit,
    chosen: Sequence[int],
    responses: Responses,
    side_px: int,
    steps: int,
) -> Visualised:
    """The figures of the pictures that were made for the units `chosen` (indices).

    `responses` are to the pictures made for the trained units, then to those made for the
    handwritten units.
    """
    over_trained = responses.trained / np.maximum(responses.best_trained, 1e-12)
    over_handwritten = responses.handwritten / np.maximum(responses.best_handwritten, 1e-12)
    made = []
    for row, (by, i) in enumerate((by, i) for by in (TRAINED, HANDWRITTEN) for i in chosen):
        unit = trained.units[i].unit
        others = np.delete(over_trained[row], i)
        mean = float(others.mean()) if len(others) else np.nan
        file = f"{trained.site}-{unit}-{by}.png"
        made.append(
            Made(
                f"{trained.site}:{unit}",
                by,
                float(over_trained[row, i]),
                float(over_handwritten[row, i]),
                mean,
                file,
            )
        )
    return Visualised(
        header=header,
        steps=steps,
        side_px=side_px,
        made=tuple(made),
    )


def visualised_json(result: Visualised) -> str:
    """The text of visualise.json (docs/visualise.md); numbers that are not finite become null."""
    return document_json(result, FORMAT)
