"""Questions to the studio's processes, and their answers. Importing this module loads no torch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """A theory's text, which messages call `path`, and the file of its trained circuit."""

    text: str
    path: Path
    circuit_file: Path | None = None


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
