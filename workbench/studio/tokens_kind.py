"""Theories of tokens in the studio: patterns of heads, and circles of neurons."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from markupsafe import escape

from workbench.sequences.files import TokenSpec, token_theory_from_text
from workbench.sequences.schema import json_schema
from workbench.studio.address import View
from workbench.studio.answers import ReportPicture
from workbench.studio.kind import DRAWING, Kind, ShownView


def _read(text: str, path: Path) -> TokenSpec:
    return token_theory_from_text(text, str(path))


def _patterns_html(pictures: Sequence[ReportPicture], family: str) -> str:
    return _pictures_html(pictures, family, "The theory has no heads.")


def _circles_html(pictures: Sequence[ReportPicture], family: str) -> str:
    missing = "The theory has no neurons that trained ones can be compared with."
    return _pictures_html(pictures, family, missing)


def _pictures_html(pictures: Sequence[ReportPicture], family: str, missing: str) -> str:
    """The pictures of a family, or of all where it has none; `missing` where there are none."""
    chosen = [picture for picture in pictures if picture.family == family] or pictures
    by_family = groupby(chosen, key=lambda picture: picture.family)
    return "".join(
        f"<h4>{escape(name)}</h4>{''.join(map(_picture_html, of_family))}"
        for name, of_family in by_family
    ) or (f"<p class=small>{missing}</p>")


def _picture_html(picture: ReportPicture) -> str:
    caption = escape(picture.caption)
    return f"<figure>{picture.markup}<figcaption>{caption}</figcaption></figure>"


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
