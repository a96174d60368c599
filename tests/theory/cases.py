"""Motifs of every place and falloff, and units from columns, for the tests of the rule."""

from collections.abc import Mapping
from typing import Any

import pytest

from workbench.theory.poses import Units
from workbench.theory.rule import Motif

PLACE_CASES = [
    pytest.param("point", {}, id="point"),
    pytest.param("point", {"spread_px": 5.0}, id="blob"),
    pytest.param("line", {"spread_px": 4.0, "extent_px": 9.0}, id="line"),
    pytest.param("flanks", {"spread_px": 4.0, "distance_px": 7.0}, id="flanks"),
    pytest.param(
        "flanks", {"spread_px": 4.0, "distance_px": 7.0, "extent_px": 10.0}, id="long-flanks"
    ),
    pytest.param("ends", {"spread_px": 3.0, "distance_px": 8.0}, id="ends"),
    pytest.param("ends", {"spread_px": 3.0, "distance_px": 8.0, "extent_px": 6.0}, id="wide-ends"),
    pytest.param("inside", {"spread_px": 4.0, "distance_px": 8.0}, id="inside"),
    pytest.param(
        "outside", {"spread_px": 4.0, "distance_px": 8.0, "extent_px": 10.0}, id="long-outside"
    ),
    pytest.param("arc", {"spread_px": 4.0, "radius_px": 21.0, "extent_px": 13.0}, id="arc"),
    pytest.param("ring", {"spread_px": 4.0, "radius_px": 11.0}, id="ring"),
]
FALLOFFS = [
    {"tolerance_deg": 20.0},
    {"harmonics": [0.1, 0.6, 0.3, -0.2]},
    {"profile": [(5.0, 1.0), (30.0, 0.4), (55.0, -0.6), (80.0, 0.2)]},
    {"tolerance_deg": 35.0, "turned": "with"},
    {"profile": [(0.0, 0.7), (70.0, -0.3)], "turned": "against"},
]
FALLOFF_IDS = ["tolerance", "harmonics", "profile", "with", "against"]


def poses(**columns: tuple) -> Units:
    """Units of these poses, one column an axis; they are no full combination."""
    count = len(next(iter(columns.values())))
    return Units(tuple(map(str, range(count))), columns, {"unit": count})


def motif(
    place: str, match: str, where: Mapping[str, Any], falloff: Mapping[str, Any], **more: Any
) -> Motif:
    return Motif(
        place, match, more.pop("gain", 1.0), where, **({} if match == "any" else falloff), **more
    )
