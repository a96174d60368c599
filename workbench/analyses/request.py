"""The request that the full report passes to each analysis, and the result that it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import RenderableType

from workbench.vision.pictures import Picture


@dataclass(frozen=True)
class ReportRequest:
    """The subject and the pictures of a full report.

    `few` are the pictures of every part but the score, which takes all `pictures`. `bound` are
    families and the circuit files of the trained units that may stand in for them; `compare_with`
    are specs of other theories of the same units; `command` is the command that the report names.
    """

    spec_file: Path
    circuit_file: Path
    bound: Mapping[str, Path]
    compare_with: Sequence[Path]
    pictures: Sequence[Picture]
    few: Sequence[Picture]
    calibration: Sequence[Picture]
    command: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether a theory passed an argument.

    passed   None where the figures do not decide it
    figures  the figures that were judged, next to their baseline
    needs    what it takes to pass, with the threshold
    """

    passed: bool | None
    figures: str
    needs: str

    @property
    def word(self) -> str:
        """Passed, not passed or no verdict."""
        return {True: "passed", False: "not passed", None: "no verdict"}[self.passed]


@dataclass(frozen=True)
class PartResult:
    """A part's table, and sentences about what it leaves open.

    `verdicts` are by the anchor of the section that the argument stands in. `headline` opens the
    page, where a part has one.
    """

    table: RenderableType
    left_open: tuple[str, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    headline: str = ""
