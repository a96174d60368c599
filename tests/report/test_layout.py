"""Figures that are laid out before they are saved: the same bytes, and one draw."""

import io

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from workbench.report.drawing import DOTS_PER_INCH, png
from workbench.report.svg import svg


def figure(layout="constrained"):
    made = Figure(figsize=(4, 3), layout=layout)
    left, right = made.subplots(1, 2)
    left.plot([0, 1, 2], [5, 1, 300], label="a line")
    left.set_ylabel("a label that takes room")
    right.imshow(np.arange(12).reshape(3, 4))
    right.set_title("two\nlines")
    made.supxlabel("below both")
    return made


def saved(made, kind, **options):
    buffer = io.BytesIO()
    made.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("layout", ["constrained", None])
def test_the_bytes_of_a_png_are_those_of_savefig(layout):
    plain = saved(figure(layout), "png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    assert png(figure(layout)) == plain


def test_a_figure_without_axes_is_saved_without_a_warning():
    assert png(Figure(layout="constrained")).startswith(b"\x89PNG")


def test_the_lines_of_an_svg_are_those_of_savefig():
    with rc_context({"svg.hashsalt": "name", "svg.fonttype": "none"}):
        plain = saved(figure(), "svg", transparent=True, metadata={"Date": None}).decode()
    drawn = svg(figure(), "name").decode()
    start = "<defs>"  # after the metadata
    assert drawn[drawn.index(start) :] == plain[plain.index(start) :]
    assert drawn != svg(figure(None), "name").decode()


@pytest.mark.parametrize("written", [png, lambda made: svg(made, "name")])
def test_a_figure_is_drawn_once(written, monkeypatch):
    drawn = []
    draw = Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda self, renderer: drawn.append(draw(self, renderer)))
    written(figure())
    assert len(drawn) == 1
