"""What the full report asks each analysis with, and what an analysis gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType

from workbench.vision.pictures import Picture


@dataclass(frozen=True)
class ReportRequest:
    """What a report is about.

    `few` are the pictures of every part but the score, which takes all `pictures`. `bound` are
    families and the circuit files of the trained units that may stand in for them; `compare_with`
    are specs of other theories of the same units; `command` is what the report says made it.
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
class PartResult:
    """A part's table, and sentences about what it leaves open."""

    table: RenderableType
    not_shown: tuple[str, ...] = ()
