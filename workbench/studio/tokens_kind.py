"""Theories of tokens in the studio: patterns of heads, and circles of neurons."""

from collections.abc import Sequence
from pathlib import Path

from workbench.sequences.files import TokenSpec, token_theory_from_text
from workbench.sequences.schema import json_schema
from workbench.studio.address import View
from workbench.studio.answers import ReportPicture
from workbench.studio.kind import DRAWING, Kind, ShownView


def _read(text: str, path: Path) -> TokenSpec:
    return token_theory_from_text(text, str(path))


def _patterns_html(pictures: Sequence[ReportPicture], family: str) -> str:
    return _pictures_html(pictures, family, "This family has no heads.")


def _circles_html(pictures: Sequence[ReportPicture], family: str) -> str:
    return _pictures_html(
        pictures, family, "This family has no neurons that trained ones can be compared with."
    )


def _pictures_html(pictures: Sequence[ReportPicture], family: str, missing: str) -> str:
    """The pictures of a family, as in the report, or why there are none."""
    shown = [
        f"<figure class=report>{picture.markup}<figcaption>{picture.caption}</figcaption></figure>"
        for picture in pictures
        if picture.family == family
    ]
    return "".join(shown) or f"<p class=small>{missing}</p>"


def _command(view: View) -> tuple[str, list[str]]:
    return "score", ["-o", "out"]


TOKENS = Kind(
    _read,
    json_schema,
    "workbench.studio.measure_tokens",
    {
        "patterns": ShownView(
            "Attention patterns", "patterns", _patterns_html, _command, DRAWING, of_family=True
        ),
        "circles": ShownView(
            "Circles of neurons", "circles", _circles_html, _command, DRAWING, of_family=True
        ),
    },
)
