"""Questions to the studio's processes, and their answers. Importing this module loads no torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Stimulus:
    """A stimulus of the tuning curves: an arc, or for other families a bar or an edge of textures.

    Its centre of curvature, or its normal, lies in direction `centre_deg`. An edge has no width.
    """

    centre_deg: float = 45.0
    radius_px: float = 24.0
    width_px: float = 3.0
    drawn: ClassVar[bool] = True

    @property
    def text(self) -> str:
        """The stimulus as one word: `45,24`, or `45,24,6` with a width that is not ARC's."""
        width = f",{self.width_px:g}" if self.width_px != ARC.width_px else ""
        return f"{self.centre_deg:g},{self.radius_px:g}{width}"

    @property
    def words(self) -> str:
        """The stimulus in a sentence, and what to do with it."""
        return (
            f"direction {self.centre_deg:g}°, radius {self.radius_px:g} pixels, width "
            f"{self.width_px:g} pixels. Drag on the picture: the pointer is the centre of the "
            "circle; with Shift it is on the edge of the line. Or drop a picture here."
        )


ARC = Stimulus()  # to begin with


@dataclass(frozen=True)
class GivenPicture:
    """A picture that was given as a stimulus.

    name  of its file
    png   the square of it that the network gets, as a PNG
    """

    name: str
    png: bytes = field(repr=False)
    drawn: ClassVar[bool] = False

    @property
    def text(self) -> str:
        """The stimulus as one word: its name."""
        return self.name

    @property
    def words(self) -> str:
        """The stimulus in a sentence."""
        return f"{self.name}: a unit's response is its highest activation anywhere on the picture."


@dataclass(frozen=True)
class Asked:
    """A theory's text, which messages call `path`, and the file of its trained circuit.

    `stimulus` and `unit` are for questions that are about one; no unit is the one that matters
    most to the answer. `prompts_text` is the text that prompts of tokens are cut from, where the
    circuit asks for one.
    """

    text: str
    path: Path
    circuit_file: Path | None = None
    stimulus: Stimulus | GivenPicture = ARC
    unit: str = ""
    prompts_text: Path | None = None

    @property
    def theory(self) -> "Asked":
        """The same without what only some questions are about."""
        return Asked(self.text, self.path, self.circuit_file)


@dataclass(frozen=True)
class KernelPicture:
    """The picture of one read: its family, its title, and an SVG."""

    family: str
    title: str
    svg: str


@dataclass(frozen=True)
class ReportPicture:
    """A picture of the report, of one family: its markup and its caption."""

    family: str
    markup: str
    caption: str


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
    """Rows of recovered figures.

    label   names the figure
    sample  what it is over: "24 pictures"
    main    the condition whose figure is compared with that of the saved theory
    second  the same rows by another figure, where a verdict rests on another one
    """

    rows: tuple[ScoreRow, ...]
    label: str
    sample: str
    main: str = "spliced"
    second: "QuickScore | None" = None

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
    apex_px   the point that a drawn contour goes through, x and y
    unit      the one of `units` whose activations are laid over the picture
    svg       the picture with both activations of that unit
    """

    stimulus: Stimulus | GivenPicture
    png: bytes
    size_px: int
    apex_px: tuple[float, float] | None
    responses: tuple[Response, ...]
    unit: str
    units: tuple[str, ...]
    svg: str


@dataclass(frozen=True)
class Part:
    """The part of one term in a drive, in the network's units of activation.

    term     as `workbench diff` names it: "line[0]"
    written  its YAML, on one line
    """

    term: str
    written: str
    value: float


@dataclass(frozen=True)
class WorstAnswer:
    """The place where a handwritten unit is most wrong.

    unit      the one of `units` that it is of
    picture   its name
    at_px     the place on the picture as the network gets it, x and y
    svg       the patch around it, with both activations of the unit
    parts     add up, with `bias`, to `total`: the handwritten activation before the site's link
    """

    unit: str
    units: tuple[str, ...]
    picture: str
    at_px: tuple[float, float]
    svg: str
    parts: tuple[Part, ...]
    bias: float
    total: float
    handwritten: float
    trained: float
