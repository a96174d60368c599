"""The content of a window as the query of its address, and the command that gives the same."""

import math
import shlex
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from workbench.studio.answers import ARC, GivenPicture, Stimulus

KERNELS, TUNING, STIMULUS, WORST = "kernels", "tuning", "stimulus", "worst"
VIEWS = (KERNELS, TUNING, STIMULUS, WORST)
ANY = "any"  # unit: the one that is most wrong
NO_PICTURES: Mapping[str, GivenPicture] = {}
QUICK_SCORE = "studio", ("--print",)  # the command that prints it, and its options
RADII_PX, WIDTHS_PX = (2.0, 512.0), (0.5, 64.0)  # of a stimulus, at least and at most


@dataclass(frozen=True)
class View:
    """The lower right part of a window.

    Kernels of a family, tuning curves, one stimulus, or the place where a unit is most wrong. An
    empty `unit` leaves the choice to the answer.
    """

    view: str = KERNELS
    family: str = ""
    stimulus: Stimulus | GivenPicture = ARC
    unit: str = ""

    @property
    def query(self) -> str:
        """The view as a query, which `view_of` reads."""
        words = {"view": self.view} | ({"family": self.family} if self.family else {})
        if self.view == STIMULUS:
            words["stimulus"] = self.stimulus.text
        if self.view in (STIMULUS, WORST) and self.unit:
            words["unit"] = self.unit
        return f"?{urlencode(words, safe=',:')}"


def view_of(
    words: Mapping[str, str],
    families: Sequence[str],
    pictures: Mapping[str, GivenPicture] = NO_PICTURES,
    views: Sequence[str] = VIEWS,
) -> View:
    """The view of a query's words; `pictures` are those that were given, by name.

    Unknown words are the first of the views, the last of the families, and the default stimulus.
    """
    view, family, stimulus = (words.get(key, "") for key in ("view", "family", "stimulus"))
    known = family if family in families else families[-1] if families else family
    shown = stimulus_of(stimulus) or pictures.get(stimulus) or ARC
    return View(view if view in views else views[0], known, shown, words.get("unit", ""))


def stimulus_of(text: str) -> Stimulus | None:
    """The stimulus of a text like `45,24` or `45,24,6`: degrees, radius and width in pixels.

    None for another text.
    """
    try:
        centre_deg, radius_px, *width = map(float, text.split(","))
        (width_px,) = width or (ARC.width_px,)
    except ValueError:
        return None
    within = _within(radius_px, RADII_PX) == radius_px and _within(width_px, WIDTHS_PX) == width_px
    if not (math.isfinite(centre_deg) and within):
        return None
    return Stimulus(centre_deg % 360, radius_px, width_px)


def finite(value: object) -> float | None:
    """A value of a browser's event as a number; None for another one."""
    try:
        number = float(value)  # type: ignore[arg-type]  # others raise TypeError
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def dragged(stimulus: Stimulus, apex_px: tuple[float, float], x_px: float, y_px: float) -> Stimulus:
    """The stimulus with the centre of its circle at a point of the picture."""
    x, y = x_px - apex_px[0], y_px - apex_px[1]
    return replace(
        stimulus,
        centre_deg=round(math.degrees(math.atan2(y, x)) % 360, 1),
        radius_px=round(_within(math.hypot(x, y), RADII_PX), 1),
    )


def widened(stimulus: Stimulus, apex_px: tuple[float, float], x_px: float, y_px: float) -> Stimulus:
    """The stimulus so wide that a point of the picture lies on an edge of its line."""
    angle = math.radians(stimulus.centre_deg)
    x = x_px - apex_px[0] - stimulus.radius_px * math.cos(angle)
    y = y_px - apex_px[1] - stimulus.radius_px * math.sin(angle)
    width_px = 2 * abs(math.hypot(x, y) - stimulus.radius_px)
    return replace(stimulus, width_px=round(_within(width_px, WIDTHS_PX), 1))


def _within(value: float, bounds: tuple[float, float]) -> float:
    """The value, or the bound that it passes; nan stays nan."""
    return min(max(value, bounds[0]), bounds[1])


def command_line(files: Sequence[str], command: str, options: Sequence[str]) -> str:
    """The command line of a command on the files of a studio."""
    return shlex.join(["workbench", command, *files, *options])


def data_uri(kind: str, content: bytes) -> str:
    """Content of a MIME type as an address."""
    return f"data:{kind};base64,{b64encode(content).decode()}"
