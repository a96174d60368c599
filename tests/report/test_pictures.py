"""Kernels: red where weights are positive, blue where negative, white at zero.

Curves: aligned at the pose, over their own peak.
"""

import io
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
from workbench.report.glyphs import outline
from workbench.report.kernels import (
    SHOWN,
    colours,
    draw,
    draw_kernels,
    mosaic,
    panel,
    panels_of,
    save_kernels,
)
from workbench.report.ledger import draw_ledger
from workbench.report.patches import draw_patches
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


def test_patches_share_one_scale():
    figure = draw_patches(cards.examples())
    maps = [image for axes in figure.axes for image in axes.images if image.get_array().ndim == 2]
    assert len(maps) == 4
    assert {image.get_clim() for image in maps} == {(0, 1.0)}
    with pytest.raises(ValueError, match="no examples"):
        draw_patches(())
