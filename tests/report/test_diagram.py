"""The circuit's diagram: every family and read is in it, and its sketches are computed from the
rule.
"""

import csv
import io
import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from workbench.report.diagram import BOX, POINT, draw_diagram, layout_of
from workbench.report.sketches import draw_sketch, weight_by_pose
from workbench.report.svg import data_of
from workbench.shipped import shipped_folder
from workbench.spec import Spec, load_theory, theory_from_text
from workbench.spec.language import PLACE_LENGTHS, Term
from workbench.theory.match import EXPECTED
from workbench.vision.geometry.place import PLACES

SPECS = shipped_folder() / "specs"
LENGTHS = {"spread_px": 2, "extent_px": 6, "distance_px": 8, "radius_px": 12}
FIRST = """\
theory: long
families:
  f0:
    poses: {orientation_deg: {every: 30, over: 180}}
    stride_px: 4
    window_px: 9
    reads: {input: {kernel: gabor, wavelength_px: 6, sigma_px: 2}}
"""


def term(along: str, match: str = "any", **more) -> Term:
    needs, _ = PLACE_LENGTHS[along]
    falloff = {} if match == "any" else {"tolerance_deg": 20}
    lengths = {name: LENGTHS[name] for name in needs}
    return Term.model_validate({"along": along, "match": match, **lengths, **falloff, **more})


def sketch(read: Term, figure: Figure | None = None):
    family = load_theory(SPECS / "line.yaml").theory.families["line"]
    axes = (figure or Figure()).subplots()
    draw_sketch(axes, read, family.model_copy(update={"window_px": 32.0}))
    return axes


def chain(families: int) -> Spec:
    """A theory whose families each read the one before and the first."""
    text = FIRST
    for i in range(1, families):
        last = i == families - 1
        poses = "from-circuit" if last else "{orientation_deg: {every: 30, over: 180}}"
        stride = "" if last else "    stride_px: 4\n"
        reads = "".join(
            f"      {name}: {{along: point, match: tangent, tolerance_deg: 20}}\n"
            for name in dict.fromkeys((f"f{i - 1}", "f0"))
        )
        text += f"  f{i}:\n    poses: {poses}\n{stride}    window_px: 9\n    reads:\n{reads}"
    return theory_from_text(text, "long.yaml")


@pytest.mark.parametrize("along", PLACES)
@pytest.mark.parametrize("match", [*EXPECTED, "any"])
def test_every_place_and_match_of_the_language_has_a_sketch(along, match):
    axes = sketch(term(along, match))
    assert axes.images[0].get_array().max() > 0
    assert bool(axes.patches) == (match != "any")  # the wanted poses


@pytest.mark.parametrize(
    ("along", "places"),
    [
        ("point", {(0, 0)}),
        ("inside", {(0, 8)}),  # x right, y down: the centre of curvature is below
        ("outside", {(0, -8)}),
        ("flanks", {(0, -8), (0, 8)}),
        ("ends", {(-8, 0), (8, 0)}),
    ],
)
def test_a_sketch_is_darkest_where_the_read_looks(along, places):
    image = sketch(term(along)).images[0]
    weight, reach = image.get_array(), (image.get_array().shape[0] - 1) // 2
    for x, y in places:
        column, row = (round(reach + reach * px / 16) for px in (x, y))
        assert weight[row, column] == weight.max()
    assert weight[0, 0] < 0.05 * weight.max()


def test_the_wanted_poses_run_along_an_arc():
    for patch in sketch(term("arc", "tangent")).patches:
        start, end = patch.get_path().vertices[[0, -1]]
        middle, along = (start + end) / 2, end - start
        to_centre = np.array([0.0, 12.0]) - middle  # the arc's centre is a radius below the unit
        assert abs(along @ to_centre) < 0.05 * np.linalg.norm(along) * np.linalg.norm(to_centre)


def test_a_curve_is_the_weight_times_the_gain():
    waves = {"tolerance_deg": None, "harmonics": [0.1, 0.6, -0.2], "gain": -2}
    off_deg, weight = weight_by_pose(term("line", "tangent", **waves))
    turn = np.radians(2 * off_deg)  # 180 degrees of orientation are one turn
    np.testing.assert_allclose(weight, -2 * (0.1 + 0.6 * np.cos(turn) - 0.2 * np.cos(2 * turn)))
    assert (off_deg[0], off_deg[-1]) == (-90, 90)
    off_deg, weight = weight_by_pose(term("line", gain=-0.5))
    assert set(weight) == {-0.5}
    assert weight_by_pose(term("line", "same"))[0][-1] == 180


def test_every_read_of_a_theory_has_a_curve_with_its_data():
    theory = load_theory(SPECS / "curve-detectors.yaml").theory
    figure = draw_diagram(theory, dict.fromkeys(theory.families, 24))
    lines = {row["line"] for row in csv.DictReader(io.StringIO(data_of(figure)))}
    assert lines == {
        f"{name} reads {source} {i + 1}"
        for name, family in theory.families.items()
        for source, terms in family.reads.items()
        for i in range(len(terms))
        if source != "input"
    }
    words = [text.get_text() for text in figure.axes[0].texts]
    assert [word for word in words if word in ("pixels", *theory.families)].count("line") == 4
    assert words.count("24 units") == len(theory.families)


def test_a_family_of_trained_units_reads_nothing():
    theory = chain(4).theory
    words = [text.get_text() for text in draw_diagram(theory, {"f2": 6, "f3": 2}).axes[0].texts]
    assert "trained units" in words
    assert "pixels" not in words  # f0 and f1 are the network's, so nobody reads the pixels


@pytest.mark.parametrize("families", [1, 2, 12])
def test_neither_boxes_nor_lines_lie_on_each_other(families):
    text = FIRST.replace("{orientation_deg: {every: 30, over: 180}}", "from-circuit").replace(
        "    stride_px: 4\n", ""
    )
    theory = (chain(families) if families > 1 else theory_from_text(text, "one.yaml")).theory
    layout = layout_of(theory, dict.fromkeys(theory.families, 6))
    ends = sorted(end for box in layout.boxes.values() for end in box)
    assert ends == [end for box in layout.boxes.values() for end in box]
    assert ends[-1] < layout.height
    for one, other in itertools.combinations(layout.lanes.values(), 2):
        if one.column == other.column:
            assert one.bottom < other.top or other.bottom < one.top


def test_a_long_name_stays_in_its_box():
    text = chain(3).text.replace("f1", "complex_gabor_of_20_")
    theory = theory_from_text(text, "long.yaml").theory
    figure = draw_diagram(theory, dict.fromkeys(theory.families, 6))
    figure.set_dpi(POINT)
    renderer = FigureCanvasAgg(figure).get_renderer()
    widths = [
        text.get_window_extent(renderer).width
        for text in figure.axes[0].texts
        if text.get_ha() == "center"
    ]
    assert max(widths) < BOX
