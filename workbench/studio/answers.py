"""Questions to the studio's processes, and their answers. Importing this module loads no torch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stimulus:
    """A stimulus of the tuning curves: an arc, or for other families a bar or an edge of textures.

    Its centre of curvature, or its normal, lies in direction `centre_deg`.
    """

    centre_deg: float = 45.0
    radius_px: float = 24.0

    @property
    def text(self) -> str:
        """The stimulus as one word: `45,24`."""
        return f"{self.centre_deg:g},{self.radius_px:g}"


ARC = Stimulus()  # to begin with


@dataclass(frozen=True)
class Asked:
    """A theory's text, which messages call `path`, and the file of its trained circuit.

    `stimulus` is for the question that is about one.
    """

    text: str
    path: Path
    circuit_file: Path | None = None
    stimulus: Stimulus = ARC


@dataclass(frozen=True)
class KernelPicture:
    """The picture of one read: its family, its title, and an SVG."""

    family: str
    title: str
    svg: str


@dataclass(frozen=True)
class ScoreRow:
    """A condition: its recovered headline, or its Pearson where no answers are compared.

    `words` name it for a reader; `low` and `high` are the ends of the 95 % interval.
    """

    words: str
    condition: str
    colour: str
    value: float | None
    low: float | None
    high: float | None
    pearson: float | None


@dataclass(frozen=True)
class QuickScore:
    """The rows of the report's summary on `pictures` pictures; `label` names the figure."""

    rows: tuple[ScoreRow, ...]
    label: str
    pictures: int

    def row(self, condition: str) -> ScoreRow:
        """The row of a condition. Raises KeyError for one that is not there."""
        return {row.condition: row for row in self.rows}[condition]


@dataclass(frozen=True)
class Response:
    """The activation of a trained unit and of the handwritten one in its place, to a stimulus.

    `direction_deg` is the unit's pose.
    """

    unit: str
    direction_deg: float
    trained: float
    handwritten: float


@dataclass(frozen=True)
class StimulusAnswer:
    """The responses of each unit, by pose, to a stimulus.

    png       the picture that the network was shown, `size_px` squared
    apex_px   the point that the contour goes through, x and y
    """

    stimulus: Stimulus
    png: bytes
    size_px: int
    apex_px: tuple[float, float]
    responses: tuple[Response, ...]
