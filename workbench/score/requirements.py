"""Requirements of a score, such as `pearson>=0.5` and `recovered>best-baseline`, as parsed."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import WorkbenchError, nearest
from workbench.score.readings import OF_PICTURES, OF_TOKENS

SIGNS = (">=", "<=", ">", "<")
WORDS = {"best-baseline": "baseline", "best-control": "control", "cheapest-ablation": "ablation"}
FORM = re.compile(r"\s*(?:([\w.-]+)\.)?([\w-]+)\s*(>=|<=|>|<)\s*(\S+)\s*")  # parts have dots
WHERE = "--require"
EXAMPLES = {False: "'pearson>=0.5' or 'recovered>best-baseline'", True: "'whole.logit_r2>=0.7'"}


@dataclass(frozen=True)
class Requirement:
    """A parsed requirement: `part.figure sign right`.

    part   of a theory of tokens; "" for a theory of units in pictures
    right  a number, or one of WORDS
    """

    text: str
    part: str
    figure: str
    sign: str
    right: float | str

    @property
    def lower_end(self) -> bool:
        """Whether the lower end of the interval is compared, else the upper one."""
        return self.sign.startswith(">")


def parsed(texts: Sequence[str], parts: Sequence[str] | None = None) -> tuple[Requirement, ...]:
    """Parse requirements; `parts` are those that a theory of tokens may have.

    Raises WorkbenchError for the first that is malformed, with the nearest known name.
    """
    return tuple(_parsed(text, parts) for text in texts)


def _parsed(text: str, parts: Sequence[str] | None) -> Requirement:
    where, known = f"{WHERE} {text!r}", OF_PICTURES if parts is None else OF_TOKENS
    match = FORM.fullmatch(text)
    if not match:
        raise WorkbenchError(
            where,
            "is no requirement",
            f"a figure, one of {', '.join(SIGNS)}, and a number or a word, as in "
            f"{EXAMPLES[parts is not None]}",
            f"Figures: {', '.join(known)}. Words: {', '.join(WORDS)}.",
        )
    part, figure, sign, right = match.groups(default="")
    _refuse_part(where, part, parts)
    if figure not in known:
        raise WorkbenchError(where, f"no figure {figure!r}", "", nearest(figure, known))
    return Requirement(text, part, figure, sign, _right(where, right))


def _refuse_part(where: str, part: str, parts: Sequence[str] | None) -> None:
    if parts is None and part:
        raise WorkbenchError(
            where, f"names a part, {part!r}", "the figure alone: parts are of theories of tokens"
        )
    if parts is not None and part not in parts:
        problem = f"no part {part!r}" if part else "names no part"
        remedy = nearest(part, parts)
        raise WorkbenchError(where, problem, "PART.FIGURE, as in whole.logit_r2", remedy)


def _right(where: str, text: str) -> float | str:
    if text in WORDS:
        return text
    try:
        number = float(text)
    except ValueError:
        problem = f"{text!r} is neither a number nor a word that is known"
        raise WorkbenchError(where, problem, "", nearest(text, WORDS)) from None
    if not math.isfinite(number):
        raise WorkbenchError(where, f"{text!r} is not finite", "a finite number")
    return number
