"""The request that the full report passes to each analysis, and the result that it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """How many of a part's checks the theory passed; `checks` says what they are, in the plural."""

    passed: int
    of: int
    checks: str

    @property
    def words(self) -> str:
        """Whether the theory passed, and the count."""
        word = "passed" if self.passed == self.of else "passed in part" if self.passed else "failed"
        return f"{word}: {self.passed} of {self.of} {self.checks}"


@dataclass(frozen=True)
class PartResult:
    """A part's table, and sentences about what it leaves open.

    `verdict` is None for a part whose document judges nothing, or that had nothing to judge.
    `headline` opens the page, where a part has one.
    """

    table: RenderableType
    left_open: tuple[str, ...] = ()
    verdict: Verdict | None = None
    headline: str = ""
