"""Kernels: red where weights are positive, blue where negative, white at zero.

Curves: aligned at the pose, over their own peak.
"""

import csv
import io
import re
from dataclasses import replace

import cards
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from workbench.compiler.circuit import Layer, Read
from workbench.errors import WorkbenchError
from workbench.report.curves import draw_aligned, over_peak, relative
from workbench.report.drawing import Drawing
from workbench.report.drawings import drawings
from workbench.report.embedding import embedded
from workbench.report.glyphs import outline
from workbench.report.kernels import (
    HIGHEST,
    INCHES,
    SHOWN,
    colours,
    draw,
    draw_kernels,
    mosaic,
    panel,
    panels_of,
    save_kernels,
)
from workbench.report.ledger import draw_ledger, draw_summary
from workbench.report.patches import draw_patches
from workbench.report.svg import svg
from workbench.theory.poses import CENTRE, SHIFT_X, Units
from workbench.theory.rule import gabor_weights


def pixels(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return np.asarray(Image.open(buffer).convert("RGB")).astype(int)


def pixel_of(figure: Figure, row: int, column: int, side: int) -> np.ndarray:
    """Colour of the middle of one kernel in the first panel; kernels are `side` dots of the mosaic
    wide.
    """
    shown, axes = pixels(figure), figure.axes[0]
    x, y = axes.transData.transform([((side + 1) * i + side / 2 + 0.5) for i in (column, row)])
    return shown[round(shown.shape[0] - y), round(x)]


def test_red_excites_blue_inhibits_white_is_zero():
    (panel,) = panels_of(cards.circuit())["curve"]
    assert panel.rows == (
        "0°",
        "45°",
        "90°",
        "135°",
    )  # of phase 0, of which bar 0 excites and bar 1 inhibits
    figure = draw([panel])
    red, blue, white = (pixel_of(figure, row, 1, 24) for row in (0, 1, 2))
    assert red[0] > red[2] + 100
    assert blue[2] > blue[0] + 100
    assert tuple(white) == (255, 255, 255)


@pytest.mark.parametrize("scale", [0.001, 1.0, 50.0])
def test_zero_is_white_and_the_ends_are_full_whatever_the_scale(scale: float):
    shade = [colours()((weight / scale + 1) / 2)[:3] for weight in (-scale, 0.0, scale)]
    assert shade[1] == (1.0, 1.0, 1.0)
    assert shade[0][2] > 0.7 > 0.2 > shade[0][0]
    assert shade[2][0] > 0.7 > 0.2 > shade[2][2]


def test_the_hosts_own_units_that_read_the_picture_stand_in_one_row():
    """By direction, whatever else their poses are."""
    poses = {
        CENTRE: (200.0, 20.0, 110.0),
        "phase_deg": (0.0, 90.0, 90.0),
        "channel": ("luma", "luma", "red-green"),
    }
    weight = gabor_weights(
        units := Units(("s:5", "s:3", "s:9"), poses, {"unit": 3}), 5.0, 1.5, 1.0, 7.0, np.zeros(())
    )
    layer = Layer("edge", units, 2, (read := Read("input", weight),), 0.0, 1.0)
    shown = panel(layer, read, None)
    assert (shown.rows, shown.columns) == (("",), ("3: 20°", "9: 110°", "5: 200°"))
    np.testing.assert_allclose(shown.kernels[0, [0, 2]], weight[[1, 0], 0] * 3, atol=1e-12)
    draw([shown])


def test_mosaic_puts_each_kernel_where_its_poses_are():
    kernels = np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 3, 2, 2)
    whole = mosaic(kernels)
    assert whole.shape == (7, 10)
    np.testing.assert_array_equal(whole[4:6, 7:9], kernels[1, 2])
    assert np.isnan(whole[::3]).all()
    assert np.isnan(whole[:, ::3]).all()


def test_downstream_units_stand_in_the_order_of_their_poses():
    circuit = cards.circuit()
    curve = circuit.layers[1]
    turned = Units(curve.units.names, {CENTRE: (250.0, 30.0, 140.0)}, curve.units.shape)
    weight = curve.reads[0].weight.clone()
    weight[0] *= 3  # fire5:7 now points to 250 degrees: the last column
    layer = replace(curve, units=turned, reads=(replace(curve.reads[0], weight=weight),))
    (panel,) = panels_of(replace(circuit, layers=(circuit.layers[0], layer)))["curve"]
    assert panel.columns == ("8: 30°", "9: 140°", "7: 250°")
    np.testing.assert_array_equal(panel.kernels[0, :, 0, 0], [0.5, 0.5, 1.5])


def test_filters_are_seen_along_their_colour_axis():
    (panel,) = panels_of(cards.circuit())["bar"]
    assert panel.kernels.shape == (2, 4, 5, 5)
    np.testing.assert_allclose(
        panel.kernels[:, :, 2], 0.75
    )  # 0.25 on red, green and blue is 0.75 of the luma axis (1/3, 1/3, 1/3)
    assert panel.rows == ("phase 0°", "phase 90°")


def test_a_tables_weights_on_the_picture_are_drawn_or_said_not_to_be():
    circuit = cards.circuit()
    grey, red = (
        torch.full((3, 3, 3, 3), 0.5, dtype=torch.float64),
        torch.zeros(3, 3, 3, 3, dtype=torch.float64),
    )
    red[:, 0] = 0.5
    shifted = replace(
        circuit.layers[1].units, poses={CENTRE: cards.POSES, SHIFT_X: (1.5, -2.0, 0.25)}
    )
    layer = replace(circuit.layers[1], units=shifted)
    drawn = [panel(layer, Read("input", weight), None) for weight in (grey, red)]
    assert [shown.rows for shown in drawn] == [("",), ("",)]
    assert [shown.columns for shown in drawn] == [("7: 30°", "8: 140°", "9: 250°")] * 2
    np.testing.assert_allclose(drawn[0].kernels, 1.5)
    assert ["not drawn" in shown.title for shown in drawn] == [False, True]


def test_the_slice_that_weighs_most_is_drawn():
    circuit = cards.circuit()
    bars, curve = circuit.layers
    weight = curve.reads[0].weight.clone()
    second = [i for i, phase in enumerate(bars.units.poses["phase_deg"]) if phase == 90]
    for values, drawn, highest in ((0.0, "phase 0°", 0.5), (0.4, "phase 90°", 0.4)):
        weight[:, second] = values
        read = replace(curve.reads[0], weight=weight.clone())
        shown = panel(curve, read, bars.units)
        assert f"those of {drawn}" in shown.title
        assert shown.scale == highest
        assert shown.rows == ("0°", "45°", "90°", "135°")


def test_of_slices_that_weigh_the_same_the_first_is_drawn():
    bars, curve = cards.circuit().layers
    weight = torch.full_like(curve.reads[0].weight, 0.1)
    weight[:, 0] *= 1 + 1e-13  # rounding decides nothing
    shown = panel(curve, replace(curve.reads[0], weight=weight.flip(1)), bars.units)
    assert "those of phase 0°" in shown.title


def test_many_units_are_thinned_and_the_title_says_so():
    circuit = cards.circuit()
    curve = circuit.layers[1]
    many = Units(
        tuple(f"fire5:{i}" for i in range(40)),
        {CENTRE: tuple(9.0 * i for i in range(40))},
        {"unit": 40},
    )
    weight = curve.reads[0].weight[:1].repeat(40, 1, 1, 1)
    layer = replace(curve, units=many, reads=(replace(curve.reads[0], weight=weight),))
    (panel,) = panels_of(replace(circuit, layers=(circuit.layers[0], layer)))["curve"]
    assert panel.kernels.shape[1] <= SHOWN
    assert f"{panel.kernels.shape[1]} of 40" in panel.title


def test_kernels_are_written_as_a_picture(tmp_path):
    save_kernels(cards.circuit(), tmp_path / "kernels.png")
    with Image.open(tmp_path / "kernels.png") as image:
        assert image.size[0] > 500
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        save_kernels(cards.circuit(), tmp_path / "file" / "kernels.png")


def test_one_family_or_all():
    assert len(draw_kernels(cards.circuit(), "bar").axes) == 1
    assert len(draw_kernels(cards.circuit()).axes) == 2
    with pytest.raises(KeyError):
        draw_kernels(cards.circuit(), "baa")


def test_draw_many_panels_stand_in_columns_of_bounded_height():
    panels = panels_of(cards.circuit())["curve"]
    single = draw(panels).get_size_inches()
    assert single[0] == INCHES
    count = 3 * int(HIGHEST // single[1]) - 1  # the last column is not full
    figure = draw(panels * count)
    assert figure.get_size_inches()[0] == 3 * INCHES
    assert HIGHEST - single[1] < figure.get_size_inches()[1] <= HIGHEST
    figure.canvas.draw()
    places = [axes.get_window_extent() for part in figure.subfigs for axes in part.axes]
    assert len(places) == count
    assert {round(place.width) for place in places} == {round(places[0].width)}


def test_draw_a_tall_panel_is_bounded_and_too_many_are_refused():
    (panel,) = panels_of(cards.circuit())["curve"]
    tall = replace(
        panel,
        kernels=np.zeros((SHOWN, 1, 61, 61)),
        rows=("0°",) * SHOWN,
        columns=("0°",),
        row_poses=(None,) * SHOWN,
        column_poses=(None,),
    )
    assert draw([tall]).get_size_inches()[1] <= HIGHEST
    with pytest.raises(WorkbenchError, match=r"17 columns; expected at most 16\. Draw fewer fam"):
        draw([tall] * 17)


def test_glyphs_point_where_the_pose_points():
    bar = outline("orientation_deg", 90.0)
    assert np.ptp(bar[:, 0]) < 1e-9 < np.ptp(bar[:, 1])
    arc = outline(
        CENTRE, 90.0
    )  # its centre of curvature lies below the apex, and y is up in a glyph
    assert arc[len(arc) // 2, 1] > arc[0, 1]


def test_a_curve_is_seen_from_its_own_pose():
    curves = cards.curves()
    for i, pose in enumerate(cards.POSES):
        x, y = relative(curves.trained.mean(0)[:, i], curves.centre_deg, pose)
        assert (x[y.argmax()], y.max()) == (0.0, 1.0)
        assert x[0] <= -180
        assert x[-1] >= 180
    wrong, height = relative(curves.trained.mean(0)[:, 0], curves.centre_deg, cards.POSES[0] + 90)
    assert wrong[height.argmax()] == -90


def test_the_mean_curve_peaks_at_the_pose_and_shows_the_echo():
    axes = draw_aligned(cards.card().units, cards.curves()).axes[0]
    trained, handwritten = (line for line in axes.lines if line.get_linewidth() == 2)
    for line in (trained, handwritten):
        assert line.get_xdata()[line.get_ydata().argmax()] == 0
    at_180 = [
        float(np.interp(180, line.get_xdata(), line.get_ydata())) for line in (trained, handwritten)
    ]
    assert at_180[0] < 1e-6
    assert at_180[1] == pytest.approx(
        0.2 / (3 * 2.2 / 3 + 0.2)
    )  # the 0.2 that the handwritten curves never fall below, over their peak


def test_a_silent_unit_is_flat():
    np.testing.assert_array_equal(over_peak(np.zeros(5)), np.zeros(5))


def test_the_ledger_has_a_row_for_each_condition_and_a_panel_of_accuracies_with_labels():
    figure = draw_ledger(cards.card())
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        name for name in cards.RECOVERED if name != "natural"
    ]
    assert (len(figure.axes), len(draw_ledger(cards.card(labelled=False)).axes)) == (2, 1)
    assert "0.81" in {text.get_text() for text in figure.axes[0].texts}


def test_the_summary_has_its_rows_on_one_axis():
    axes = draw_summary(cards.card()).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "trained",
        "silenced (every unit at 0)",
        "handwritten",
        "best baseline (affine)",
    ]
    assert [text.get_text() for text in axes.texts] == ["1.00", "0.00", "0.81", "0.64"]


def test_the_summary_without_comparable_answers_is_of_correlations():
    axes = draw_summary(replace(cards.card(), compared=False)).axes[0]
    assert "Pearson" in axes.get_xlabel()
    assert axes.texts[2].get_text() == "0.41"  # half of what the card says is recovered


def drawn(name: str) -> Drawing:
    made = drawings(
        cards.card(), [cards.spec().theory], [cards.circuit()], [cards.curves()], cards.examples()
    )
    return next(drawing for drawing in made if drawing.name == name)


def test_svg_has_the_data_of_its_lines():
    text = drawn("tuning-radii").content().decode()
    assert "<text" in text  # text stays text
    description = re.search(r"<dc:description>(.*?)</dc:description>", text, re.DOTALL).group(1)
    rows = list(csv.DictReader(io.StringIO(description)))
    points = [(float(r["x"]), float(r["y"])) for r in rows if r["line"] == "fire5:8 trained"]
    response = cards.curves().trained[:, :, 1].max(1)
    np.testing.assert_allclose(points, list(zip((16, 24, 36), over_peak(response), strict=True)))
    assert "spliced,0.81,3" in drawn("ledger").content().decode()


def test_embedded_svg_escapes_its_alternative():
    shown = embedded("x", svg(draw_ledger(cards.card()), "x"), '"><script>alert(1)</script>', "")
    assert shown.markup.startswith("<svg role=")
    assert "<script" not in shown.markup
    assert "&#34;&gt;&lt;script&gt;" in shown.markup


def test_svg_is_the_same_each_time_and_escapes_text():
    card = cards.card()
    rows = card.conditions | {"compared.<script>": card.conditions["control.random"]}
    first, again = (svg(draw_ledger(replace(card, conditions=rows)), "x") for _ in range(2))
    assert first == again
    assert b"compared.&lt;script&gt;" in first
    assert b"<script" not in first


def test_patches_share_one_scale():
    figure = draw_patches(cards.examples())
    maps = [image for axes in figure.axes for image in axes.images if image.get_array().ndim == 2]
    assert len(maps) == 4
    assert {image.get_clim() for image in maps} == {(0, 1.0)}
    trained, handwritten = (image.get_alpha() for image in maps[:2])
    assert trained[0, 0] == handwritten[0, 0] == 0  # a silent cell shows the picture
    np.testing.assert_allclose(handwritten, trained / 2)
    assert all(
        tuple(image.get_extent()) == (0, 40, 40, 0) for axes in figure.axes for image in axes.images
    )  # a cell lies on the pixels that it stands on
    with pytest.raises(ValueError, match="no examples"):
        draw_patches(())
