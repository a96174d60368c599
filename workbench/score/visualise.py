"""Feature visualisation as figures: does what was made for a unit drive it, and what was made for the handwritten one the trained one?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

import workbench
from workbench.evaluate.visualise import Answers
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, spec_facts
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
TRAINED, HANDWRITTEN = "trained", "handwritten"


@dataclass(frozen=True)
class Made:
    """A picture made for a unit, written `site:channel`, `by` the trained or the handwritten one.

    trained, handwritten  what each says to it, over the highest that each says to the photographs
    others                mean over the circuit's other trained units, each over its own highest
    file                  the picture
    """

    unit: str
    by: str
    trained: float
    handwritten: float
    others: float
    file: str


@dataclass(frozen=True)
class Visualised:
    """Pictures for some units of a circuit; `side_px` is the side of each, the receptive field's."""

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    images: Mapping[str, object]
    seed: int
    steps: int
    side_px: int
    made: tuple[Made, ...]

    def of(self, by: str) -> list[Made]:
        """The pictures made by the trained units, or by the handwritten ones."""
        return [each for each in self.made if each.by == by]


def visualised_score(
    host: Host,
    spec: Spec,
    trained: TrainedCircuit,
    chosen: Sequence[int],
    said: Answers,
    pictures: Sequence[Picture],
    side_px: int,
    steps: int,
    seed: int,
) -> Visualised:
    """The figures; `said` is of the pictures made by the trained units `chosen` (indices), then of those by the handwritten ones."""
    over_trained = said.trained / np.maximum(said.best_trained, 1e-12)
    over_handwritten = said.handwritten / np.maximum(said.best_handwritten, 1e-12)
    made = []
    for row, (by, i) in enumerate((by, i) for by in (TRAINED, HANDWRITTEN) for i in chosen):
        unit = trained.units[i].unit
        others = np.delete(over_trained[row], i)
        mean = float(others.mean()) if len(others) else np.nan
        file = f"{trained.site}-{unit}-{by}.png"
        made.append(Made(f"{trained.site}:{unit}", by, float(over_trained[row, i]), float(over_handwritten[row, i]), mean, file))
    return Visualised(
        workbench=workbench.__version__,
        host=host_facts(host),
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        images=picture_facts(pictures),
        seed=seed,
        steps=steps,
        side_px=side_px,
        made=tuple(made),
    )


def visualised_json(found: Visualised) -> str:
    """visualise.json (docs/visualise.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(found)})
