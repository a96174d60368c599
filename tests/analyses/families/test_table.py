"""The table and the picture of matched families."""

import io

import numpy as np
import pytest
from rich.console import Console

from workbench.analyses.families.figures import Families, LayerScore, MatchedUnit
from workbench.analyses.families.plot import site_colours
from workbench.analyses.families.table import families_table
from workbench.report.curves import HANDWRITTEN
from workbench.score.facts import Header
from workbench.score.uncertainty import Figure


def result() -> Families:
    pairs = tuple(
        MatchedUnit(f"mixed3b:{100 + i}", f"centre {15 * i}°", 15.0 * i, 0.9, 0.8, pearson, -0.1)
        for i, pearson in enumerate((0.81, -0.05, 0.4))
    )
    row = LayerScore(
        "early_curve",
        "mixed3b",
        3,
        3 / 480,
        Figure(0.387, (0.35, 0.42)),
        Figure(-0.1, (-0.12, -0.08)),
        pairs,
    )
    return Families(
        header=Header(
            host={"name": "inceptionv1"}, spec={"theory": "curve-detectors"}, images={"n": 500}
        ),
        thresholds={"tuning": 0.7, "direction": 0.7},
        sites={"conv2d0": 64, "mixed3b": 480},
        families={"line": 12, "early_curve": 24},
        layers=(row,),
        poses={},
        nearest={},
    )


@pytest.mark.parametrize("width", [80, 120])
def test_every_figure_is_whole_in_a_narrow_terminal(width):
    console = Console(width=width, file=io.StringIO())
    console.print(families_table(result()))
    text = console.file.getvalue()
    lines = [line.split() for line in text.splitlines()]
    assert [
        "early_curve",
        "mixed3b",
        "3",
        "0.6",
        "0.39",
        "0.35",
        "to",
        "0.42",
        "−0.10",
        "100:",
        "0.81",
        "101:",
        "−0.05",
    ] in lines
    assert ["line", "–", "0"] in lines
    assert "on 500 images" in " ".join(text.split())


def test_sites_have_colours_of_their_own_that_are_not_the_handwritten_units():
    colours = site_colours(["a", "b", "c", "d", "e"])
    assert len(set(colours.values()) | {HANDWRITTEN}) == 6
    assert all(
        np.mean([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) < 200
        for colour in colours.values()
    )
