"""The pose of a unit in the scorecard, and the order that reports show units in."""

from dataclasses import replace

from tests.report.cards import unit as scored_unit
from workbench.score.score import _scored_pose
from workbench.spec import TrainedUnit


def test_scored_pose_of_a_unit_with_a_direction_is_the_direction_alone():
    gabor = TrainedUnit(unit=1, centre_deg=30.0, phase_deg=90.0, scale=0.5, shift_px=(1.0, 2.0))
    assert _scored_pose(gabor) == {"centre_deg": 30.0}


def test_scored_pose_of_a_unit_without_a_direction_is_its_whole_pose():
    assert _scored_pose(TrainedUnit(unit=1, scale=0.5)) == {"scale": 0.5}


def test_direction_deg_without_a_direction_is_zero_so_that_order_is_kept():
    unit = scored_unit(1)
    assert unit.direction_deg == unit.pose["centre_deg"]
    assert replace(unit, pose={"scale": 0.5}).direction_deg == 0.0
