"""Feature use by weights: a planted reader of one pose is shown to read it, and units whose weights cannot be told are counted."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.planted import SITE, UNITS, planted
from workbench.compiler.compile import trained_units
from workbench.evaluate.readers import Readers, readers
from workbench.hosts import InputRange, host_from_module
from workbench.hosts.inception_blocks import ConvRelu, Mixed
from workbench.report.readers import draw_readers, unknown
from workbench.theory.poses import Units

ONE, EVEN, INHIBITED, NONE = (
    5,
    9,
    2,
    7,
)  # consumers that read the unit at 130 degrees alone, all alike, all but that at 70, and nothing of them
ROUNDING = 1e-4  # degrees, of weights in float32


@pytest.fixture(scope="module")
def found() -> Readers:
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


def test_a_reader_of_one_pose_is_shown_to_read_it_and_one_of_all_poses_none(found):
    at = {int(unit): i for i, unit in enumerate(found.units)}
    assert {ONE, EVEN, INHIBITED} < at.keys()
    assert NONE not in at
    assert found.read_deg[at[ONE]] == pytest.approx(UNITS[2].centre_deg, abs=ROUNDING)
    assert found.one_pose[at[ONE]] == pytest.approx(1)
    assert found.one_pose[at[EVEN]] == pytest.approx(0, abs=1e-6)
    assert found.read_deg[at[INHIBITED]] == pytest.approx(UNITS[1].centre_deg + 180, abs=ROUNDING)  # what inhibits is no pose that excites
    assert 0.5 < min(found.share[at[each]] for each in (ONE, EVEN, INHIBITED)) < max(found.share) < 1


def test_readers_are_in_the_order_of_the_poses_that_they_read(found):
    assert list(found.read_deg) == sorted(found.read_deg)
    assert (found.known, found.channels, found.why) == (16, 16, "")


def test_the_share_is_of_all_that_a_unit_reads(found):
    host, _, _ = planted()
    weight = host.module("consumers")[0].weight[ONE].detach().double()
    channels = [unit.unit for unit in UNITS]
    own, others = 9 * 3.0**2, float((weight**2).sum() - (weight[channels] ** 2).sum())
    assert found.share[list(found.units).index(ONE)] == pytest.approx(own / (own + others))


def test_poses_without_sides_have_a_period_of_half_a_turn():
    poses_deg, weights = np.array([10.0, 70.0, 130.0]), np.zeros((1, 3, 1, 1))
    weights[0, 2] = 1.0
    found = Readers("s", np.array([0]), ("a", "b", "c"), poses_deg, 180.0, weights, np.ones(1), 1, 1, "")
    assert found.read_deg[0] == pytest.approx(130)
    level = Readers("s", np.array([0]), ("a", "b", "c"), poses_deg, 180.0, np.ones((1, 3, 1, 1)), np.ones(1), 1, 1, "")
    assert level.one_pose[0] == pytest.approx(0, abs=1e-9)


UNITS_OF_CHAIN = Units(("below:0", "below:3"), {"centre_deg": (0.0, 90.0)}, {"unit": 2})


def of_chain(*between: nn.Module) -> Readers:
    tail = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    stages = nn.Sequential(ConvRelu(3, 8, 3), *between, Mixed(8, 4, 5, 8, 6, 10, 3), tail)
    host = host_from_module(stages, "chain", {"below": "0", "block": str(1 + len(between))}, InputRange(size_px=48, mean_rgb=(0.0,) * 3))
    return readers(host, "below", "block", UNITS_OF_CHAIN, [0, 3], 360.0, 5)


def test_units_behind_a_pool_are_counted_and_said_to_have_no_weights():
    found = of_chain()
    assert (found.known, found.channels) == (22, 25)
    assert max(found.units) < 22
    assert "3 of the 25 units of block" in unknown(found)
    assert "the way to unit 22 is not known" in unknown(found)
    assert draw_readers(found).axes[0].images[0].get_array().shape == (5 * 6, 2 * 6)


def test_where_something_else_lies_between_there_are_no_readers_and_it_is_said():
    found = of_chain(nn.Upsample(scale_factor=1))
    assert (len(found.units), found.known) == (0, 0)
    assert "no stage and the one just before it" in unknown(found)
