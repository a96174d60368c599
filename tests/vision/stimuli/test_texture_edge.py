"""Edges between textures: which side is fine, and that a turned edge is the same picture turned."""

import numpy as np
import pytest

from workbench.vision.stimuli import Textures, texture_edge


def test_a_texture_edge_is_fine_towards_its_centre_and_coarse_away_from_it():
    """Zero crossings along two rows beside the edge; turned by 180 degrees they change places."""
    textures = Textures(fine_px=4.0, coarse_px=16.0, tilt_deg=0.0)
    drawn = texture_edge(
        96, (47.5, 47.5), np.array([0.0, 180.0]), textures=textures, window_px=1000.0
    )
    edge = drawn[..., 0] - 127
    away, towards = (
        np.abs(np.diff(np.sign(half[40] + 1e-3))).sum() / 2
        for half in (edge[0][:, :46], edge[0][:, 50:])
    )
    assert (towards, away) == pytest.approx((23, 6), abs=2)  # two crossings a cycle, over 46 px
    np.testing.assert_allclose(edge[1][::-1, ::-1], edge[0], atol=1e-3)
    assert np.abs(edge).max() == pytest.approx(100, abs=3)  # no pixel need lie on a crest
