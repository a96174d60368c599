"""What a window shows, as the query of its address, and the command that gives the same."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

KERNELS, TUNING = "kernels", "tuning"
VIEWS = (KERNELS, TUNING)


@dataclass(frozen=True)
class View:
    """The lower right part of a window: kernels of a family, or tuning curves."""

    view: str = KERNELS
    family: str = ""

    @property
    def query(self) -> str:
        """The view as a query, which `view_of` reads."""
        words = {"view": self.view}
        return f"?{urlencode(words | ({'family': self.family} if self.family else {}))}"


def view_of(view: str, family: str, families: Sequence[str]) -> View:
    """The view of a query. Without a known family it is the last one; unknown words are KERNELS."""
    known = family if family in families else families[-1] if families else family
    return View(view if view in VIEWS else KERNELS, known)


def command_of(view: View, spec_file: Path, circuit_file: Path | None) -> str:
    """The command line that computes what the view shows, from the saved theory."""
    files = [str(spec_file), *(["--circuit", str(circuit_file)] if circuit_file else [])]
    words = {
        KERNELS: ["show", *files, "--family", view.family, "-o", "kernels.png"],
        TUNING: ["score", *files, "--quick", "-o", "out"],
    }[view.view]
    return shlex.join(["workbench", *words])


def score_command(spec_file: Path, circuit_file: Path) -> str:
    """The command line that prints the quick score of the saved theory."""
    words = ["studio", str(spec_file), "--circuit", str(circuit_file), "--print"]
    return shlex.join(["workbench", *words])
