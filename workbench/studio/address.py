"""What a window shows, as the query of its address, and the command that gives the same."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from workbench.studio.answers import ARC, Stimulus

KERNELS, TUNING, STIMULUS = "kernels", "tuning", "stimulus"
VIEWS = (KERNELS, TUNING, STIMULUS)
RADII_PX = (2.0, 512.0)  # of a stimulus, at least and at most


@dataclass(frozen=True)
class View:
    """The lower right part of a window: kernels of a family, tuning curves, or one stimulus."""

    view: str = KERNELS
    family: str = ""
    stimulus: Stimulus = ARC

    @property
    def query(self) -> str:
        """The view as a query, which `view_of` reads."""
        words = {"view": self.view} | ({"family": self.family} if self.family else {})
        if self.view == STIMULUS:
            words["stimulus"] = self.stimulus.text
        return f"?{urlencode(words, safe=',')}"


def view_of(view: str, family: str, stimulus: str, families: Sequence[str]) -> View:
    """The view of a query's words.

    Unknown words are KERNELS, the last of the families, and the default stimulus.
    """
    known = family if family in families else families[-1] if families else family
    return View(view if view in VIEWS else KERNELS, known, stimulus_of(stimulus) or ARC)


def stimulus_of(text: str) -> Stimulus | None:
    """The stimulus of a text like `45,24`: degrees and pixels. None for another text."""
    try:
        centre_deg, radius_px = map(float, text.split(","))
    except ValueError:
        return None
    if not (math.isfinite(centre_deg) and RADII_PX[0] <= radius_px <= RADII_PX[1]):
        return None
    return Stimulus(centre_deg % 360, radius_px)


def dragged(apex_px: tuple[float, float], x_px: float, y_px: float) -> Stimulus:
    """The stimulus whose circle has its centre at a point of the picture."""
    x, y = x_px - apex_px[0], y_px - apex_px[1]
    radius_px = min(max(math.hypot(x, y), RADII_PX[0]), RADII_PX[1])
    return Stimulus(round(math.degrees(math.atan2(y, x)) % 360, 1), round(radius_px, 1))


def command_of(view: View, spec_file: Path, circuit_file: Path | None) -> str:
    """The command line that computes what the view shows, from the saved theory."""
    files = [str(spec_file), *(["--circuit", str(circuit_file)] if circuit_file else [])]
    words = {
        KERNELS: ["show", *files, "--family", view.family, "-o", "kernels.png"],
        TUNING: ["score", *files, "--quick", "-o", "out"],
        STIMULUS: ["studio", *files, "--print", "--stimulus", view.stimulus.text],
    }[view.view]
    return shlex.join(["workbench", *words])


def score_command(spec_file: Path, circuit_file: Path) -> str:
    """The command line that prints the quick score of the saved theory."""
    words = ["studio", str(spec_file), "--circuit", str(circuit_file), "--print"]
    return shlex.join(["workbench", *words])
