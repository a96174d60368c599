"""Feature use by weights: planted readers of one pose, and units without known weights."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.planted import SITE, UNITS, planted
from workbench.analyses.usage.readers import Readers, readers
from workbench.analyses.usage.readers_table import draw_readers, unknown
from workbench.compiler.compile import trained_units
from workbench.hosts import PictureInput, host_from_module
from workbench.hosts.inception_blocks import ConvRelu, Mixed
from workbench.theory.poses import Units

# consumers that read only the unit at 130 degrees, all units equally, all but the one at 70, none
ONE, EVEN, INHIBITED, NONE = 5, 9, 2, 7
ROUNDING = 1e-4  # degrees, of weights in float32


@pytest.fixture(scope="module")
def planted_readers() -> Readers:
    host, trained, _ = planted()
    channels = [unit.unit for unit in UNITS]
    weight = host.module("consumers")[0].weight
    with torch.no_grad():
        weight[:, channels] *= 0.01
        for reader in (ONE, EVEN, INHIBITED, NONE):
            weight[reader, channels] = 0
        weight[ONE, UNITS[2].unit] = 3.0
        weight[EVEN, channels] = 2.0
        weight[INHIBITED, channels] = 2.0
        weight[INHIBITED, UNITS[1].unit] = -9.0
    return readers(host, SITE, "consumers", trained_units(trained), channels, 360.0, 4)


def test_a_reader_of_one_pose_is_shown_to_read_it_and_one_of_all_poses_none(planted_readers):
    result = planted_readers
    at = {int(unit): i for i, unit in enumerate(result.units)}
    assert {ONE, EVEN, INHIBITED} < at.keys()
    assert NONE not in at
    assert result.read_deg[at[ONE]] == pytest.approx(UNITS[2].centre_deg, abs=ROUNDING)
    assert result.one_pose[at[ONE]] == pytest.approx(1)
    assert result.one_pose[at[EVEN]] == pytest.approx(0, abs=1e-6)
    assert result.read_deg[at[INHIBITED]] == pytest.approx(
        UNITS[1].centre_deg + 180, abs=ROUNDING
    )  # what inhibits is no pose that excites
    assert (
        0.5 < min(result.share[at[unit]] for unit in (ONE, EVEN, INHIBITED)) < max(result.share) < 1
    )


def test_readers_are_in_the_order_of_the_poses_that_they_read(planted_readers):
    result = planted_readers
    assert list(result.read_deg) == sorted(result.read_deg)
    assert (result.known, result.channels, result.why) == (16, 16, "")


def test_the_share_is_of_all_that_a_unit_reads(planted_readers):
    result = planted_readers
    host, _, _ = planted()
    weight = host.module("consumers")[0].weight[ONE].detach().double()
    channels = [unit.unit for unit in UNITS]
    from_circuit, others = 9 * 3.0**2, float((weight**2).sum() - (weight[channels] ** 2).sum())
    assert result.share[list(result.units).index(ONE)] == pytest.approx(
        from_circuit / (from_circuit + others)
    )


def test_poses_without_sides_have_a_period_of_half_a_turn():
    poses_deg, weights = np.array([10.0, 70.0, 130.0]), np.zeros((1, 3, 1, 1))
    weights[0, 2] = 1.0
    result = Readers(
        "s", np.array([0]), ("a", "b", "c"), poses_deg, 180.0, weights, np.ones(1), 1, 1, ""
    )
    assert result.read_deg[0] == pytest.approx(130)
    level = Readers(
        "s",
        np.array([0]),
        ("a", "b", "c"),
        poses_deg,
        180.0,
        np.ones((1, 3, 1, 1)),
        np.ones(1),
        1,
        1,
        "",
    )
    assert level.one_pose[0] == pytest.approx(0, abs=1e-9)


CHAIN_UNITS = Units(("below:0", "below:3"), {"centre_deg": (0.0, 90.0)}, {"unit": 2})


def chain_readers(*between: nn.Module) -> Readers:
    tail = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    stages = nn.Sequential(ConvRelu(3, 8, 3), *between, Mixed(8, 4, 5, 8, 6, 10, 3), tail)
    host = host_from_module(
        stages,
        "chain",
        {"below": "0", "block": str(1 + len(between))},
        PictureInput(size_px=48, mean_rgb=(0.0,) * 3),
    )
    return readers(host, "below", "block", CHAIN_UNITS, [0, 3], 360.0, 5)


def test_units_behind_a_pool_are_counted_without_weights():
    result = chain_readers()
    assert (result.known, result.channels) == (22, 25)
    assert max(result.units) < 22
    assert "not known for 3 of the 25 units of block" in unknown(result)
    assert "the way to unit 22 is not known" in unknown(result)
    assert draw_readers(result).axes[0].images[0].get_array().shape == (5 * 6, 2 * 6)


def test_where_something_else_lies_between_there_are_no_readers_and_it_is_said():
    result = chain_readers(nn.Upsample(scale_factor=1))
    assert (len(result.units), result.known) == (0, 0)
    assert "no stage and the one just before it" in unknown(result)
