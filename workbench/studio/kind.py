"""The facts of one kind of input, such as pictures or tokens, that the studio needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.studio.address import View
from workbench.studio.draft import AnySpec

DRAWING, SCORING = 0, 1  # the processes: of what is drawn at once, and of the quick score


@dataclass(frozen=True)
class ShownView:
    """A view of the lower right part of a window.

    task       the function of the kind's tasks that computes it
    html       of the task's value and a family
    command    the command that gives the same, and its options but for the files
    process    DRAWING or SCORING
    of_family  whether one family is shown
    of_window  whether each window asks by itself, with what only it shows
    """

    title: str
    task: str
    html: Callable[[Any, str], str]
    command: Callable[[View], tuple[str, list[str]]]
    process: int = SCORING
    of_family: bool = False
    of_window: bool = False


@dataclass(frozen=True)
class Kind:
    """Theories of one kind of input.

    read    a text, which messages call `path`, -> the theory; raises SpecError
    schema  the JSON schema of their files
    tasks   the module of the computations: those of the views, and `quick_score`
    views   by name; the first is shown at the beginning
    """

    read: Callable[[str, Path], AnySpec]
    schema: Callable[[], Mapping[str, Any]]
    tasks: str
    views: Mapping[str, ShownView]

    @property
    def first(self) -> str:
        """The view that is shown at the beginning."""
        return next(iter(self.views))
